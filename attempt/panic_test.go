package attempt_test

import (
	"context"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"switchyard"
	"switchyard/attempt"
	"switchyard/breaker"
	"switchyard/dialect"
	"switchyard/router"
	"switchyard/spool"
)

// fragile is plain, but for a mistake somewhere.
type fragile struct {
	plain
	at string
}

func (f fragile) breaks(at string) {
	if f.at == at {
		var none []int
		_ = none[len(at)]
	}
}

func (f fragile) Needs(t *switchyard.Target, r *switchyard.Request) []dialect.Need {
	f.breaks("needs")
	return f.plain.Needs(t, r)
}

func (f fragile) Encode(t *switchyard.Target, r *switchyard.Request, s dialect.Supply) (*dialect.Outgoing, error) {
	f.breaks("encode")
	return f.plain.Encode(t, r, s)
}

func (f fragile) Forward(t *switchyard.Target, r *switchyard.Request, _ *spool.Message) (*dialect.Outgoing, error) {
	return f.plain.Encode(t, r, nil)
}

func (f fragile) Attach(*switchyard.Target, *switchyard.Request, string) dialect.Step {
	f.breaks("attach")
	return dialect.Step{
		Next:   &dialect.Outgoing{Method: http.MethodGet, Path: "/job"},
		Cancel: &dialect.Outgoing{Method: http.MethodDelete, Path: "/job"},
	}
}

func (f fragile) Decode(x *dialect.Exchange) (dialect.Step, error) {
	if x.Sent.Method == http.MethodGet {
		f.breaks("poll")
	}
	f.breaks("decode")
	step, err := f.plain.Decode(x)
	if step.Result != nil {
		step.Result.Created = time.Now() // or the attempt would ask for the time
	}
	return step, err
}

// fragileBook breaks where an attempt is opened, or settled.
type fragileBook struct {
	*book
	fragile
}

func (b fragileBook) Open(ctx context.Context, a switchyard.Attempt) error {
	b.breaks("journal")
	return b.book.Open(ctx, a)
}

func (b fragileBook) Settle(ctx context.Context, a switchyard.Attempt) error {
	_ = b.book.Settle(ctx, a)
	b.breaks("settle")
	return nil
}

// fragileTracer breaks where a trace begins, or ends.
type fragileTracer struct {
	*follower
	fragile
}

func (f fragileTracer) Attempt(ctx context.Context, t *switchyard.Target, a switchyard.Attempt) attempt.Trace {
	f.breaks("trace")
	f.follower.Attempt(ctx, t, a)
	return f
}

func (f fragileTracer) End(a switchyard.Attempt, u *switchyard.Usage) {
	f.follower.End(a, u)
	f.breaks("end")
}

// TestPanic: a mistake of ours somewhere in an attempt is a failure like any other. The attempt is booked as far as it got,
// everything is given back, its job is cancelled, the next target has its turn where it may have been the answer, and the
// provider's breaker hears neither good nor bad. The log tells where it was. What every test here checks in the end is most
// of this one.
func TestPanic(t *testing.T) {
	at := func(at string) fragile { return fragile{plain{mask: switchyard.White}, at} }
	for name, c := range map[string]struct {
		at     string
		stream bool
		calls  int
		held   bool
		want   []string
	}{
		"settle":   {at: "settle", want: []string{"a ok settled"}},
		"parts":    {at: "settle", calls: 2, want: []string{"a ok settled", "a ok settled"}},
		"bill":     {at: "bill", want: []string{"a lost possible"}},
		"trace":    {at: "trace", want: []string{"a refused none"}},
		"end":      {at: "end", want: []string{"a ok settled"}},
		"needs":    {at: "needs"},
		"journal":  {at: "journal"},
		"encode":   {at: "encode", want: []string{"a refused none"}},
		"decode":   {at: "decode", want: []string{"a bad_reply possible", "b ok settled"}},
		"fan-out":  {at: "decode", calls: 2, want: []string{"a bad_reply possible", "a bad_reply possible", "b ok settled"}},
		"stream":   {at: "decode", stream: true, want: []string{"a bad_reply possible", "b ok settled"}},
		"poll":     {at: "poll", want: []string{"a bad_reply possible", "b ok settled"}},
		"attach":   {at: "attach", held: true, want: []string{"a refused possible"}},
		"reattach": {at: "poll", held: true, want: []string{"a bad_reply possible", "b ok settled"}},
	} {
		t.Run(name, func(t *testing.T) {
			canceled, begun := false, atomic.Bool{}
			b := newBench(t, func(w http.ResponseWriter, r *http.Request) {
				begun.Store(true)
				if r.Method == http.MethodDelete {
					canceled = true
				}
				if c.at == "poll" && r.Method == http.MethodPost && r.URL.Path == "/a" {
					w.WriteHeader(http.StatusAccepted)
					return
				}
				_, _ = w.Write(picture())
			})
			if !c.held {
				b.spend("all", 100)
			}
			core, logs := observer.New(zap.ErrorLevel)
			b.runner.Log = zap.New(core)
			b.runner.Dialects["fragile"] = at(c.at)
			b.runner.Tracer = fragileTracer{&b.follower, at(c.at)}
			b.runner.Now = func() time.Time {
				if c.at == "bill" && begun.Load() {
					at(c.at).breaks(c.at)
				}
				return time.Now()
			}
			req := &switchyard.Request{Images: max(c.calls, 1), Stream: c.stream}
			first, second := b.target("a", max(c.calls, 1), req), b.target("b", 1, &switchyard.Request{Images: 1})
			first.Target.Dialect, first.Forward = "fragile", c.stream
			job := &attempt.Job{
				Generation: "g", Request: req, Plan: &router.Plan{Route: &b.route, Candidates: []router.Candidate{first, second}},
				Journal: fragileBook{&b.book, at(c.at)}, Gone: b.gone,
			}
			if c.held {
				a := switchyard.Attempt{
					ID: "x", Number: 1, Target: "a", Provider: "a", Model: "a", Job: "job", Stage: switchyard.Sent, Started: time.Now(),
					Estimate: switchyard.Cost{Amount: switchyard.Dollar / 100, Basis: switchyard.BasisEstimate},
				}
				job.Held, b.book.opened = []switchyard.Attempt{a}, []switchyard.Attempt{a}
			}
			ans, report, err := b.runner.Run(t.Context(), job)
			if ans != nil {
				ans.Close()
			}
			if got := charges(report.Attempts); !slices.Equal(got, c.want) {
				t.Errorf("%q, want %q: %v", got, c.want, err)
			}
			if canceled != (c.at == "poll") {
				t.Errorf("the job was cancelled: %v", canceled)
			}
			if (err == nil) != slices.Contains(c.want, "b ok settled") {
				t.Error(err)
			}
			if n := b.breakers.State("a").Counts; !c.held && n != (breaker.Counts{Neither: 1}) {
				t.Errorf("the breaker heard %+v", n)
			}
			if logs.Len() != max(c.calls, 1) || logs.All()[0].ContextMap()["stack"] == "" {
				t.Errorf("logged %v", logs.All())
			}
		})
	}
}
