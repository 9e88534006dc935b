package attempt_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"switchyard"
	"switchyard/attempt"
	"switchyard/router"
	"switchyard/spool"
)

// TestUntraced: without a Tracer, an attempt pays nothing for it.
func TestUntraced(t *testing.T) {
	if n := testing.AllocsPerRun(100, attempt.Untraced(&attempt.Runner{})); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// follower is a Tracer that remembers.
type follower struct {
	mu     sync.Mutex
	begun  []switchyard.Attempt
	ended  []switchyard.Attempt
	sent   int
	polled []int
}

func (f *follower) Attempt(_ context.Context, _ *switchyard.Target, a switchyard.Attempt) attempt.Trace {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.begun = append(f.begun, a)
	return f
}

func (f *follower) Send(h http.Header) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sent++
	h.Set("Traceparent", "ours")
}

func (f *follower) Polled(status int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.polled = append(f.polled, status)
}

func (f *follower) End(a switchyard.Attempt, _ *switchyard.Usage) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = append(f.ended, a)
}

// check wants every trace ended, once: it is part of every test here.
func (f *follower) check(t *testing.T) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	ended := map[string]int{}
	for _, a := range f.ended {
		ended[a.ID]++
	}
	for _, a := range f.begun {
		if ended[a.ID]--; ended[a.ID] < 0 {
			t.Errorf("the trace of the attempt at %s, part %d, was not ended", a.Target, a.Part)
		}
	}
	if len(f.ended) != len(f.begun) {
		t.Errorf("%d traces were begun, %d ended", len(f.begun), len(f.ended))
	}
}

// TestFollowed: a trace hears of each request, each answer about a job, and the end as it is booked.
func TestFollowed(t *testing.T) {
	var mu sync.Mutex
	var told []string
	n := 0
	b := newBench(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, r.Header.Get("Traceparent"))
		switch n++; n {
		case 1, 2:
			w.WriteHeader(http.StatusAccepted)
		case 3:
			w.WriteHeader(http.StatusBadGateway)
		default:
			_, _ = w.Write(picture())
		}
	})
	req := &switchyard.Request{Images: 1}
	ans, report, err := b.run(req, b.target("a", 1, req))
	if err != nil {
		t.Fatal(err)
	}
	ans.Close()
	f := &b.follower
	if !slices.Equal(f.polled, []int{202, 502, 200}) || f.sent != 4 || !slices.Equal(told, []string{"ours", "ours", "ours", "ours"}) {
		t.Errorf("polls %v, %d requests, which said %q", f.polled, f.sent, told)
	}
	if len(f.ended) != 1 || f.ended[0] != report.Attempts[0] || f.ended[0].Outcome != switchyard.OK {
		t.Errorf("%+v was told, %+v booked", f.ended, report.Attempts)
	}
}

// TestAllowedHeaders: what the config lets a provider see of the app's headers goes along, and nothing else.
func TestAllowedHeaders(t *testing.T) {
	got := make(chan http.Header, 1)
	b := newBench(t, func(w http.ResponseWriter, r *http.Request) {
		got <- r.Header.Clone()
		_, _ = w.Write(picture())
	})
	body, err := b.runner.Pool.ReadJSON(strings.NewReader("{}"), 2, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	req := &switchyard.Request{Images: 1}
	c := b.target("a", 1, req)
	c.Target.Headers = []string{"X-Team"}
	ans, _, err := b.runner.Run(context.Background(), &attempt.Job{
		Generation: "g", Request: req, Message: &spool.Message{Body: body, Header: http.Header{"X-Team": {"red"}, "X-Other": {"no"}}},
		Plan: &router.Plan{Route: &b.route, Candidates: []router.Candidate{c}}, Journal: &b.book, Gone: b.gone,
	})
	if err != nil {
		t.Fatal(err)
	}
	ans.Close()
	if h := <-got; h.Get("X-Team") != "red" || h.Get("X-Other") != "" {
		t.Errorf("the provider saw %v", h)
	}
}
