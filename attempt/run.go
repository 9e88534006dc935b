package attempt

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"switchyard"
	"switchyard/breaker"
	"switchyard/limit"
	"switchyard/router"
)

// Run tries the plan's targets until one answers. ctx is the work's: it ends when the whole generation must. If nobody
// answers, the error is a *switchyard.Error that says what to tell the app, or a *Failure with the provider's own
// words. The report is complete either way.
func (r *Runner) Run(ctx context.Context, job *Job) (*Answer, *Report, error) {
	run := &run{Runner: r, job: job, numbers: &atomic.Int64{}, report: &Report{}}
	for i := range job.Earlier {
		run.skip(job.Earlier[i].Number)
	}
	ans, err := run.targets(ctx)
	if ans != nil {
		ans.bodies = append(ans.bodies, run.fetched...)
	} else {
		closeAll(run.fetched)
	}
	return ans, run.report, err
}

// run is one generation under way.
type run struct {
	*Runner
	job     *Job
	numbers *atomic.Int64 // number of the latest target, also of those who race
	raced   bool
	full    bool // a target was passed over that was at a limit, whose breaker may be closed

	mu      sync.Mutex // guards the rest while the calls of a fan-out run side by side
	report  *Report
	open    []*exchange // noted and not settled
	fetched []io.Closer // spooled besides the answers: downloads, conversions
}

// turn is the number of the target whose turn it is now.
func (r *run) turn() int { return int(r.numbers.Add(1)) }

// skip goes on counting from a number that has been given.
func (r *run) skip(number int) { r.numbers.Store(max(r.numbers.Load(), int64(number))) }

// allow asks the breaker for one target.
type allow func(target string) (breaker.Done, error)

func (r *run) targets(ctx context.Context) (*Answer, error) {
	before := r.numbers.Load()
	if len(r.job.Held) > 0 {
		ans, err := r.reattach(ctx)
		r.passPaid()
		if err == nil || !r.goOn(ctx, err) || len(r.job.Plan.Candidates) == 0 {
			return ans, err
		}
		Forget(err)
	} else {
		r.passPaid()
	}
	ans, last := r.inOrder(ctx, r.Breaker.Allow)
	if r.numbers.Load() == before && last != nil && errors.Is(last, breaker.ErrOpen) && !r.full && r.job.Plan.Route.TryWhenOpen() {
		r.raced = true // one at a time
		return r.inOrder(ctx, r.Breaker.Force)
	}
	return ans, last
}

// inOrder tries one target after the other, or has two of them race. Its error is the last that a provider gave, or, if none
// was asked, the one that says when it is soonest worth coming back.
func (r *run) inOrder(ctx context.Context, allow allow) (*Answer, error) {
	var last, shut error
	for queue := r.job.Plan.Candidates; len(queue) > 0; {
		var ans *Answer
		var err error
		if r.hedges(queue) {
			ans, queue, err = r.race(ctx, queue, allow)
		} else {
			ans, err = r.target(ctx, queue[0], allow)
			queue = queue[1:]
		}
		switch {
		case err == nil:
			Forget(last)
			return ans, nil
		case notTried(err):
			shut = sooner(shut, err)
			continue
		}
		Forget(last)
		last = err
		if !r.goOn(ctx, err) {
			break
		}
	}
	switch {
	case last != nil:
		return nil, last
	case shut != nil:
		return nil, shut
	}
	return nil, r.nobody()
}

// target tries one target, and again where nothing can have been billed, as often as its provider's config says.
func (r *run) target(ctx context.Context, c router.Candidate, allow allow) (*Answer, error) {
	ans, err := r.try(ctx, c, allow)
	if notTried(err) {
		r.pass(c, err)
		return nil, err
	}
	for range c.Target.Retries {
		if err == nil || !r.retries(ctx, err) {
			break
		}
		again, second := r.try(ctx, c, allow)
		if notTried(second) {
			break
		}
		Forget(err)
		ans, err = again, second
	}
	return ans, err
}

// retries reports whether the same target may be asked again after err.
//
//go:noinline
func (r *run) retries(ctx context.Context, err error) bool { // small frames: see the package doc
	return switchyard.Unbilled(err) && switchyard.AsError(err).Outcome.Blames() && r.goOn(ctx, err)
}

// pass notes a target that was not tried.
//
//go:noinline
func (r *run) pass(c router.Candidate, err error) { // small frames: see the package doc
	r.full = r.full || errors.Is(err, limit.ErrLimited)
	r.report.Passed = append(r.report.Passed, router.Passed{Target: c.Target.Name, Reason: switchyard.AsError(err).Err.Error()})
}

