package switchyard

import (
	"encoding/json"
	"time"
)

// Outcome is how an attempt, or a whole generation, ended.
type Outcome string

const (
	OK           Outcome = "ok"           // at least one image
	Filtered     Outcome = "filtered"     // a safety refusal, or no image because of one
	Refused      Outcome = "refused"      // our request is wrong or not allowed: 400, 404, 422
	Unauthorized Outcome = "unauthorized" // 401, 403, out of credit 402
	RateLimited  Outcome = "rate_limited" // 429
	Overloaded   Outcome = "overloaded"   // 5xx
	Timeout      Outcome = "timeout"      // no answer, or not all of it, in time
	Unreachable  Outcome = "unreachable"  // dial, TLS, reset before an answer
	BadReply     Outcome = "bad_reply"    // malformed, truncated, no image and no reason, not an image
	Canceled     Outcome = "canceled"     // the app left, or an operator cut it
	Lost         Outcome = "lost"         // the process ended in the middle
)

// Outcomes returns all of them that may be in a route's fallback_on.
func Outcomes() []Outcome {
	return []Outcome{Filtered, Refused, Unauthorized, RateLimited, Overloaded, Timeout, Unreachable, BadReply}
}

// Blames reports whether the outcome speaks against the provider, so that its breaker counts it as a failure.
// A filtered prompt, a bad request and an app that left do not.
func (o Outcome) Blames() bool {
	switch o {
	case RateLimited, Overloaded, Timeout, Unreachable, BadReply, Unauthorized:
		return true
	}
	return false
}

// Neither returns the outcomes that say nothing about the target, good or bad: what was asked for was filtered or refused, or
// the app left. A share of successes is one of the other outcomes, except in the report of an experiment: its arms are asked
// for the same, so there what is filtered or refused speaks against the arm.
func Neither() []Outcome { return []Outcome{Filtered, Refused, Canceled} }

// Stage is how far an attempt got. From Sent on, the provider may have charged us.
type Stage uint8

const (
	Unsent   Stage = iota // not one byte left us
	Sent                  // sent, no answer read
	Answered              // the provider answered
)

func (s Stage) String() string { return [...]string{"unsent", "sent", "answered"}[s] }

// Charge is what is known of the money an attempt cost.
type Charge string

const (
	ChargeNone     Charge = "none"     // known to have cost nothing
	ChargeSettled  Charge = "settled"  // known, or booked by the price book for what was delivered
	ChargePossible Charge = "possible" // may have been charged; the amount is the estimate
)

// Paid reports whether there may be something to pay.
func (c Charge) Paid() bool { return c == ChargeSettled || c == ChargePossible }

// Basis is where an amount comes from.
type Basis string

const (
	BasisBook     Basis = "price-book" // our own prices, for what was delivered
	BasisReported Basis = "reported"   // by the provider: its usage, its metrics
	BasisEstimate Basis = "estimate"   // our own prices, for what was asked for
	BasisUnknown  Basis = "unknown"    // no price is known; the amount is meaningless, not zero
	BasisCached   Basis = "cached"     // paid for by another generation
)

// Cost is an amount with what is known about it. The zero Cost says that there is certainly nothing to pay.
type Cost struct {
	Amount Money
	Basis  Basis // empty if nothing was charged
	Charge Charge
}

// USD returns the amount as JSON has it: an exact number of dollars, or null (nil) if nobody knows it.
func (c Cost) USD() *json.Number {
	if c.Basis == BasisUnknown {
		return nil
	}
	return new(json.Number(c.Amount.String()))
}

// Possible returns an estimate as the cost of what may have been charged.
func (c Cost) Possible() Cost {
	c.Charge = ChargePossible
	return c
}

// Attempt is one request to one target. Parts of a fanned-out generation are attempts of their own.
type Attempt struct {
	ID         string // ours; at least 120 random bits, never taken from the app
	Generation string
	Number     int // 1 for the first target tried; parts of one fan-out share it
	Part       int // 0 unless fanned out, then 1 to n
	Target     string
	Provider   string
	Model      string // as the provider names it
	Started    time.Time
	Latency    time.Duration // until it was settled, polls and downloads included; 0 while it runs
	Stage      Stage
	Outcome    Outcome // empty while it runs
	Status     int     // HTTP; 0 if there was no answer
	Images     int     // delivered
	Estimate   Cost    // what it would cost if all went well
	Cost       Cost    // what it cost
	Job        string  // the provider's id of an asynchronous job
	Err        error   // why it failed, for logs: the ledger does not keep it; may be nil
}

// Lost returns the attempt as it ends if nobody will ever know how it went, because its process died or its target is gone.
// Nobody can know that its request never left, either, so it may have been charged.
func (a Attempt) Lost() Attempt {
	a.Outcome, a.Stage, a.Cost = Lost, Sent, a.Estimate.Possible()
	return a
}

// Generation is one request of an app, written down when it is over.
type Generation struct {
	ID        string
	RequestID string // the app's X-Request-Id, if any; a label only, never a key
	Tenant    string
	Key       string // name of the virtual key; empty without
	Tier      string // label "tier" of the virtual key, else of the request
	Kind      string // "generation" or "passthrough"
	Dialect   string // the app's
	Path      string
	Model     string // as the app named it
	Route     string
	Variant   string
	Started   time.Time
	Latency   time.Duration // from Started until it was booked
	Outcome   Outcome
	Target    string // the one that answered; empty if none
	Provider  string
	Served    string // the model that answered
	Attempts  int
	Asked     int // images
	Delivered int
	Cost      Cost // sum over the attempts
	Fidelity  string
	Prompt    string            // SHA-256 in hexadecimal, or the text if the operator keeps prompts
	Shape     string            // what was asked for, as far as rules can ask about it; JSON, see router.Shape
	Hosted    []string          `json:"-"` // names of its hosted images, only the first if there are many; a name is enough to fetch the picture
	Labels    map[string]string // of X-Switchyard-Label-* headers, lower case
}
