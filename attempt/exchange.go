package attempt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"time"

	"switchyard"
	"switchyard/dialect"
	"switchyard/fetch"
	"switchyard/router"
	"switchyard/spool"
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

// drop closes the latest answer: it is not read again, and a job may take hours.
func (x *exchange) drop() {
	if x.reply != nil {
		_ = x.reply.Body.Close()
		x.reply = nil
	}
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
		return x.failure(&switchyard.Error{Outcome: switchyard.BadReply, Err: errors.New("no image")}, switchyard.Answered)
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