// try asks one target once, unless an operator has stopped it or its breaker says no. It tells the breaker how it went.
func (r *run) try(ctx context.Context, c router.Candidate, allow allow) (ans *Answer, err error) {
	if err := r.stopped(c); err != nil {
		return nil, err
	}
	done, err := allow(c.Target.Name)
	if err != nil {
		return nil, err
	}
	defer func() {
		if p := recover(); p != nil {
			err = r.caught(p)
		}
		if ans != nil && ans.Stream != nil {
			ans.Stream.told = func(o switchyard.Outcome, _ time.Duration) { done(r.verdict(c, ended(o))) } // when it is over
			return
		}
		done(r.verdict(c, err))
	}()
	supply, err := r.supply(ctx, c)
	if err != nil {
		return nil, err
	}
	if c.Request.Stream && c.Forward {
		return r.stream(ctx, c)
	}
	return r.fanOut(ctx, c, supply)
}

// ended returns the error of an attempt that ended as o; nil if it ended well.
func ended(o switchyard.Outcome) error {
	if o == switchyard.OK {
		return nil
	}
	return &switchyard.Error{Outcome: o}
}

// verdict returns what the breaker is told. Under the app's own key, a refusal of that key or its rate is the app's affair:
// a stranger must not trip a breaker. Nor must an app whose prompts a model does not draw. An error that is not the outcome
// of an attempt says nothing about the provider either, nor does a mistake of ours.
func (r *run) verdict(c router.Candidate, err error) (o switchyard.Outcome, after time.Duration) {
	if err == nil {
		return switchyard.OK, 0
	}
	e := switchyard.AsError(err)
	own := c.Target.Key.IsZero() && (e.Outcome == switchyard.Unauthorized || e.Outcome == switchyard.RateLimited)
	if e.Outcome == "" || own || e.Declined || Panicked(err) {
		return switchyard.Canceled, 0
	}
	return e.Outcome, e.RetryAfter
}

// goOn reports whether the next target is asked after err.
func (r *run) goOn(ctx context.Context, err error) bool {
	if ctx.Err() != nil || r.appLeft() {
		return false
	}
	e := switchyard.AsError(err)
	route := r.job.Plan.Route
	if !slices.Contains(route.FallbackOn, e.Outcome) && !errors.Is(err, breaker.ErrKilled) && !r.diedForGood(e) {
		return false
	}
	return !route.PayOnce() || !r.mayHavePaid()
}

// diedForGood reports whether e says that a target's model is dead, where no other plan has another model for it: only that of native is
// chosen anew, once. The request is not at fault, so the next target is asked.
func (r *run) diedForGood(e *switchyard.Error) bool {
	native := func(c router.Candidate) bool { return c.Target.Name == e.Target && c.Target.Native }
	return e.Dead && (r.job.Replanned || !slices.ContainsFunc(r.job.Plan.Candidates, native))
}

// appLeft reports whether the result is not wanted any more: the app has left, or another target has won the race.
func (r *run) appLeft() bool {
	select {
	case <-r.job.Gone:
		return true
	default:
		return false
	}
}

// passPaid takes the targets out of the plan that an earlier run for this generation may have paid: they had their turn. The config may have
// other names for them by now.
func (r *run) passPaid() {
	if len(r.job.Earlier) == 0 {
		return
	}
	plan := *r.job.Plan
	plan.Candidates = slices.DeleteFunc(slices.Clone(plan.Candidates), func(c router.Candidate) bool {
		return slices.ContainsFunc(r.job.Earlier, func(a switchyard.Attempt) bool {
			return paid(a) && c.Target.Is(a.Provider, a.Model)
		})
	})
	r.job.Plan = &plan
}

// paid reports whether an attempt may have been charged.
func paid(a switchyard.Attempt) bool { return a.Cost.Charge.Paid() }

func (r *run) mayHavePaid() bool {
	return slices.ContainsFunc(r.report.Attempts, paid) || slices.ContainsFunc(r.job.Earlier, paid)
}

// notTried reports whether nothing was sent because an operator, a breaker or a limit of ours said no.
func notTried(err error) bool {
	return errors.Is(err, breaker.ErrOpen) || errors.Is(err, limit.ErrLimited) ||
		errors.Is(err, breaker.ErrKilled) && switchyard.AsError(err).Outcome == "" // else it was cut
}

// sooner returns the refusal that ends first, whether it is a breaker's, a limit's, a budget's or a kill's. One without an end comes last.
func sooner(a, b error) error {
	switch {
	case a == nil || forGood(a):
		return b
	case forGood(b):
		return a
	case switchyard.AsError(b).RetryAfter < switchyard.AsError(a).RetryAfter:
		return b
	}
	return a
}

// forGood reports whether a target was passed over until somebody says otherwise: it is killed without an end, or a budget misses its price.
func forGood(err error) bool { return switchyard.AsError(err).RetryAfter == 0 }
