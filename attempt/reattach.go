package attempt

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"switchyard"
	"switchyard/dialect"
	"switchyard/router"
)

// reattach asks for the jobs that an earlier process left at a provider. Their results together are the generation's
// answer, as in fanOut. If there is none, the plan's other targets are tried, as after any failure.
func (r *run) reattach(ctx context.Context) (*Answer, error) {
	held := r.job.Held
	for _, a := range held {
		r.skip(a.Number)
	}
	plan := r.job.Plan
	i := slices.IndexFunc(plan.Candidates, func(c router.Candidate) bool { return c.Target.Is(held[0].Provider, held[0].Model) })
	if i < 0 {
		return nil, r.abandon(ctx)
	}
	c := plan.Candidates[i]
	rest := *plan
	rest.Candidates = slices.Delete(slices.Clone(plan.Candidates), i, i+1)
	r.job.Plan = &rest // it has had its turn
	requests := split(c)
	answers, errs := make([]*Answer, len(held)), make([]error, len(held))
	_ = r.each(len(held), func(i int) error {
		nth := min(max(held[i].Part-1, 0), len(requests)-1)
		answers[i], errs[i] = r.recall(ctx, c, requests[nth], held[i])
		return nil
	})
	return join(c, answers, errs)
}

// recall follows one job to its end, and settles it unless that has been done already.
func (r *run) recall(ctx context.Context, c router.Candidate, req *switchyard.Request, a switchyard.Attempt) (ans *Answer, err error) {
	defer r.survive(&err)
	by, stop := r.watch(c)
	x := &exchange{run: r, c: c, request: req, a: &a, by: by, free: stop}
	if a.Outcome == "" {
		x.budgeted = r.Budgets.Resume(r.spending(&a, req.Images), a.Started, r.now())
	}
	return x.attach(ctx)
}

// ErrShutdown is the cause of a context that ends because the process does.
var ErrShutdown = errors.New("the process ends")

// isResumed reports whether the next process will ask for the job, because this one ends.
func (x *exchange) isResumed(ctx context.Context) bool {
	return x.job.Resumes && x.a.Job != "" && errors.Is(context.Cause(ctx), ErrShutdown)
}

// leave leaves the job at its provider. Nothing is booked: the attempt has not ended.
func (x *exchange) leave() {
	x.endTrace(*x.a)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.report.Left = true
}

// attach does what do does, for a job that was accepted some time ago.
func (x *exchange) attach(ctx context.Context) (ans *Answer, err error) {
	defer x.conclude(ctx, &ans, &err)
	ctx, cancel := x.start(ctx)
	defer cancel()
	back, ok := x.dialect().(dialect.Attacher)
	if !ok {
		return nil, x.failure(errors.New("jobs of this provider cannot be found again"), switchyard.Sent)
	}
	step := back.Attach(x.c.Target, x.request, x.a.Job)
	x.cancel = step.Cancel
	return x.follow(ctx, step.Next)
}

// abandon gives up jobs whose provider has gone from the config, or its key, so that it cannot be asked. They may have
// been charged; what those cost that had ended is known.
func (r *run) abandon(ctx context.Context) error {
	err := &switchyard.Error{
		Outcome: switchyard.Lost, Stage: switchyard.Sent, Target: r.job.Held[0].Target,
		Err: fmt.Errorf("provider %q, which has the job, is not in the config any more, or has no key", r.job.Held[0].Provider),
	}
	for _, a := range r.job.Held {
		if a.Outcome != "" {
			r.reportEnd(a)
			continue
		}
		r.noteEnd(ctx, a.Lost())
	}
	return err
}

// TakeBack cancels a job that an earlier process left at a provider, and that is not wanted any more. t is the target by which it
// can be asked for.
func (r *Runner) TakeBack(ctx context.Context, t *switchyard.Target, job string) error {
	back, ok := r.Dialects[t.Dialect].(dialect.Attacher)
	if !ok {
		return nil
	}
	step := back.Attach(t, &switchyard.Request{}, job)
	if step.Cancel == nil {
		return nil
	}
	x := &exchange{
		run: &run{Runner: r, job: &Job{}, report: &Report{}},
		c:   router.Candidate{Target: t}, a: &switchyard.Attempt{},
	}
	reply, err := x.send(ctx, step.Cancel)
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	if reply.Status >= 300 && reply.Status != http.StatusBadRequest { // which is how fal says that it is over
		return fmt.Errorf("target %q: cancel job: status %d", t.Name, reply.Status)
	}
	return nil
}
