package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// call is one request, and what is to be seen of its answer.
type call struct {
	method, path, body string
	header             http.Header
	least              int64 // bytes of the answer
}

// sample is what a turn of load has shown.
type sample struct {
	requests int64
	bytes    int64 // both ways, on the app's side
	wall     time.Duration
	latency  []time.Duration // sorted
	first    []time.Duration // to the first byte, sorted
	lag      []time.Duration // of events, sorted
	failed   int64
	failure  error
}

func (s *sample) at(q float64, of []time.Duration) time.Duration {
	if len(of) == 0 {
		return 0
	}
	return of[min(int(q*float64(len(of))), len(of)-1)]
}

// client has connections enough for every caller, and does nothing of its own accord.
func client(callers int) *http.Client {
	return &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: callers, MaxConnsPerHost: 0, DisableCompression: true}}
}

// closed has callers ask one after another until total requests have been made.
func closed(ctx context.Context, base string, c call, callers, total int) sample {
	r := &recorder{client: client(callers), base: base, call: c}
	defer r.client.CloseIdleConnections()
	var next atomic.Int64
	began := time.Now()
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for next.Add(1) <= int64(total) && ctx.Err() == nil {
				r.one(ctx, time.Now())
			}
		})
	}
	all.Wait()
	return r.done(time.Since(began))
}

// openLoop asks at a fixed rate whatever the answers do; latency counts from when a request was due.
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

type recorder struct {
	client *http.Client
	base   string
	call   call

	mu sync.Mutex
	s  sample
}

func (r *recorder) one(ctx context.Context, due time.Time) {
	first, n, lag, err := r.ask(ctx, due)
	took := time.Since(due)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.s.requests++
	if err != nil {
		r.s.failed++
		r.s.failure = err
		return
	}
	r.s.bytes += n + int64(len(r.call.body))
	r.s.latency = append(r.s.latency, took)
	r.s.first = append(r.s.first, first)
	r.s.lag = append(r.s.lag, lag...)
}

func (r *recorder) ask(ctx context.Context, due time.Time) (first time.Duration, n int64, lag []time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, r.call.method, r.base+r.call.path, strings.NewReader(r.call.body))
	if err != nil {
		return 0, 0, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	for name, values := range r.call.header {
		req.Header[name] = values
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return 0, 0, nil, err
	}
	defer resp.Body.Close()
	first = time.Since(due)
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		n, lag, err = follow(resp.Body)
	} else {
		n, err = io.Copy(io.Discard, resp.Body)
	}
	if err == nil && (resp.StatusCode >= 300 || n < r.call.least) {
		err = fmt.Errorf("%s with %d bytes", resp.Status, n)
	}
	return first, n, lag, err
}

// follow reads events and tells how long each was on its way.
func follow(r io.Reader) (n int64, lag []time.Duration, err error) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		n += int64(len(lines.Bytes())) + 1
		if rest, ok := bytes.CutPrefix(lines.Bytes(), []byte(`data: {"at":`)); ok {
			var at int64
			if _, err := fmt.Sscanf(string(rest), "%d", &at); err == nil {
				lag = append(lag, time.Duration(time.Now().UnixNano()-at))
			}
		}
	}
	return n, lag, lines.Err()
}

func (r *recorder) done(wall time.Duration) sample {
	r.s.wall = wall
	slices.Sort(r.s.latency)
	slices.Sort(r.s.first)
	slices.Sort(r.s.lag)
	return r.s
}
