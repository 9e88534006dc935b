package attempt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"switchyard"
	"switchyard/dialect"
	"switchyard/fetch"
	"switchyard/router"
	"switchyard/spool"
)

// Polls of a job begin close together and grow apart: each waits for an eighth of the time that the job has taken so far, so a picture
// arrives late by about that much.
const (
	firstPoll = 500 * time.Millisecond
	lastPoll  = 5 * time.Second // from forty seconds on

	// Those that are seconds apart keep a beat. The polls of many jobs are then made side by side, by a process that is awake;
	// each by itself costs twice as much, half of it for waking up.
	beat     = 250 * time.Millisecond
	fromBeat = 2 * time.Second
)

// exchange is one call: a request, and the steps that its answers ask for.
type exchange struct {
	*run
	c       router.Candidate
	request *switchyard.Request
	a       *switchyard.Attempt // as it is under way
	by      *switchman          // who may cut it
	trace   Trace               // nil if nobody follows
	usage   *switchyard.Usage

	free     func()                     // gives back its place within the limits
	budgeted func(switchyard.Cost, int) // tells the budgets what it came to

	cancel *dialect.Outgoing // takes back the job, once there is one
	reply  *spool.Message    // the latest answer; nil once it has been dropped
	stage  switchyard.Stage  // how far the latest request got
	sent   time.Time         // when it began to leave
	timer  *time.Timer       // of sleep, from its first time on: there may be many
}

func (x *exchange) dialect() dialect.Dialect { return x.Dialects[x.c.Target.Dialect] }

// do sends the request and follows the steps to a checked result, which it settles.
func (x *exchange) do(ctx context.Context, supply dialect.Supply) (ans *Answer, err error) {
	defer x.conclude(ctx, &ans, &err)
	ctx, cancel := x.start(ctx)
	defer cancel()
	out, err := x.encode(supply)
	if err != nil {
		return nil, x.failure(err, switchyard.Unsent)
	}
	return x.follow(ctx, out)
}

// follow sends out, and whatever the answers ask for next.
func (x *exchange) follow(ctx context.Context, out *dialect.Outgoing) (*Answer, error) {
	for {
		reply, step, err := x.ask(ctx, out)
		switch {
		case err == nil && step.Result != nil:
			return x.answer(ctx, step.Result, reply)
		case err == nil:
			x.drop()
			if out, err = x.next(ctx, step); err == nil {
				continue
			}
			reply = nil
		case x.asksAgain(ctx, reply, err):
			continue
		}
		return nil, x.keep(x.held(err), reply)
	}
}

// ask sends one request and reads what its answer means. The reply is there, and its body to be closed, even with an
// error, if the provider gave one.
func (x *exchange) ask(ctx context.Context, out *dialect.Outgoing) (*spool.Message, dialect.Step, error) {
	reply, err := x.send(ctx, out)
	if err != nil {
		x.polled(0)
		return nil, dialect.Step{}, err
	}
	x.reply = reply
	x.polled(reply.Status)
	step, err := x.decode(out, reply)
	return reply, step, x.failure(err, switchyard.Answered)
}

// decode returns what the answer to out means. If the answer shows that a connection broke on the way to the provider, nobody knows what
// the request cost, whatever the dialect makes of the status.
func (x *exchange) decode(out *dialect.Outgoing, reply *spool.Message) (dialect.Step, error) {
	step, err := x.dialect().Decode(&dialect.Exchange{Target: x.c.Target, Request: x.request, Sent: out, Reply: reply})
	if err != nil && dialect.Broke(reply, x.now().Sub(x.sent)) {
		e := *switchyard.AsError(err)
		e.Unbilled = false
		err = &e
	}
	return step, err
}

// encode writes the request: the app's own bytes if they can go.
func (x *exchange) encode(supply dialect.Supply) (*dialect.Outgoing, error) {
	if x.c.Forward {
		return x.dialect().Forward(x.c.Target, x.request, x.job.Message)
	}
	return x.dialect().Encode(x.c.Target, x.request, supply)
}

// next notes a job that was accepted, waits if the step is a poll, and returns what to send then.
func (x *exchange) next(ctx context.Context, step dialect.Step) (*dialect.Outgoing, error) {
	if step.Cancel != nil {
		x.cancel = step.Cancel
	}
	if step.Job != "" && step.Job != x.a.Job {
		if err := x.hold(ctx, step.Job); err != nil {
			return nil, err
		}
	}
	if step.Poll {
		if err := x.wait(ctx); err != nil {
			return nil, err
		}
	}
	return step.Next, nil
}

func (x *exchange) hold(ctx context.Context, job string) error {
	x.a.Job, x.a.Stage = job, switchyard.Sent
	if err := x.job.Journal.Hold(ctx, *x.a); err != nil {
		return x.failure(fmt.Errorf("journal: %w", err), switchyard.Sent)
	}
	return nil
}

// wait lets some time go by before a poll, and more until it is this one's turn; it fails if the attempt's time is up or
// the app has left.
func (x *exchange) wait(ctx context.Context) error {
	pause := beforePoll(x.a.Started, x.now())
	if err := x.sleep(ctx, pause); err != nil {
		return err
	}
	pause, giveBack := x.Polls.Next(x.now())
	err := x.sleep(ctx, pause)
	if err != nil {
		giveBack(x.now())
	}
	return err
}

// offBeat sets a process apart from others whose clocks agree with its own, lest they all poll a provider at once.
var offBeat = rand.N(beat)

// beforePoll returns how long a job that began at started waits for its next poll.
func beforePoll(started, now time.Time) time.Duration {
	pause := min(max(now.Sub(started)/8, firstPoll), lastPoll)
	pause += time.Duration(rand.Int64N(int64(pause)/4 + 1)) // so that jobs begun together are not all polled together
	if pause >= fromBeat {
		at := now.Add(pause + offBeat)
		pause += beat - at.Sub(at.Truncate(beat))
	}
	return pause
}

