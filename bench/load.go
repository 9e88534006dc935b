package main

import (
	"context"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"switchyard/fetch"
)

// sample is what was seen in one turn of load.
type sample struct {
	requests int64
	bytes    int64 // both ways, on the app's side; a body that was sent more than once counts once
	asked    int64 // bytes of the requests' bodies
	sent     int64 // bytes of bodies that the app has sent: more than asked, if it had to send some again
	wall     time.Duration
	latency  []time.Duration // sorted
	first    []time.Duration // to the first byte, sorted
	lag      []time.Duration // of events, sorted
	failed   int64
	failure  error
}

// client returns a client with a connection for every caller, which does nothing by itself.
func client(callers int) *http.Client {
	dialer := net.Dialer{Control: fetch.Unpaced}
	return &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext, MaxIdleConnsPerHost: callers, DisableCompression: true}}
}

// closed makes each caller ask again as soon as it is answered, until total requests have been made.
func closed(ctx context.Context, base string, c call, callers, total int) sample {
	var next atomic.Int64
	return while(ctx, base, c, callers, func() bool { return next.Add(1) <= int64(total) })
}

// while makes each caller ask again as soon as it is answered, for as long as more returns true.
func while(ctx context.Context, base string, c call, callers int, more func() bool) sample {
	r := &recorder{client: client(callers), base: base, call: c}
	defer r.client.CloseIdleConnections()
	began := time.Now()
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for more() && ctx.Err() == nil {
				r.one(ctx, time.Now())
			}
		})
	}
	all.Wait()
	return r.done(time.Since(began))
}

// openLoop asks at a fixed rate, however slow the answers are; latency counts from the moment at which a request was
// due.
func openLoop(ctx context.Context, base string, c call, rate, total int) sample {
	r := &recorder{client: client(512), base: base, call: c}
	defer r.client.CloseIdleConnections()
	began := time.Now()
	var all sync.WaitGroup
	for i := range total {
		due := began.Add(time.Duration(i) * time.Second / time.Duration(rate))
		time.Sleep(time.Until(due))
		all.Go(func() { r.one(ctx, due) })
	}
	all.Wait()
	return r.done(time.Since(began))
}

// recorder gathers what the callers see.
type recorder struct {
	client *http.Client
	base   string
	call   call
	sent   atomic.Int64

	mu sync.Mutex
	s  sample
}

func (r *recorder) one(ctx context.Context, due time.Time) {
	got, err := r.ask(ctx, due)
	took := time.Since(due)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.s.requests++
	if err != nil {
		r.s.failed++
		r.s.failure = err
		return
	}
	body := int64(len(r.call.body))
	r.s.bytes += got.bytes + body
	r.s.asked += body
	r.s.latency = append(r.s.latency, took)
	r.s.first = append(r.s.first, got.first)
	r.s.lag = append(r.s.lag, got.lag...)
}

func (r *recorder) done(wall time.Duration) sample {
	r.s.wall, r.s.sent = wall, r.sent.Load()
	slices.Sort(r.s.latency)
	slices.Sort(r.s.first)
	slices.Sort(r.s.lag)
	return r.s
}
