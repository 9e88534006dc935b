package attempt

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"switchyard"
	"switchyard/dialect"
	"switchyard/limit"
	"switchyard/router"
)

// fanOut asks for all the images of a request: in one call, or in several side by side, whose results are joined in
// order. Some calls failing is a smaller result; all failing is the failure of the first that was sent.
func (r *run) fanOut(ctx context.Context, c router.Candidate, supply dialect.Supply) (*Answer, error) {
	number, requests := sync.OnceValue(r.turn), split(c)
	answers, errs := make([]*Answer, len(requests)), make([]error, len(requests))
	var calls sync.WaitGroup
	for i, req := range requests[1:] {
		calls.Go(func() { // it must survive a panic itself: nothing else would catch it
			answers[i+1], errs[i+1] = r.call(ctx, c, supply, part{req, i + 2, number})
		})
	}
	first := part{requests[0], 1, number}
	if len(requests) == 1 {
		first.index = 0
	}
	answers[0], errs[0] = r.call(ctx, c, supply, first)
	calls.Wait()
	return join(c, answers, errs)
}

// split returns the calls that make a candidate's images; for most, the request itself.
func split(c router.Candidate) []*switchyard.Request {
	if c.Calls <= 1 {
		return []*switchyard.Request{c.Request}
	}
	requests := make([]*switchyard.Request, c.Calls)
	left := c.Request.Images
	for i := range requests {
		req := *c.Request // its images stay where they are: by that supply knows them
		req.Images = (left + c.Calls - i - 1) / (c.Calls - i)
		if req.Seed != nil { // the same seed would make the same picture
			seed := *req.Seed + uint64(c.Request.Images-left)
			req.Seed = &seed
		}
		left -= req.Images
		requests[i] = &req
	}
	return requests
}

// join makes one answer of those that went well.
func join(c router.Candidate, answers []*Answer, errs []error) (*Answer, error) {
	var all *Answer
	var failure error
	for i, ans := range answers {
		switch {
		case ans == nil:
			if failure == nil || notTried(failure) && !notTried(errs[i]) {
				failure = errs[i]
			}
		case all == nil:
			all = ans
		default:
			all.Result.Images = append(all.Result.Images, ans.Result.Images...)
			all.Result.Usage = all.Result.Usage.Add(ans.Result.Usage)
			all.bodies = append(all.bodies, ans.bodies...)
		}
	}
	if all == nil {
		return nil, failure
	}
	all.Fidelity = slices.Clone(c.Fidelity)
	if all.Result != nil {
		if have, want := len(all.Result.Images), c.Request.Images; have < want {
			all.Fidelity.Add(switchyard.Delivered, strconv.Itoa(have)+"/"+strconv.Itoa(want))
		}
	}
	return all, nil
}

// part is one call of a target.
type part struct {
	request *switchyard.Request
	index   int        // 0 if it is the only one
	number  func() int // of the target, whose turn begins with the first of its calls
}

// call sends one request that may cost money: within the limits, noted before, settled after.
func (r *run) call(ctx context.Context, c router.Candidate, supply dialect.Supply, p part) (ans *Answer, err error) {
	defer r.survive(&err)
	x, err := r.begin(ctx, c, p)
	if err != nil {
		return nil, err
	}
	return x.do(ctx, supply)
}

// unwanted returns the error of a request that is about to be sent although its app has left: the picture would be for nobody.
func (r *run) unwanted() error {
	if !r.appLeft() {
		return nil
	}
	return &switchyard.Error{Kind: switchyard.Unavailable, Outcome: switchyard.Canceled, Stage: switchyard.Unsent, Err: errors.New("the app has left")}
}

func (r *run) acquire(ctx context.Context, c router.Candidate, images int) (func(), error) {
	release, err := r.Limiter.Acquire(ctx, []limit.Name{
		{Scope: limit.Target, Name: c.Target.Name},
		{Scope: limit.Provider, Name: c.Target.Provider},
	}, images, r.job.Plan.Route.Patience)
	if ctx.Err() != nil && err != nil { // the time ended in our own line: that is no attempt, and not the provider's fault
		err = &switchyard.Error{Kind: switchyard.TimedOut, Err: err}
	}
	return release, err
}

// begin does all that comes before a request which may cost money: it takes a place within the limits, asks for the last time whether the
// request is wanted, puts the money aside and notes the attempt. Whoever gets the exchange must conclude it, which gives all of that back.
func (r *run) begin(ctx context.Context, c router.Candidate, p part) (x *exchange, err error) {
	release, err := r.acquire(ctx, c, p.request.Images)
	if err != nil {
		return nil, err
	}
	free := release
	defer func() {
		if x == nil {
			free()
		}
	}()
	by, stop, err := r.enter(c)
	if err != nil {
		return nil, err
	}
	free = func() { stop(); release() }
	a := r.row(c, p)
	budgeted, err := r.Budgets.Reserve(r.spending(&a, p.request.Images), a.Started)
	if err != nil {
		return nil, err
	}
	a.Number = p.number()
	if err := r.note(ctx, a); err != nil {
		budgeted(switchyard.Cost{}, 0)
		return nil, &switchyard.Error{Kind: switchyard.Unavailable, Err: fmt.Errorf("journal: %w", err)}
	}
	x = &exchange{run: r, c: c, request: p.request, a: &a, by: by, free: free, budgeted: budgeted}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open = append(r.open, x)
	return x, nil
}

