package attempt_test

import (
	"io"
	"net/http"
	"slices"
	"testing"

	"switchyard"
	"switchyard/attempt"
	"switchyard/breaker"
	"switchyard/router"
)

// events has a target stream for an app that leaves after the first byte, and is how the attempt is booked at the end.
func (b *bench) events(job *attempt.Job) []string {
	b.Helper()
	req := &switchyard.Request{Images: 1, Stream: true}
	c := b.target("a", 1, req)
	c.Target.Dialect, c.Forward = "fragile", true
	b.runner.Dialects["fragile"] = fragile{plain: plain{mask: switchyard.White}}
	job.Generation, job.Request, job.Gone = "g", req, b.gone
	job.Plan = &router.Plan{Route: &b.route, Candidates: []router.Candidate{c}}
	if job.Journal == nil {
		job.Journal = &b.book
	}
	ans, _, err := b.runner.Run(b.Context(), job)
	if err != nil {
		b.Fatal(err)
	}
	close(b.gone)
	_, _ = io.Copy(io.Discard, ans.Stream)
	ans.Close()
	return charges([]switchyard.Attempt{ans.Stream.Attempt})
}

func begin(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/event-stream")
	_, _ = io.WriteString(w, "data: 1\n\n")
	w.(http.Flusher).Flush()
}

// TestKeptStream: of events that go on without their app, a break is the provider's; of others, it may be the app's leaving.
func TestKeptStream(t *testing.T) {
	for kept, want := range map[bool]struct {
		charge string
		heard  breaker.Counts
	}{
		true:  {"a bad_reply possible", breaker.Counts{Failed: 1, Row: 1}},
		false: {"a canceled possible", breaker.Counts{Neither: 1}},
	} {
		var b *bench
		b = newBench(t, func(w http.ResponseWriter, _ *http.Request) {
			begin(w)
			<-b.gone
			panic(http.ErrAbortHandler)
		})
		if got := b.events(&attempt.Job{Kept: kept}); !slices.Equal(got, []string{want.charge}) {
			t.Errorf("kept %v: %q, want %q", kept, got, want.charge)
		}
		if n := b.breakers.State("a").Counts; n != want.heard {
			t.Errorf("kept %v: the breaker heard %+v", kept, n)
		}
	}
}

// TestStreamPanic: a mistake of ours when events have come to their end keeps nothing back, and the breaker hears of the end.
func TestStreamPanic(t *testing.T) {
	b := newBench(t, func(w http.ResponseWriter, _ *http.Request) { begin(w) })
	b.spend("all", 100)
	at := fragile{at: "settle"}
	b.runner.Tracer = fragileTracer{&b.follower, at}
	if got := b.events(&attempt.Job{Kept: true, Journal: fragileBook{&b.book, at}}); !slices.Equal(got, []string{"a ok settled"}) {
		t.Errorf("%q", got)
	}
	if n := b.breakers.State("a").Counts; n != (breaker.Counts{Succeeded: 1}) {
		t.Errorf("the breaker heard %+v", n)
	}
}

// TestStreamComplains: events that tell of a failure come to their end as well as any, and are none the less a failure,
// which may have been charged for. Under the app's own key it is the app's affair alone.
func TestStreamComplains(t *testing.T) {
	for name, c := range map[string]struct {
		pieces []string
		want   string
		heard  breaker.Counts
	}{
		"by name": {[]string{"event: error\nda", "ta: {\"message\":\"boom\"}\n\n"}, "a overloaded possible", breaker.Counts{Failed: 1, Row: 1}},
		"by data": {[]string{"data: {\"error\":", "{\"code\":500}}\r\n\r\n"}, "a overloaded possible", breaker.Counts{Failed: 1, Row: 1}},
		"another": {[]string{"event: error\n\ndata: {\"b64_json\":\"", "AA\"}\n\n"}, "a ok settled", breaker.Counts{Succeeded: 1}},
	} {
		b := newBench(t, func(w http.ResponseWriter, _ *http.Request) {
			begin(w)
			for _, p := range c.pieces {
				_, _ = io.WriteString(w, p)
				w.(http.Flusher).Flush()
			}
		})
		if got := b.events(&attempt.Job{Kept: true}); !slices.Equal(got, []string{c.want}) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		if n := b.breakers.State("a").Counts; n != c.heard {
			t.Errorf("%s: the breaker heard %+v", name, n)
		}
	}
}
