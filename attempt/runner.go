// Package attempt makes generations: it takes a plan to its result. It tries the plan's targets in order, asks for
// several images side by side where a target makes one at a time, follows a provider's steps (uploads, queues, polls,
// downloads), checks what came, and has every request that may cost money on disk before it leaves.
//
// A Runner takes a Job, and gives an Answer and a Report of what was tried. One generation under way is a run: it goes from
// target to target, and a leg is a run of its own, for one of two who race. Each request that may cost money is an exchange, with
// all that its answers ask for next: it is begun (limits, budget, journal), done, and concluded, by which its attempt is settled.
// What the exchange needs of others, from the journal to the breaker, is a small interface here.
//
// An attempt lives by the work's clock, not by the request's: when the app leaves, a picture that is being made, and
// paid for, is awaited and settled.
//
// # Stacks
//
// Thousands of jobs may be waited for at once, each by a goroutine in sleep, below eleven functions from Run on. Their frames
// take 1.8 KB together, and stacks come in powers of two: a few hundred bytes more would double every one of them. So what
// those functions do beside the waiting is in functions of its own, which are not inlined, where that saves room; package
// proxy does the same above Run. TestManyTickets of cmd/switchyard has 2,000 tickets wait within 50 MiB.
package attempt

import (
	"context"
	"io"
	"net/http"
	"time"

	"go.uber.org/zap"

	"switchyard"
	"switchyard/breaker"
	"switchyard/dialect"
	"switchyard/limit"
	"switchyard/router"
	"switchyard/spool"
)

// Journal is where an attempt is noted. What it has taken survives the process.
type Journal interface {
	// Open is called before an attempt's request leaves. An error means that it must not.
	Open(context.Context, switchyard.Attempt) error
	// Hold notes the provider's id of an accepted job, before anybody waits for it.
	Hold(context.Context, switchyard.Attempt) error
	// Settle tells how an attempt ended.
	Settle(context.Context, switchyard.Attempt) error
}

// Breaker says who may be tried; the Registry of package breaker does.
type Breaker interface {
	Allow(target string) (breaker.Done, error)
	Force(target string) (breaker.Done, error)
}

// Fetcher reads from addresses that a request or an answer names. It refuses private ones. The size is negative if it
// is not known beforehand.
type Fetcher interface {
	Fetch(ctx context.Context, url string, limit int64) (body io.ReadCloser, size int64, err error)
}

// Runner makes generations. All fields but Switches, Budgets, Polls, Tracer, Log and Now are needed. It holds no state of its own; many
// goroutines share it.
type Runner struct {
	Dialects  map[string]dialect.Dialect // by name
	Transport func(provider string) http.RoundTripper
	Fetcher   Fetcher
	Switches  *breaker.Switches // what an operator has stopped by hand; if nil, nothing is
	Breaker   Breaker
	Limiter   *limit.Registry // bounds how much leaves
	Budgets   *limit.Budgets  // nil: none
	Pool      *spool.Pool
	Polls     *limit.Turns     // of jobs that providers have accepted, all together; if nil, any number
	Tracer    Tracer           // if nil, nobody follows
	Log       *zap.Logger      // gets the mistakes of ours that an attempt ran into; may be nil
	Now       func() time.Time // if nil, time.Now

	MaxAnswer int64 // bytes of one answer of a provider
	MaxImage  int64 // bytes of one image, in or out
}

// Job is one generation to be made.
type Job struct {
	Generation string // its id
	Key        string // name of the app's virtual key; empty without
	Tenant     string // who pays
	Route      string // that the money is booked under: a ticket's is that which it began with, whatever the plan's is by now
	Request    *switchyard.Request
	Message    *spool.Message // as the app sent it
	Plan       *router.Plan
	Replanned  bool // what a dead model taught is in the plan already
	Journal    Journal
	Earlier    []switchyard.Attempt // made for this generation before, and over
	Hedging    *router.Hedging      // when a second target may race the first; nil: never
	Held       []switchyard.Attempt // jobs that an earlier process left at a provider: they are asked for before anything is sent
	Resumes    bool                 // another process goes on with jobs that this one leaves: see ErrShutdown
	AppKey     switchyard.Secret    // the app's own credential, for targets without one of ours
	Gone       <-chan struct{}      // closed when the app has left; nil if it never does
	Kept       bool                 // the app may come back for the answer: events go on without it
}

// Answer is a generation that went well. Close gives its bodies back; nothing in it may be used after that.
type Answer struct {
	Target   *switchyard.Target
	Fidelity switchyard.Fidelity
	Result   *switchyard.Result // checked; nil for a stream
	Raw      *spool.Message     // the provider's own answer, if the app may have it as it is
	Stream   *Stream            // instead of the two: events that go on as they come

	bodies []io.Closer
}

// Close gives back what the answer holds.
func (a *Answer) Close() {
	closeAll(a.bodies)
	a.bodies = nil
}

func closeAll(bodies []io.Closer) {
	for _, b := range bodies {
		_ = b.Close()
	}
}

// Report is what was tried for a generation, whatever came of it.
type Report struct {
	Attempts []switchyard.Attempt // in the order in which they ended
	Hedged   bool                 // a second target was asked while the first was at it
	Passed   []router.Passed      // targets that were not tried: a kill, an open breaker, a full limit, a budget
	Left     bool                 // a job was left at a provider, for another process to go on with: see ErrShutdown

	// For a hedge whose loser is still under way. Open is what the loser has done, and what it has under way at what that may cost. Rest
	// waits for its end, and returns everything. Rest is nil if there is no such loser; otherwise the caller must call it, and must keep
	// the context of Run alive until it returns.
	Open []switchyard.Attempt
	Rest func() []switchyard.Attempt
}

func (r *Runner) now() time.Time {
	if r.Now != nil {
		return r.Now()
	}
	return time.Now()
}
