package attempt

import (
	"context"
	"errors"

	"switchyard"
	"switchyard/breaker"
	"switchyard/router"
)

// stopped is why a target is passed over that an operator has stopped; nil if none has.
func (r *run) stopped(c router.Candidate) error {
	if k, ok := r.kill(c.Target.Provider, c.Target.Name); ok {
		e := k.Refusal()
		e.Target = c.Target.Name
		return e
	}
	return nil
}

func (r *run) kill(provider, target string) (breaker.Kill, bool) {
	if r.Switches == nil {
		return breaker.Kill{}, false
	}
	return r.Switches.Stopped(r.job.Plan.Route.Name, provider, target)
}

// cuttable is a context for an attempt that an operator may cut. The caller calls stop when the attempt is over.
func (r *run) cuttable(ctx context.Context, c router.Candidate) (_ context.Context, stop func()) {
	if r.Switches == nil {
		return ctx, func() {}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	unwatch := r.Switches.Watch(r.job.Plan.Route.Name, c.Target.Provider, c.Target.Name, func() { cancel(breaker.ErrKilled) })
	return ctx, func() { unwatch(); cancel(nil) }
}

// enter is the last question before a request leaves that may cost money: has an operator stopped its place, or the app
// left? If not, the context is cut when an operator wants it.
func (r *run) enter(ctx context.Context, c router.Candidate) (_ context.Context, stop func(), err error) {
	if err := r.unwanted(); err != nil {
		return ctx, nil, err
	}
	ctx, stop = r.cuttable(ctx, c) // before the question, or a kill in between would cut nothing
	if err := r.stopped(c); err != nil {
		stop()
		return ctx, nil, err
	}
	return ctx, stop, nil
}

// cutBy says of the error of an attempt that an operator cut that this is why. What was being read then looks broken.
func cutBy(ctx context.Context, err error) error {
	e := *switchyard.AsError(err)
	if err == nil || !wasCut(ctx) || e.Outcome != switchyard.Canceled && e.Outcome != switchyard.BadReply {
		return err
	}
	forget(err)
	e.Outcome, e.Kind, e.Err = switchyard.Canceled, switchyard.Unavailable, breaker.ErrKilled
	return &e
}

// wasCut reports whether an operator ended the context of an attempt.
func wasCut(ctx context.Context) bool { return errors.Is(context.Cause(ctx), breaker.ErrKilled) }
