package proxy

import (
	"context"
	"slices"

	"switchyard"
	"switchyard/breaker"
	"switchyard/dialect"
	"switchyard/router"
)

// bypass hands a request to the app's own provider as it is, without rules or translation. What was accepted before, and
// what lies here, is still ours to tell of.
func (q *request) bypass() error {
	switch q.place.op {
	case dialect.Ticket:
		return q.ticket()
	case dialect.Files:
		if _, call := q.fileCall(); call.Act != dialect.BeginFile && call.Act != dialect.CreateFile {
			return q.file()
		} // else the file is the provider's, who could not fetch it here
	}
	return q.pass(nil)
}

// hopeless is why a request is not taken on: it comes without a key where only the app's own would do, or an operator has
// stopped everybody who could serve it. The one of whom it is soonest worth asking again says so.
func (q *request) hopeless() error {
	if q.caller.tenant != anonymous && len(q.Runner.Switches.List()) == 0 {
		return nil // no plan is made for nothing
	}
	plan := q.plan()
	if len(plan.Candidates) == 0 {
		if err := plan.Refusal(); err.Kind == switchyard.NoKey {
			return err
		}
	}
	if k, ok := q.Runner.Switches.Stopped(plan.Route.Name, "", ""); ok {
		return k.Refusal()
	}
	left, gone := q.alive(plan)
	if len(left.Candidates) > 0 || len(gone) == 0 {
		return nil // it may fail for other reasons, as ever
	}
	return soonest(gone)
}

// soonest is the refusal after which it is soonest worth asking again: of the kill that ends first, if any ends by itself.
func soonest(kills []breaker.Kill) *switchyard.Error {
	first := kills[0].Refusal()
	for _, k := range kills[1:] {
		if e := k.Refusal(); e.RetryAfter > 0 && (first.RetryAfter == 0 || e.RetryAfter < first.RetryAfter) {
			first = e
		}
	}
	return first
}

// alive is a plan whose candidates that are stopped by hand are passed over, as they would be when they are tried, and what
// stops them.
func (h *Handler) alive(plan *router.Plan) (left *router.Plan, gone []breaker.Kill) {
	out := *plan
	out.Candidates, out.Passed = nil, slices.Clip(plan.Passed)
	for _, c := range plan.Candidates {
		if k, ok := h.Runner.Switches.Stopped(plan.Route.Name, c.Target.Provider, c.Target.Name); ok {
			gone = append(gone, k)
			out.Passed = append(out.Passed, router.Passed{Target: c.Target.Name, Reason: k.Refusal().Err.Error()})
			continue
		}
		out.Candidates = append(out.Candidates, c)
	}
	return &out, gone
}

// cuttable is a context for a request that passes through, which an operator may cut. The caller calls stop when it is
// over. The error is why it is not sent at all.
func (q *request) cuttable(t *switchyard.Target) (_ context.Context, stop func(), err error) {
	ctx, cancel := context.WithCancelCause(q.r.Context())
	unwatch := q.Runner.Switches.Watch("", t.Provider, t.Name, func() { cancel(breaker.ErrKilled) })
	stop = func() { unwatch(); cancel(nil) }
	if k, ok := q.Runner.Switches.Stopped("", t.Provider, t.Name); ok { // now that no kill can slip by
		stop()
		return nil, nil, k.Refusal()
	}
	return ctx, stop, nil
}
