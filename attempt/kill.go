package attempt

import (
	"context"
	"sync"

	"switchyard"
	"switchyard/breaker"
	"switchyard/router"
)

// stopped returns why a target is passed over that an operator has stopped; nil if it is not stopped.
//
//go:noinline
func (r *run) stopped(c router.Candidate) error { // small frames: see the package doc
	if k, ok := r.kill(c.Target.Provider, c.Target.Name); ok {
		e := k.Refusal()
		e.Target = c.Target.Name
		return e
	}
	return nil
}

// nobody returns the error of a plan without targets: its route or everything is stopped, or it never had any.
//
//go:noinline
func (r *run) nobody() error { // small frames: see the package doc
	if k, ok := r.kill("", ""); ok {
		return k.Refusal()
	}
	return r.job.Plan.Refusal()
}

func (r *run) kill(provider, target string) (breaker.Kill, bool) {
	return r.Switches.Stopped(r.job.Plan.Route.Name, provider, target)
}

// switchman cuts one attempt when an operator wants it. It is no context of its own: thousands of jobs may be waited for.
type switchman struct {
	mu     sync.Mutex // guards the rest
	pulled bool
	cancel context.CancelFunc // of the attempt; nil before it begins
}

// pull ends the attempt, now or when it begins.
func (s *switchman) pull() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pulled = true
	if s.cancel != nil {
		s.cancel()
	}
}

// arm says what ends the attempt.
func (s *switchman) arm(cancel context.CancelFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cancel = cancel; s.pulled {
		cancel()
	}
}

// explain makes the error of an attempt that was cut say so: what was being read at that moment only looks broken.
func (s *switchman) explain(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil || !s.pulled {
		return err
	}
	e := *switchyard.AsError(err)
	if e.Outcome != switchyard.Canceled && e.Outcome != switchyard.BadReply {
		return err
	}
	Forget(err)
	e.Outcome, e.Kind, e.Err = switchyard.Canceled, switchyard.Unavailable, breaker.ErrKilled
	return &e
}

// watch cuts an attempt at a place when an operator wants it. The caller calls stop when the attempt is over.
func (r *run) watch(c router.Candidate) (s *switchman, stop func()) {
	s = &switchman{}
	return s, r.Switches.Watch(r.job.Plan.Route.Name, c.Target.Provider, c.Target.Name, s.pull)
}

// enter is the last question before a request leaves that may cost money: has an operator stopped its place, or the app
// left? If not, the attempt is watched until stop is called.
func (r *run) enter(c router.Candidate) (s *switchman, stop func(), err error) {
	if err := r.unwanted(); err != nil {
		return nil, nil, err
	}
	s, stop = r.watch(c) // before the question, or a kill in between would cut nothing
	if err := r.stopped(c); err != nil {
		stop()
		return nil, nil, err
	}
	return s, stop, nil
}
