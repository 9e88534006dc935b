package proxy

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"go.uber.org/zap"

	"switchyard"
	"switchyard/attempt"
	"switchyard/cache"
	"switchyard/dialect"
	"switchyard/ledger"
	"switchyard/router"
	"switchyard/rule"
	"switchyard/spool"
)

// generate serves a request for images.
func (q *request) generate() error {
	msg, err := q.read()
	if err != nil {
		return err
	}
	defer msg.Body.Close()
	req, err := q.place.dialect.DecodeRequest(msg)
	if errors.Is(err, dialect.ErrNotGeneration) {
		return q.pass(msg)
	}
	if err != nil {
		return err
	}
	q.fill(req)
	if q.wantsPlan() {
		return q.tellPlan()
	}
	work, err := q.claim(req, msg)
	if err != nil {
		return err
	}
	defer work.Release()
	if work.Reply() != nil {
		return q.repeat(work, req)
	}
	q.gone = work.Left(q.r.Context())
	req, msg, done, err := q.completed(req, msg)
	defer done()
	if err != nil {
		return err
	}
	if err := q.ownImages(req.Images); err != nil {
		return err
	}
	if t, ok := q.place.dialect.(dialect.Ticketer); ok && req.Async {
		return q.submit(t, req, msg)
	}
	return q.produce(req, msg, work)
}

// produce has images made that nobody has made yet, and answers with them.
func (q *request) produce(req *switchyard.Request, msg *spool.Message, work *cache.Work) error {
	ctx, cancel := q.working(q.r.Context(), q.snap.Settings.timeout(q.rec.Dialect))
	g := q.generation(KindGeneration, req)
	account := newAccount(q.Journal, g)
	account.opens = q.passed
	defer func() { q.awaitRest(ctx, cancel, account, g) }()
	ans, err := q.make(ctx, account, req, msg)
	if err != nil {
		q.rec.Err = err
		if !q.comesAgain(err) {
			q.book(ctx, account, g)
		}
		return err
	}
	defer ans.Close()
	if ans.Stream != nil {
		return q.stream(ctx, account, g, ans, work)
	}
	reply, err := q.encode(ctx, req, ans)
	q.rec.Err = err
	q.book(ctx, account, g)
	if err != nil {
		return err
	}
	return q.deliver(work, reply)
}

// stream relays events; what they cost is known when they end.
func (q *request) stream(ctx context.Context, account *account, g switchyard.Generation, ans *attempt.Answer, work *cache.Work) error {
	s := ans.Stream
	q.rec.Attempts = append(q.rec.Attempts, s.Attempt)
	q.rec.Cost = total(q.rec.Attempts)
	t := q.tape()
	defer t.close()
	sent, err := q.relay(ans, t)
	ans.Close()
	q.rec.Attempts[len(q.rec.Attempts)-1] = s.Attempt
	q.rec.Cost, q.rec.Images = total(q.rec.Attempts), s.Attempt.Images
	q.rec.Err = streamed(&s.Attempt, err)
	q.book(ctx, account, g)
	if t != nil && q.rec.Err == nil { // a failure is nobody's answer but its own
		q.deliverTape(work, t, sent)
	}
	q.rec.Err = cmp.Or(q.rec.Err, sent)
	return cutOff(cmp.Or(err, sent))
}

// streamed is how a generation went whose events have ended: as its attempt is booked. err is why they were not read to their end.
func streamed(a *switchyard.Attempt, err error) error {
	if a.Outcome == switchyard.OK {
		return err
	}
	return &switchyard.Error{Kind: switchyard.KindOf(a.Outcome), Outcome: a.Outcome, Target: a.Target, Stage: a.Stage, Err: err}
}

// fill completes what a dialect cannot know of a request.
func (q *request) fill(req *switchyard.Request) {
	req.Dialect, req.Path = q.place.dialect.Name(), q.place.path
	req.ID = q.rec.ID
	req.Base = q.origin + q.place.prefix
	req.Images = max(req.Images, 1)
	for i := range req.References {
		measure(&req.References[i].Image)
	}
	q.decoded, q.match = req, q.snap.Router.Match(q.facts(req))
	q.rec.Kind, q.rec.Model, q.rec.Asked, q.rec.Route = KindGeneration, req.Model, req.Images, q.match.Route.Name
}

// measure notes the size of a reference image that came with the request: some providers charge for its pixels.
func measure(img *switchyard.Image) {
	if img.Blob == nil {
		return
	}
	if _, size, err := switchyard.InspectBlob(img.Blob); err == nil {
		img.Size = size
	}
}

// make plans a generation and has it made. A model that turns out to be dead is planned for once more, with what is
// known now.
func (q *request) make(ctx context.Context, journal attempt.Journal, req *switchyard.Request, msg *spool.Message) (*attempt.Answer, error) {
	for replanned := false; ; replanned = true {
		job, err := q.job(req, msg, journal)
		if err != nil {
			return nil, err
		}
		job.Replanned = replanned
		plan := job.Plan // which a job that is found again takes its own target out of
		ans, report, err := q.Runner.Run(ctx, job)
		q.tried(plan, report)
		if err == nil {
			q.rec.FellBack = plan.Candidates[0].Target.Name != ans.Target.Name
			q.observe(job, ans, report)
			q.answered(ans)
			return ans, nil
		}
		if e := switchyard.AsError(err); !e.Dead || replanned || !q.learn(plan, e.Target) {
			return nil, err
		}
		attempt.Forget(err)
	}
}

