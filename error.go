package switchyard

import (
	"errors"
	"fmt"
	"time"
)

// Kind is what an app is told. A front maps it to the status and body from which the app's SDK makes the right typed
// error. Nothing else of an Error ever reaches the app, except Detail and Param when the mistake is the app's own.
type Kind string

const (
	BadRequest      Kind = "bad_request"     // the app's request is wrong; Detail says how
	BadImage        Kind = "bad_image"       // an image of the app's request could not be fetched or read
	UnknownModel    Kind = "unknown_model"   // Detail is the model as the app named it
	TooLarge        Kind = "too_large"       // body over the limit
	Unauthenticated Kind = "unauthenticated" // no key, or one that we do not know
	NoKey           Kind = "no_key"          // no key at all, where one is needed
	Forbidden       Kind = "forbidden"
	NotFound        Kind = "not_found" // a ticket or path that is not there
	Conflict        Kind = "conflict"  // idempotency key used with another body
	Blocked         Kind = "blocked"   // refused for safety, prompt or picture
	Throttled       Kind = "throttled" // over a rate limit; RetryAfter says how long
	OverBudget      Kind = "over_budget"
	Unavailable     Kind = "unavailable" // nobody can serve it now; RetryAfter if known
	TimedOut        Kind = "timed_out"
	Unsupported     Kind = "unsupported" // no target can express it
	Internal        Kind = "internal"
)

// Error is a failure, with all that decisions about it depend on. Its text is for logs; it holds no key, no prompt and no
// URL with a query.
type Error struct {
	Kind       Kind
	Outcome    Outcome       // of an attempt that failed; empty for faults of ours or the app's
	Stage      Stage         // how far the attempt got
	Unbilled   bool          // known to have cost nothing, though it was answered
	Paid       bool          // what was tried may have been charged: if the app sends the request again, it may be charged again
	RetryAfter time.Duration // the provider's or our own advice; 0 if none
	Output     bool          // of Filtered: the finished picture was withheld; the prompt was not refused
	Declined   bool          // of BadReply: the model made no picture of this request, which says nothing about other requests
	Said       bool          // the answer has no picture, but an app of the same dialect may want it: for example it also asked for words
	Usage      *Usage        // what the provider counted although it made no picture; nil if it does not say
	Ended      bool          // after asking for a job: this is how the job itself ended, and not a failure of the asking
	Dead       bool          // the provider says that the model has been shut down
	Detail     string        // for the app, in its own terms; only where the mistake is its own
	Param      string        // the field of the app's request that is wrong, in the dialect's spelling
	Target     string
	Err        error // the cause; may be nil
}

func (e *Error) Error() string {
	s := string(e.Kind)
	if e.Outcome != "" {
		s = string(e.Outcome)
	}
	if e.Target != "" {
		s = fmt.Sprintf("target %q: %s", e.Target, s)
	}
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// Invalid returns a BadRequest that names the wrong field and tells the app why.
func Invalid(param, format string, args ...any) *Error {
	return &Error{Kind: BadRequest, Param: param, Detail: fmt.Sprintf(format, args...)}
}

// AsError returns err as an *Error; if it is none, one of kind Internal that wraps it.
func AsError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Kind: Internal, Err: err}
}

// Unbilled reports whether the failed attempt is known to have cost nothing, so that the same target may be tried again.
func Unbilled(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && (e.Stage == Unsent || e.Stage == Answered && e.Unbilled)
}

// OutcomeOf returns how a generation ended whose app is told k, if no attempt says so: no target could be asked, or we
// failed. Refused is only what the app itself has done wrong.
func OutcomeOf(k Kind) Outcome {
	switch k {
	case Blocked:
		return Filtered
	case Throttled, OverBudget:
		return RateLimited
	case TimedOut:
		return Timeout
	case Unavailable, Internal, "":
		return Overloaded
	}
	return Refused
}

// KindOf returns what an app is told when its last attempt ended as o. If our own key was refused, that is not the app's
// fault.
func KindOf(o Outcome) Kind {
	switch o {
	case Filtered:
		return Blocked
	case Refused:
		return BadRequest
	case RateLimited:
		return Throttled
	case Timeout:
		return TimedOut
	case Unauthorized, Overloaded, Unreachable, BadReply, Canceled, Lost:
		return Unavailable
	}
	return Internal
}
