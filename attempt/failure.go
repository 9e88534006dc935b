package attempt

import (
	"context"
	"errors"
	"net/http"

	"switchyard"
	"switchyard/spool"
)

// Failure is a refusal in the provider's own words, which the app may have as they are. Close gives its body back.
type Failure struct {
	Err *switchyard.Error
	Raw *spool.Message
}

func (f *Failure) Error() string { return f.Err.Error() }

// Unwrap returns the error that decisions depend on.
func (f *Failure) Unwrap() error { return f.Err }

// Close gives back what the failure holds.
func (f *Failure) Close() { _ = f.Raw.Body.Close() }

// Forget closes what an error holds, if anything, when no app will be told of it.
func Forget(err error) {
	if f, ok := errors.AsType[*Failure](err); ok {
		f.Close()
	}
}

// held returns the error of a question about a job that the provider has accepted: unless it is the job's own end, it says nothing of what
// the job costs.
func (x *exchange) held(err error) error {
	e := *switchyard.AsError(err)
	if x.a.Job == "" || e.Ended {
		return err
	}
	e.Stage, e.Unbilled = max(e.Stage, switchyard.Sent), false
	return &e
}

// keep returns the error of a failed exchange. It has the provider's own words if the app may have them: a refusal (unless it is about our
// own key or account), or what came in place of a picture. An app that comes back for its answer later cannot be given these; but if it
// named the model itself, it is at least told that the model is not there.
func (x *exchange) keep(err error, reply *spool.Message) error {
	e := switchyard.AsError(err)
	if reply == nil {
		return e
	}
	if e.Outcome == switchyard.Refused && x.unknown(reply) {
		e.Kind = switchyard.UnknownModel
	}
	ours := !x.c.Target.Key.IsZero()
	refusal := reply.Status >= 400 && (!ours || e.Outcome == switchyard.Refused || e.Outcome == switchyard.Filtered)
	if !x.c.Forward || !refusal && !e.Said {
		_ = reply.Body.Close()
		return e
	}
	return &Failure{e, reply}
}

// unknown reports whether a refusal is about the model, and the app has named that model itself. Of one that a route has chosen it knows
// nothing.
func (x *exchange) unknown(reply *spool.Message) bool {
	return reply.Status == http.StatusNotFound && x.a.Job == "" && x.c.Forward && x.c.Target.Model == x.request.Model
}

// failure returns err as a *switchyard.Error of this target, at least as far as stage. Nil stays nil.
func (x *exchange) failure(err error, stage switchyard.Stage) error {
	if err == nil {
		return nil
	}
	e := *switchyard.AsError(err)
	e.Target = x.c.Target.Name
	e.Stage = max(e.Stage, stage)
	switch {
	case e.Outcome != "":
	case errors.Is(err, context.DeadlineExceeded):
		e.Outcome = switchyard.Timeout
	case errors.Is(err, context.Canceled):
		e.Outcome = switchyard.Canceled
	case e.Kind == switchyard.Internal && stage == switchyard.Answered:
		e.Outcome = switchyard.BadReply
	}
	if e.Outcome != "" && (e.Kind == "" || e.Kind == switchyard.Internal) {
		e.Kind = x.kind(e.Outcome)
	}
	return &e
}

// kind returns what the app is told of an outcome. If its own key was refused, it must learn that: told that the server is overloaded, its
// SDK would only try again.
func (x *exchange) kind(o switchyard.Outcome) switchyard.Kind {
	if o != switchyard.Unauthorized || !x.c.Target.Key.IsZero() {
		return switchyard.KindOf(o)
	}
	switch x.a.Status {
	case http.StatusPaymentRequired, http.StatusTooManyRequests: // an account without credit; OpenAI answers that with 429
		return switchyard.OverBudget
	case http.StatusForbidden:
		return switchyard.Forbidden
	}
	return switchyard.Unauthenticated
}