// job is what is to be made of a request, as it is planned now.
func (q *request) job(req *switchyard.Request, msg *spool.Message, journal attempt.Journal) (job *attempt.Job, err error) {
	defer q.survive(&err)
	plan := q.plan()
	if len(q.held) > 0 {
		q.match.Hold(plan, q.held[0])
	}
	q.began = q.now()
	return &attempt.Job{
		Generation: q.rec.ID, Key: q.rec.Key, Tenant: q.rec.Tenant, Route: q.rec.Route, Request: req, Message: msg, Plan: plan,
		Journal: journal, AppKey: q.caller.own, Gone: q.gone, Kept: q.keyed(), Held: q.held, Earlier: q.rec.Attempts, Resumes: req.Async,
		Hedging: q.hedging(plan, req),
	}, nil
}

// tried keeps what has come of it.
//
//go:noinline
func (q *request) tried(plan *router.Plan, report *attempt.Report) { // small frames: see attempt's package doc
	q.held, q.left = nil, report.Left
	q.rec.Attempts = append(q.rec.Attempts, report.Attempts...)
	q.rec.Passed = slices.Concat(plan.Passed, report.Passed)
	q.rec.Open, q.rec.Cost = report.Open, total(slices.Concat(q.rec.Attempts, report.Open))
	q.rest = report.Rest
	q.rec.Hedged = q.rec.Hedged || report.Hedged
}

// observe remembers how long whoever answered took. A stream has not ended yet, and tells nothing; nor does a job of a provider's
// that an earlier process left there: it may have ended long before this one came to ask.
func (q *request) observe(job *attempt.Job, ans *attempt.Answer, report *attempt.Report) {
	if ans.Stream != nil || len(job.Held) > 0 {
		return
	}
	if q.Pace != nil {
		q.Pace.Observe(q.rec.Route, job.Request, q.now().Sub(q.began))
	}
	q.timed(job.Request, report.Attempts)
}

// timed remembers how long targets took.
func (q *request) timed(req *switchyard.Request, attempts []switchyard.Attempt) {
	if q.Statistics == nil {
		return
	}
	for _, a := range attempts {
		if a.Outcome == switchyard.OK {
			q.Statistics.Observe(a.Target, req, a.Latency, q.now())
		}
	}
}

// total is what the attempts cost together.
func total(attempts []switchyard.Attempt) switchyard.Cost {
	costs := make([]switchyard.Cost, len(attempts))
	for i, a := range attempts {
		costs[i] = a.Cost
	}
	return ledger.Sum(costs...)
}

// facts are what rules may know of a request.
func (q *request) facts(req *switchyard.Request) *rule.Facts {
	facts := &rule.Facts{Request: req, Headers: q.r.Header, Query: q.place.query}
	if key := q.caller.key; key != nil {
		facts.Key = rule.Key{Name: key.Name, Tenant: key.Tenant, Labels: key.Labels}
	}
	return facts
}

// plan is who may make what was asked for, as things are now.
func (q *request) plan() *router.Plan {
	plan := q.match.Plan(q.caller.hasOwn(), q.now())
	q.metRules(plan.Errs)
	q.rec.Variant = plan.Variant
	if len(plan.Candidates) > 0 {
		first := plan.Candidates[0]
		q.rec.First, q.rec.Expected = first.Target.Name, first.Estimate(first.Request)
	}
	return plan
}

// metRules notes which rules have failed on the way to the route.
func (q *request) metRules(errs []error) {
	for _, err := range errs {
		q.Log.Warn("rule failed", zap.Error(err))
	}
	q.rec.Rules = errs
}

// learn notes that a target's model is dead, and reports whether a new plan has another one for it: only that of native does. Others may have
// learned it in the same moment: what counts is that this plan was made without knowing.
func (q *request) learn(plan *router.Plan, target string) bool {
	for _, c := range plan.Candidates {
		if c.Target.Name == target {
			q.Deaths.Learn(c.Target.Dialect, c.Target.Model)
			return c.Target.Native
		}
	}
	return false
}

func (q *request) answered(ans *attempt.Answer) {
	q.rec.Target, q.rec.Provider, q.rec.Served = ans.Target.Name, ans.Target.Provider, ans.Target.Model
	q.rec.Fidelity = ans.Fidelity.String()
	if ans.Result != nil {
		q.rec.Images, q.rec.Usage = len(ans.Result.Images), ans.Result.Usage
	}
}

// encode makes the app's answer: the provider's own bytes where both speak the same, else what the front writes.
func (q *request) encode(ctx context.Context, req *switchyard.Request, ans *attempt.Answer) (reply *dialect.Reply, err error) {
	defer q.survive(&err)
	if ans.Raw != nil {
		return &dialect.Reply{Status: ans.Raw.Status, Header: answerHeader(ans.Raw.Header), Body: ans.Raw.Body}, nil
	}
	if err := q.host(ctx, req, ans.Result); err != nil {
		return nil, err
	}
	return q.place.dialect.EncodeResult(req, ans.Result)
}
