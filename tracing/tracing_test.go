package tracing_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"switchyard"
	"switchyard/proxy"
	"switchyard/tracing"
)

// open is a Tracer with a collector behind it, which answers as h does once it has read what came.
func open(t *testing.T, h func(*otlp.TracesData)) *tracing.Tracer {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var req otlp.TracesData
		if err == nil {
			err = proto.Unmarshal(body, &req)
		}
		if err != nil {
			t.Error(err)
		}
		h(&req)
	}))
	t.Cleanup(server.Close)
	tr, err := tracing.New(t.Context(), tracing.Config{OTLP: server.URL + "/", Sample: 1}, "test", func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tr.Close() })
	return tr
}

// TestHostile: what an app says is bounded, and never costs the spans beside its own.
func TestHostile(t *testing.T) {
	var mu sync.Mutex
	var texts []string
	tr := open(t, func(req *otlp.TracesData) {
		mu.Lock()
		defer mu.Unlock()
		for _, r := range req.ResourceSpans {
			for _, s := range r.ScopeSpans {
				for _, span := range s.Spans {
					for _, a := range span.Attributes {
						texts = append(texts, a.Value.GetStringValue())
					}
				}
			}
		}
	})
	for _, model := range []string{"good", "\xff\xfe", strings.Repeat("é", 10_000)} {
		_, trace := tr.Request(context.Background(), http.Header{"Traceparent": {"00-" + model}})
		trace.End(&proxy.Record{Kind: "generation", Asked: 1, Model: model, Path: "/" + model, Status: 200})
	}
	if err := tr.Close(); err != nil {
		t.Fatal(err)
	}
	if sent, dropped := tr.Spans(); sent != 3 || dropped != 0 {
		t.Errorf("%d sent, %d dropped", sent, dropped)
	}
	for _, text := range texts {
		if len(text) > 1024 {
			t.Errorf("%d bytes of an app's words", len(text))
		}
	}
	if !strings.Contains(fmt.Sprint(texts), "good") {
		t.Errorf("the attributes are %q", texts)
	}
}

// TestImpatience: a collector that asks for patience, or hangs up, gets the same spans again, with the headers that the environment names
// for it; one that refuses them is not asked again.
func TestImpatience(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=a%20secret, x-other=2")
	const hangUp = 0
	answers := make(chan int, 3)
	var bodies []int
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies = append(bodies, len(body))
		if r.URL.Path != "/v1/traces" || r.Header.Get("X-Key") != "a secret" || r.Header.Get("X-Other") != "2" {
			t.Errorf("%s %v", r.URL, r.Header)
		}
		code := <-answers
		if code == hangUp {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(code)
	}))
	defer server.Close()
	send := func(codes ...int) (sent, dropped uint64, told int) {
		for _, code := range codes {
			answers <- code
		}
		tr, err := tracing.New(t.Context(), tracing.Config{OTLP: server.URL, Sample: 1}, "test", func(error) { told++ })
		if err != nil {
			t.Fatal(err)
		}
		_, trace := tr.Request(context.Background(), nil)
		trace.End(&proxy.Record{})
		if err := tr.Close(); err != nil {
			t.Error(err)
		}
		sent, dropped = tr.Spans()
		return sent, dropped, told
	}
	if sent, dropped, told := send(503, 429, 200); sent != 1 || dropped != 0 || told != 0 || len(bodies) != 3 || bodies[0] != bodies[2] {
		t.Errorf("%d sent, %d dropped, %d failures told; %d uploads", sent, dropped, told, len(bodies))
	}
	if sent, dropped, told := send(400); sent != 0 || dropped != 1 || told != 1 || len(bodies) != 4 {
		t.Errorf("refused: %d sent, %d dropped, %d failures told; %d uploads", sent, dropped, told, len(bodies))
	}
	if sent, dropped, told := send(hangUp, 200); sent != 1 || dropped != 0 || told != 0 || len(bodies) != 6 {
		t.Errorf("hung up on: %d sent, %d dropped, %d failures told; %d uploads", sent, dropped, told, len(bodies))
	}
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "a-secret-key")
	if _, err := tracing.New(t.Context(), tracing.Config{OTLP: server.URL}, "test", nil); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("headers that are none: %v", err)
	}
}

// TestFull: while a collector takes its time, requests do not; what finds no room is dropped and counted, and all is
// accounted for in the end.
func TestFull(t *testing.T) {
	slow := make(chan struct{})
	tr := open(t, func(*otlp.TracesData) { <-slow })
	const requests = 20_000
	for range requests {
		_, trace := tr.Request(context.Background(), nil)
		trace.End(&proxy.Record{})
	}
	if _, dropped := tr.Spans(); dropped < requests/2 {
		t.Errorf("only %d of %d were dropped", dropped, requests)
	}
	close(slow)
	if err := tr.Close(); err != nil {
		t.Fatal(err)
	}
	_, trace := tr.Request(context.Background(), nil) // too late
	trace.End(&proxy.Record{})
	if sent, dropped := tr.Spans(); sent+dropped != requests && sent+dropped != requests+1 || sent < 4096 {
		t.Errorf("%d sent, %d dropped of %d", sent, dropped, requests)
	}
}

// TestWhole: what was accepted is sent when the Tracer is closed, and its goroutine is gone.
func TestWhole(t *testing.T) {
	before := runtime.NumGoroutine()
	tr := open(t, func(*otlp.TracesData) {})
	const attempts = 1000
	ctx, trace := tr.Work(context.Background(), http.Header{})
	for i := range attempts {
		tr.Attempt(ctx, &switchyard.Target{Name: "flux", Dialect: "fal"}, switchyard.Attempt{Target: "flux", Number: i}).
			End(switchyard.Attempt{Outcome: switchyard.OK}, nil)
	}
	trace.End(&proxy.Record{})
	if err := tr.Close(); err != nil {
		t.Fatal(err)
	}
	if sent, dropped := tr.Spans(); sent != attempts+1 || dropped != 0 {
		t.Errorf("%d sent, %d dropped", sent, dropped)
	}
	http.DefaultClient.CloseIdleConnections()
	for began := time.Now(); strings.Contains(stacks(), "tracing.(*queue).run"); runtime.Gosched() { // it may be on its last line
		if time.Since(began) > 10*time.Second {
			t.Fatalf("the queue still runs; there were %d goroutines before", before)
		}
	}
}

func stacks() string {
	b := make([]byte, 1<<20)
	return string(b[:runtime.Stack(b, true)])
}

func TestConfig(t *testing.T) {
	for _, c := range []tracing.Config{{OTLP: "collector:4318"}, {OTLP: "http://"}, {OTLP: "http://user:secret@host"}, {OTLP: "grpc://host"}, {Sample: -0.1}, {Sample: 1.1}} {
		err := c.Validate()
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%+v: %v", c, err)
		}
	}
	for _, c := range []tracing.Config{{}, tracing.DefaultConfig(), {OTLP: "https://collector.corp.example:4318/otlp", Sample: 1}} {
		if err := c.Validate(); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