func (x *exchange) sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	if x.timer == nil {
		x.timer = time.NewTimer(d)
	} else {
		x.timer.Reset(d)
	}
	defer x.timer.Stop()
	select {
	case <-x.timer.C:
		return nil
	case <-x.job.Gone:
		return x.failure(&switchyard.Error{Outcome: switchyard.Canceled, Err: errors.New("the app has left")}, switchyard.Sent)
	case <-ctx.Done():
		return x.failure(ctx.Err(), switchyard.Sent)
	}
}

// asksAgain reports whether a failed exchange was only a question about a job that the provider has accepted, and may be
// put once more: the job is not lost by it, and is never submitted again.
func (x *exchange) asksAgain(ctx context.Context, reply *spool.Message, err error) bool {
	e := switchyard.AsError(err)
	switch {
	case x.a.Job == "" || e.Ended || e.Outcome == switchyard.Canceled:
		return false
	case reply != nil && reply.Status < 500 && reply.Status != http.StatusTooManyRequests:
		return false // it will be the same the next time
	}
	if x.wait(ctx) != nil {
		return false
	}
	x.drop()
	return true
}

// drop closes the latest answer: it is not read again, and a job may take hours.
func (x *exchange) drop() {
	if x.reply != nil {
		_ = x.reply.Body.Close()
		x.reply = nil
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

// takeBack cancels a job whose result is not wanted any more.
func (x *exchange) takeBack(ctx context.Context) {
	if x.cancel == nil {
		return
	}
	var err error // the result is told to nobody
	defer x.survive(&err)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	status := x.a.Status // of the attempt, not of its cancellation
	if reply, err := x.send(ctx, x.cancel); err == nil {
		_ = reply.Body.Close()
	}
	x.a.Status = status
}

// answer makes the app's answer of a reply that has a result in it.
//
//go:noinline
func (x *exchange) answer(ctx context.Context, res *switchyard.Result, reply *spool.Message) (*Answer, error) { // small frames: see the package doc
	x.cancel = nil // it is over
	ans := &Answer{Target: x.c.Target, Fidelity: x.c.Fidelity, bodies: []io.Closer{reply.Body}}
	if err := x.complete(ctx, ans, res, reply); err != nil {
		ans.Close()
		return nil, err
	}
	return ans, nil
}

// complete checks a result, makes its images ready for the app, and puts them into the answer.
func (x *exchange) complete(ctx context.Context, ans *Answer, res *switchyard.Result, reply *spool.Message) error {
	var missing []*switchyard.Image
	for i := range res.Images {
		if img := &res.Images[i]; img.Blob == nil && !x.mayTell(img.URL) {
			missing = append(missing, img)
		}
	}
	if err := x.collect(ctx, missing); err != nil {
		return x.failure(err, switchyard.Answered)
	}
	for i := range res.Images {
		if img := &res.Images[i]; img.Blob != nil {
			if err := x.image(img); err != nil {
				return x.failure(err, switchyard.Answered)
			}
		}
	}
	if len(res.Images) == 0 {
		o := switchyard.BadReply
		if len(res.Filtered) > 0 {
			o = switchyard.Filtered
		}
		return x.failure(&switchyard.Error{Outcome: o, Err: errors.New("no image")}, switchyard.Answered)
	}
	if res.Created.IsZero() {
		res.Created = x.now()
	}
	ans.Result = res
	if x.c.Forward && len(missing) == 0 {
		ans.Raw = reply
	}
	return nil
}

// mayTell reports whether the app can have the provider's own address of a picture: it speaks that provider's dialect,
// takes such addresses, and can most likely reach this one. SDKs refuse private ones.
func (x *exchange) mayTell(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || x.c.Target.Dialect != x.request.Dialect {
		return false
	}
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil && !fetch.Public(ip) || u.Hostname() == "localhost" {
		return false
	}
	switch x.request.Delivery {
	case switchyard.DeliverInline:
		return false
	case switchyard.DeliverSecureURL:
		return u.Scheme == "https"
	}
	return true
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

// start returns the context of an exchange; whoever cuts the exchange cancels that.
func (x *exchange) start(ctx context.Context) (context.Context, context.CancelFunc) {
	x.trace = x.startTrace(ctx)
	ctx, cancel := timeout(ctx, x.c.Target.Timeouts.Attempt)
	x.by.arm(cancel)
	return ctx, cancel
}

func timeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if d <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, d)
}

// conclude must be deferred by whoever makes an exchange, before anything else: every exchange ends here, whatever happens. After a panic
// it counts as failed, as far as it got. A job that the next process will ask for stays as it is, and events are settled when they have
// passed; everything else is settled now. If an answer could not be settled, the app does not get it.
func (x *exchange) conclude(ctx context.Context, ans **Answer, err *error) {
	if p := recover(); p != nil {
		*ans, *err = nil, x.held(x.failure(x.caught(p), x.stage))
		x.drop()
	}
	if *err == nil && (*ans).Stream != nil {
		return
	}
	defer x.free()
	*err = x.by.explain(*err)
	if *err != nil {
		if x.isResumed(ctx) {
			x.leave()
			return
		}
		x.takeBack(ctx)
	}
	_, broken := x.settle(ctx, func(a *switchyard.Attempt) { x.bill(a, *ans, *err) })
	if broken == nil {
		return
	}
	if *ans != nil {
		(*ans).Close()
	}
	Forget(*err)
	*ans, *err = nil, broken
}

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
	var f *Failure
	if errors.As(err, &f) {
		f.Close()
	}
}
