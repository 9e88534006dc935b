package hook

import (
	"fmt"
	"net/http"
	"time"
)

// Policy says how hard to try a delivery.
type Policy struct {
	Timeout     time.Duration                   // for one attempt; 0: 15 s
	Attempts    int                             // all together; 0: 1
	Backoff     func(attempt int) time.Duration // the wait after a failed attempt, the first being 1; if nil, none
	RedirectEnd bool                            // a redirect ends the delivery for good; if false, it is a failure like others
}

// longest is how long a receiver may delay us by Retry-After.
const longest = time.Hour

// timeout is what both providers use, as far as they say: fal says 15 s, Replicate "a few seconds".
const timeout = 15 * time.Second

// DefaultPolicy is what a dialect's own provider does.
//
// fal says that it retries 10 times over 2 hours, and that a redirect ends a delivery; the waits in between are ours.
// Replicate says (docs/topics/webhooks/receive-webhook) that only the last notice of a prediction is retried, several
// times, with exponential backoff, for about a minute; it does not say how often, and we have not verified it.
func DefaultPolicy(n Notice) Policy {
	switch {
	case n.Dialect == "replicate" && n.Event != "completed":
		return Policy{Timeout: timeout, Attempts: 1}
	case n.Dialect == "replicate":
		return Policy{Timeout: timeout, Attempts: 6, Backoff: Exponential(2 * time.Second)} // 2 to 32 s, 62 s in sum
	}
	p := Policy{Timeout: timeout, Attempts: 11, Backoff: Exponential(7 * time.Second)} // 7 s to 1 h, 2 h in sum
	p.RedirectEnd = n.Dialect == "fal"
	return p
}

// Exponential returns a Backoff that doubles, up to longest.
func Exponential(first time.Duration) func(attempt int) time.Duration {
	return func(attempt int) time.Duration {
		wait := first
		for ; attempt > 1 && wait < longest; attempt-- {
			wait *= 2
		}
		return min(wait, longest)
	}
}

// answer is the outcome of an attempt. The zero answer is a delivery.
type answer struct {
	err        error         // why it is not a delivery
	final      bool          // trying again is of no use
	retryAfter time.Duration // how long the receiver asks us to wait
}

// judge says what an answer means.
func (p Policy) judge(status int, retryAfter time.Duration) answer {
	if status/100 == 2 {
		return answer{}
	}
	final := status == http.StatusGone || p.RedirectEnd && status/100 == 3
	return answer{err: fmt.Errorf("status %d", status), final: final, retryAfter: retryAfter}
}

// next returns when to try again after so many attempts, if at all.
func (p Policy) next(attempts int, a answer, now time.Time) (due time.Time, again bool) {
	if a.final || attempts >= p.Attempts {
		return time.Time{}, false
	}
	var wait time.Duration
	if p.Backoff != nil {
		wait = p.Backoff(attempts)
	}
	return now.Add(max(wait, min(a.retryAfter, longest))), true
}
