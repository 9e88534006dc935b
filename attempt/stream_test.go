package attempt_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"switchyard"
	"switchyard/attempt"
	"switchyard/breaker"
	"switchyard/dialect"
	"switchyard/router"
	"switchyard/spool"
)

func (fragile) Counts() string { return "usage" }

// Counted believes whoever says it once.
func (fragile) Counted(event *spool.Value, n int) *switchyard.Usage {
	tokens, ok := event.Get("usage").Int()
	if !ok || n > 1 {
		return nil
	}
	return &switchyard.Usage{ImageOut: tokens}
}

var _ dialect.Counter = fragile{}

// events has a target stream for an app that leaves after the first byte, and is how the attempt is booked at the end.
func (b *bench) events(job *attempt.Job) []string {
	b.Helper()
	return charges([]switchyard.Attempt{b.streamed(job)})
}

func (b *bench) streamed(job *attempt.Job) switchyard.Attempt {
	b.Helper()
	req := &switchyard.Request{Images: 1, Stream: true}
	c := b.target("a", 1, req)
	c.Target.Price.Tokens = &switchyard.TokenPrice{ImageOut: switchyard.Dollar} // a million
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
	return ans.Stream.Attempt
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

// TestStreamCounts: events that say what was used are booked at that, if they say it of all, and believably; else at the
// estimate, which is not certain if they tell of no picture. The picture beside it is as long as it likes.
func TestStreamCounts(t *testing.T) {
	picture := strings.Repeat("iVBORw0KGgo/", 100_000)
	reported := switchyard.Cost{Amount: 500_000, Basis: switchyard.BasisReported, Charge: switchyard.ChargeSettled} // 500 tokens
	estimate := switchyard.Cost{Amount: switchyard.Dollar / 100, Basis: switchyard.BasisEstimate, Charge: switchyard.ChargeSettled}
	perhaps := estimate
	perhaps.Charge = switchyard.ChargePossible
	for name, c := range map[string]struct {
		events string
		want   switchyard.Cost
	}{
		"behind the picture":         {`data: {"b64_json":"` + picture + `","usage":500}` + "\n\n", reported},
		"before the picture":         {`data: {"usage":500,"b64_json":"` + picture + `"}` + "\r\n\r\n", reported},
		"without an end of its line": {`data: {"b64_json":"` + picture + `","usage":500}`, reported},
		"after others":               {`data: {"b64_json":"` + picture + "\"}\n\n" + `data: {"usage":500}` + "\n\n", reported},
		"not at all":                 {`data: {"b64_json":"` + picture + `"}` + "\n\n", estimate},
		"in a string":                {`data: {"b64_json":"AA","text":"\"usage\":500"}` + "\n\n", estimate},
		"more often than is known":   {"data: {\"usage\":500}\n\ndata: {\"usage\":500}\n\n", estimate},
		"nothing":                    {"data: {\"usage\":0}\n\n", perhaps},
		"less than nothing":          {"data: {\"usage\":-500}\n\n", perhaps},
		"beyond reason":              {"data: {\"usage\":500000000000}\n\n", estimate},
		"no JSON":                    {"data: {\"usage\":500\n\n", estimate},
		"in too long a line":         {`data: {"numbers":[` + strings.Repeat("1,", 10_000) + `1],"usage":500}` + "\n\n", estimate},
		"and then a failure":         {"data: {\"usage\":500}\n\nevent: error\ndata: {}\n\n", perhaps},
	} {
		b := newBench(t, func(w http.ResponseWriter, _ *http.Request) {
			begin(w)
			_, _ = io.WriteString(w, c.events)
		})
		if got := b.streamed(&attempt.Job{Kept: true}).Cost; got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

// TestACutStreamCountsNothing: what a stream says of all of it is not believed if it does not come to its end.
func TestACutStreamCountsNothing(t *testing.T) {
	b := newBench(t, func(w http.ResponseWriter, _ *http.Request) {
		begin(w)
		_, _ = io.WriteString(w, "data: {\"usage\":500}\n\n")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	want := switchyard.Cost{Amount: switchyard.Dollar / 100, Basis: switchyard.BasisEstimate, Charge: switchyard.ChargePossible}
	if got := b.streamed(&attempt.Job{Kept: true}).Cost; got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestLine: what is kept of a line has no long strings, wherever quotation marks and backslashes stand in them.
func TestLine(t *testing.T) {
	long := strings.Repeat("A", 1025)
	for text, want := range map[string]string{
		`data: {"b64_json":"` + long + `","n":[1]}`:                      `data: {"b64_json":"","n":[1]}`,
		`{"a":"` + long[1:] + `","b":"` + long + long + `","c":"x"}`:     `{"a":"` + long[1:] + `","b":"","c":"x"}`,
		`{"a":"` + strings.Repeat(`\"`, 600) + `","b":"\\\"x"}`:          `{"a":"","b":"\\\"x"}`,
		`{"a":"` + long + `\\","b":"` + long + `\\\"","` + long + `":0}`: `{"a":"","b":"","":0}`,
	} {
		if got := attempt.Shorten([]byte(text)); string(got) != want {
			t.Errorf("kept %q, want %q", got, want)
		}
	}
}

// FuzzLine: however a line comes in pieces, what is kept of it is the same, is short, and is JSON if the line is, unless it is
// cut.
func FuzzLine(f *testing.F) {
	for _, s := range []string{
		`{"b64_json":"` + strings.Repeat("A", 3000) + `","usage":{"output_tokens":5}}`,
		`{"a":"\\","b":"\"","c":"` + strings.Repeat(`\"`, 1000) + `","d":"\\\"x"}`, `data: "`, `{"a":["b",{"":null}]}`,
	} {
		f.Add([]byte(s), uint8(1))
		f.Add([]byte(s), uint8(200))
	}
	f.Fuzz(func(t *testing.T, text []byte, size uint8) {
		whole := attempt.Shorten(text)
		if pieces := attempt.Shorten(slices.Collect(slices.Chunk(text, int(size)+1))...); !bytes.Equal(pieces, whole) {
			t.Fatalf("in pieces %q, whole %q", pieces, whole)
		}
		if len(whole) > 8<<10 || len(whole) < 8<<10 && json.Valid(text) && !json.Valid(whole) {
			t.Fatalf("kept %q of %q", whole, text)
		}
	})
}