// note has the journal take an attempt that begins.
func (r *run) note(ctx context.Context, a switchyard.Attempt) (err error) {
	defer r.survive(&err) // the money is put aside already
	return r.job.Journal.Open(ctx, a)
}

// spending is an attempt as budgets see it.
func (r *run) spending(a *switchyard.Attempt, images int) limit.Spending {
	return limit.Spending{
		Key: r.job.Key, Tenant: r.job.Tenant, Route: r.job.Route, Target: a.Target, Provider: a.Provider,
		Estimate: a.Estimate, Images: images,
	}
}

// row returns the row of an attempt that is about to begin, which has no number yet.
func (r *run) row(c router.Candidate, p part) switchyard.Attempt {
	return switchyard.Attempt{
		ID:         rand.Text(), // 130 random bits
		Generation: r.job.Generation,
		Part:       p.index,
		Target:     c.Target.Name,
		Provider:   c.Target.Provider,
		Model:      c.Target.Model,
		Started:    r.now(),
		Estimate:   c.Estimate(p.request),
	}
}

// settle notes how an exchange ended, and returns the attempt as it was noted. It does so whatever has become of the context: the money is
// spent. It errs only by a mistake of ours, and leaves nothing open even then: an attempt that cannot be billed is lost.
func (x *exchange) settle(ctx context.Context, bill func(*switchyard.Attempt)) (settled switchyard.Attempt, err error) {
	defer x.survive(&err)
	settled = *x.a
	defer func() { x.endTrace(settled) }()
	if x.a.Outcome != "" { // by an earlier process
		x.reportEnd(settled)
		return settled, nil
	}
	settled = x.a.Lost()
	defer func() { x.noteEnd(ctx, settled) }()
	defer func() { x.budgeted(settled.Cost, settled.Images) }()
	billed := *x.a
	billed.Latency = max(x.now().Sub(billed.Started), 0) // the attempt may be an earlier process's, and the clock may have been put back since
	bill(&billed)
	return billed, nil
}

// bill puts into a what a call came to.
func (x *exchange) bill(a *switchyard.Attempt, ans *Answer, err error) {
	if err != nil {
		e := switchyard.AsError(err)
		a.Outcome, a.Stage, a.Err = e.Outcome, e.Stage, e.Err
		if a.Outcome == "" {
			a.Outcome = switchyard.Refused // refused by ourselves: an image could not be read
		}
		a.Cost, x.usage = x.failed(e), e.Usage
		return
	}
	a.Outcome, a.Stage = switchyard.OK, switchyard.Answered
	a.Images, x.usage = len(ans.Result.Images), ans.Result.Usage
	a.Cost = x.c.Target.Price.Charge(work(x.request, ans.Result).Assume(x.c.Target.Row))
}

// noteEnd puts the end of an attempt into the report and the journal.
func (r *run) noteEnd(ctx context.Context, a switchyard.Attempt) {
	r.reportEnd(a)
	// If this cannot be written now, the next start finds the attempt unsettled, and books it as possibly charged, at its estimate.
	_ = r.job.Journal.Settle(context.WithoutCancel(ctx), a)
}

// reportEnd puts the end of an attempt into the report alone.
func (r *run) reportEnd(a switchyard.Attempt) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open = slices.DeleteFunc(r.open, func(x *exchange) bool { return x.a.ID == a.ID })
	r.report.Attempts = append(r.report.Attempts, a)
}

// failed returns what a failed attempt cost: nothing if that is known; by its tokens if they were counted; else possibly its estimate.
func (x *exchange) failed(e *switchyard.Error) switchyard.Cost {
	if switchyard.Unbilled(e) {
		return switchyard.Cost{Charge: switchyard.ChargeNone}
	}
	if e.Usage != nil {
		counted := x.c.Target.Price.Charge(switchyard.Work{Usage: e.Usage, References: len(x.request.References)})
		if counted.Basis == switchyard.BasisReported {
			return counted
		}
	}
	return x.a.Estimate.Possible()
}

// work returns what the price is applied to: what was made of a request.
func work(req *switchyard.Request, res *switchyard.Result) switchyard.Work {
	w := req.Work()
	w.Quality, w.Usage, w.Compute = cmp.Or(res.Quality, w.Quality), res.Usage, res.Compute
	for _, img := range res.Images {
		w.Sizes = append(w.Sizes, cmp.Or(img.Size, req.Size))
	}
	for _, size := range res.Blacked {
		w.Sizes = append(w.Sizes, cmp.Or(size, req.Size))
	}
	return w
}
