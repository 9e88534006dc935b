package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	common "go.opentelemetry.io/proto/otlp/common/v1"
	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"google.golang.org/protobuf/proto"

	"switchyard/sim"
)

// collected is a collector on a port of its own, and what it was sent.
type collected struct {
	*testing.T
	url string

	mu    sync.Mutex
	spans []*spans.Span
	text  string // all that came, for what must not be in it
}

func collect(t *testing.T) *collected {
	t.Helper()
	c := &collected{T: t}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var req spans.TracesData
		if err == nil {
			err = proto.Unmarshal(body, &req)
		}
		if err != nil || r.URL.Path != "/v1/traces" {
			t.Errorf("%s: %v", r.URL, err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.text += req.String()
		for _, res := range req.ResourceSpans {
			for _, scope := range res.ScopeSpans {
				c.spans = append(c.spans, scope.Spans...)
			}
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(server.Close)
	c.url = server.URL
	return c
}

// all waits for n spans, and is them in the order they began.
func (c *collected) all(n int) []*spans.Span {
	c.Helper()
	return eventually(c.T, func() ([]*spans.Span, bool) {
		c.mu.Lock()
		defer c.mu.Unlock()
		list := slices.Clone(c.spans)
		slices.SortStableFunc(list, func(a, b *spans.Span) int { return int(a.StartTimeUnixNano) - int(b.StartTimeUnixNano) })
		return list, len(list) >= n
	})
}

// tells is a span's attributes as text.
func tells(s *spans.Span) map[string]string {
	m := map[string]string{}
	for _, a := range s.Attributes {
		switch v := a.Value.Value.(type) {
		case *common.AnyValue_StringValue:
			m[a.Key] = v.StringValue
		case *common.AnyValue_IntValue:
			m[a.Key] = fmt.Sprint(v.IntValue)
		case *common.AnyValue_DoubleValue:
			m[a.Key] = fmt.Sprint(v.DoubleValue)
		case *common.AnyValue_BoolValue:
			m[a.Key] = fmt.Sprint(v.BoolValue)
		}
	}
	return m
}

// expect compares some of what a span tells.
func expect(t *testing.T, s *spans.Span, want map[string]string) {
	t.Helper()
	got := tells(s)
	for key, value := range want {
		if got[key] != value {
			t.Errorf("span %q has %s=%q, want %q; all: %v", s.Name, key, got[key], value, got)
		}
	}
}

const (
	appTrace   = "4bf92f3577b34da6a3ce929d0e0e4736"
	appSpan    = "00f067aa0ba902b7"
	appSampled = "00-" + appTrace + "-" + appSpan + "-01"
	appNot     = "00-" + appTrace + "-" + appSpan + "-00"
)

// TestTrace: a request that falls back is a tree within the app's own trace: the request, and an attempt for each target.
func TestTrace(t *testing.T) {
	c := collect(t)
	k := startKit(t, twoProviders+"tracing: {otlp: \""+c.url+"\", sample: 0}\n")
	k.world.Google.Update(func(b *sim.Behavior) { b.Fault = sim.RateLimit })
	a := k.post(imagenPath, predict("a secret prompt", 1), "Traceparent", appSampled, "Tracestate", "vendor=1", "X-Goog-Api-Key", "AIza-of-the-app")
	if a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	list := c.all(3)
	if len(list) != 3 {
		t.Fatalf("%d spans", len(list))
	}
	request, first, second := list[0], list[1], list[2]
	for _, s := range list {
		if fmt.Sprintf("%x", s.TraceId) != appTrace || s.TraceState != "vendor=1" {
			t.Errorf("span %q is of trace %x %q", s.Name, s.TraceId, s.TraceState)
		}
	}
	if fmt.Sprintf("%x", request.ParentSpanId) != appSpan || request.Kind != spans.Span_SPAN_KIND_SERVER || request.Name != "generate_content all" {
		t.Errorf("the request is %v", request)
	}
	for _, s := range list[1:] {
		if string(s.ParentSpanId) != string(request.SpanId) || s.Kind != spans.Span_SPAN_KIND_CLIENT {
			t.Errorf("the attempt is %v", s)
		}
	}
	expect(t, request, map[string]string{
		"gen_ai.operation.name": "generate_content", "gen_ai.output.type": "image", "gen_ai.provider.name": "gcp.gemini",
		"gen_ai.request.model": "imagen-4.0-generate-001", "gen_ai.response.model": "gpt-image-1-mini", "gen_ai.request.choice.count": "1",
		"http.response.status_code": "200", "switchyard.route": "all", "switchyard.target": "gpt", "switchyard.attempts": "2",
		"switchyard.generation": a.header.Get("X-Switchyard-Id"), "switchyard.cost_usd": a.header.Get("X-Switchyard-Cost-Usd"), "switchyard.fidelity": a.header.Get("X-Switchyard-Fidelity"),
	})
	expect(t, first, map[string]string{
		"switchyard.target": "nano", "switchyard.outcome": "rate_limited", "error.type": "rate_limited", "switchyard.stage": "answered",
		"switchyard.charge": "none", "http.response.status_code": "429", "gen_ai.provider.name": "gcp.gemini", "switchyard.number": "1",
	})
	expect(t, second, map[string]string{
		"switchyard.target": "gpt", "switchyard.outcome": "ok", "switchyard.charge": "settled", "switchyard.images": "1", "error.type": "",
		"gen_ai.provider.name": "openai", "gen_ai.response.model": "gpt-image-1-mini", "server.address": "127.0.0.1", "switchyard.number": "2",
	})
	if first.Status.Code != spans.Status_STATUS_CODE_ERROR || second.Status.GetCode() == spans.Status_STATUS_CODE_ERROR {
		t.Errorf("status: %v, %v", first.Status, second.Status)
	}
	if in, out := tells(second)["gen_ai.usage.input_tokens"], tells(second)["gen_ai.usage.output_tokens"]; in == "" || out == "" || in != tells(request)["gen_ai.usage.input_tokens"] {
		t.Errorf("tokens: %q in, %q out", in, out)
	}
	for _, secret := range []string{"a secret prompt", "AIza", "sk-sim"} {
		if strings.Contains(c.text, secret) {
			t.Errorf("%q is in a span", secret)
		}
	}
	if n := len(k.logs.FilterMessage("request").FilterField(zapTrace(appTrace)).All()); n != 1 {
		t.Errorf("%d records name the trace", n)
	}
	for _, call := range append(k.world.Google.Calls(), k.world.OpenAI.Calls()...) {
		if call.Header.Get("Traceparent")+call.Header.Get("Tracestate") != "" {
			t.Errorf("a provider was told of the trace: %v", call.Header)
		}
	}
}

// TestTraceSampling: the app's word counts, either way; the share of the config is for traces that begin here.
func TestTraceSampling(t *testing.T) {
	c := collect(t)
	k := startKit(t, twoProviders+"tracing: {otlp: \""+c.url+"\", sample: 1}\n")
	for _, parent := range []string{appNot, appSampled, "nonsense"} {
		if a := k.post(openaiPath, `{"prompt":"a"}`, "Traceparent", parent, "X-Only", "gpt"); a.status != http.StatusOK {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	k.stop() // which sends what there is
	ids := map[string]int{}
	for _, s := range c.all(4) {
		ids[fmt.Sprintf("%x", s.TraceId)]++
	}
	if ids[appTrace] != 2 || len(ids) != 2 {
		t.Errorf("spans by trace: %v; want two of the app's, and two of one of our own", ids)
	}
}

// TestTracePassedOn: a provider hears of the trace only if its headers say so, and then of the attempt's own span.
func TestTracePassedOn(t *testing.T) {
	for name, tracing := range map[string]string{"with a collector": "tracing: {otlp: \"%s\", sample: 0}\n", "without": ""} {
		t.Run(name, func(t *testing.T) {
			c := collect(t)
			if tracing != "" {
				tracing = fmt.Sprintf(tracing, c.url)
			}
			k := startKit(t, strings.Replace(twoProviders, "<openai>", "<openai>, headers: [traceparent]", 1)+tracing)
			for _, only := range []string{"gpt", "nano"} {
				if a := k.post(openaiPath, `{"prompt":"a"}`, "Traceparent", appSampled, "X-Only", only); a.status != http.StatusOK {
					t.Fatalf("%d %s", a.status, a.body)
				}
			}
			if got := k.world.Google.Calls()[0].Header.Get("Traceparent"); got != "" {
				t.Errorf("google was told %s", got)
			}
			got := k.world.OpenAI.Calls()[0].Header.Get("Traceparent")
			want := appSampled
			if tracing != "" {
				want = fmt.Sprintf("00-%s-%x-01", appTrace, c.all(2)[1].SpanId)
			}
			if got != want {
				t.Errorf("openai was told %q, want %q", got, want)
			}
		})
	}
}

// TestTraceTicket: the work of a ticket is a span within the request that submitted it, and its polls are events.
func TestTraceTicket(t *testing.T) {
	c := collect(t)
	k := startKit(t, `
providers:
  fal: {<fal>}
targets:
  flux: {provider: fal, model: fal-ai/flux/dev}
routes:
  - {name: all, targets: [flux]}
tracing: {otlp: "`+c.url+`", sample: 1}
`)
	if a := k.post("/fal/queue/fal-ai/flux/dev", `{"prompt":"a"}`, "Traceparent", appSampled); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	list := c.all(3)
	submit, work, attempt := list[0], list[1], list[2]
	if work.Kind != spans.Span_SPAN_KIND_INTERNAL || string(work.ParentSpanId) != string(submit.SpanId) || string(attempt.ParentSpanId) != string(work.SpanId) {
		t.Errorf("the tree is %v", list)
	}
	expect(t, submit, map[string]string{"switchyard.kind": "ticket"})
	expect(t, work, map[string]string{"switchyard.kind": "generation", "switchyard.target": "flux"})
	if len(attempt.Events) == 0 || attempt.Events[0].Name != "poll" {
		t.Errorf("events: %v", attempt.Events)
	}
	text := k.metrics("text/plain") // the work is a generation, and no request of an app
	if !strings.Contains(text, `switchyard_generations_total{outcome="ok",route="all"} 1`) || strings.Contains(text, `code="none"`) || !strings.Contains(text, `kind="ticket"} 1`) {
		t.Errorf("the metrics are %s", text)
	}
}

// TestTraceRestart: a job that is left to the next process ends its span, and goes on within the same trace.
func TestTraceRestart(t *testing.T) {
	c := collect(t)
	k := startKitWith(t, slowWorld(t, 0), `
providers:
  fal: {<fal>}
targets:
  flux: {provider: fal, model: fal-ai/flux/dev}
routes:
  - {name: all, targets: [flux]}
server: {listen: "127.0.0.1:0", fetch_allow: [127.0.0.1], temp_dir: "{dir}/tmp", drain_timeout: 100ms}
tracing: {otlp: "`+c.url+`", sample: 0}
`)
	k.world.Fal.Update(func(b *sim.Behavior) { b.Latency = sim.Latency{Min: time.Hour, Max: time.Hour} })
	if a := k.post("/fal/queue/fal-ai/flux/dev", `{"prompt":"a"}`, "Traceparent", appSampled); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	polled := func() (int, bool) {
		n := 0
		for _, call := range k.world.Fal.Calls() {
			if call.Method == http.MethodGet {
				n++
			}
		}
		return n, n > 0
	}
	eventually(t, polled)
	k.stop()
	k.world.Fal.Reset()
	k.run()
	eventually(t, polled)
	k.stop()
	again := 0
	for _, s := range c.all(5) { // the request; twice the work and its attempt
		told := tells(s)
		if fmt.Sprintf("%x", s.TraceId) != appTrace {
			t.Errorf("%s is of trace %x", s.Name, s.TraceId)
		}
		if s.Kind == spans.Span_SPAN_KIND_CLIENT && (told["switchyard.outcome"] != "" || told["switchyard.stage"] != "sent" && told["switchyard.reattached"] == "") {
			t.Errorf("a job that goes on came to %v", told)
		}
		if told["switchyard.reattached"] == "true" {
			again++
		}
	}
	if again != 1 {
		t.Errorf("%d jobs were taken up again", again)
	}
}

// TestTracePassage: what passes through is a request with one attempt, if it may cost money, and one without, if not.
func TestTracePassage(t *testing.T) {
	c := collect(t)
	k := startKit(t, strings.Replace(twoProviders, "<openai>", "<openai>, headers: [traceparent]", 1)+"tracing: {otlp: \""+c.url+"\", sample: 1}\n")
	if a := k.post("/v1/chat/completions", `{"model":"gpt-5.5-mini","messages":[{"role":"user","content":"hi"}]}`, "Traceparent", appSampled); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if a := k.do(t.Context(), http.MethodGet, "/v1/models", ""); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	list := c.all(3)
	request, attempt, models := list[0], list[1], list[2]
	if len(list) != 3 || string(attempt.ParentSpanId) != string(request.SpanId) || attempt.Kind != spans.Span_SPAN_KIND_CLIENT {
		t.Errorf("the tree is %v", list)
	}
	expect(t, request, map[string]string{"switchyard.kind": "passthrough", "gen_ai.operation.name": "", "url.path": "/v1/chat/completions"})
	expect(t, attempt, map[string]string{"switchyard.target": "native:openai", "switchyard.cost_basis": "unknown", "gen_ai.operation.name": "", "switchyard.cost_usd": "", "http.response.status_code": "200"})
	expect(t, models, map[string]string{"http.request.method": "GET", "switchyard.attempts": ""})
	if got, want := k.world.OpenAI.Calls()[0].Header.Get("Traceparent"), fmt.Sprintf("00-%s-%x-01", appTrace, attempt.SpanId); got != want {
		t.Errorf("openai was told %q, want %q", got, want)
	}
}

// TestNoCollector: one that cannot be reached, and one that hangs, block nothing; what they do not get is counted.
func TestNoCollector(t *testing.T) {
	hang := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	defer server.Close()
	defer close(hang)
	for name, url := range map[string]string{"refused": "http://127.0.0.1:1", "hangs": server.URL} {
		t.Run(name, func(t *testing.T) {
			k := startKit(t, twoProviders+"tracing: {otlp: \""+url+"\", sample: 1}\n")
			for range 5 {
				if a := k.post(openaiPath, `{"prompt":"a"}`, "X-Only", "gpt"); a.status != http.StatusOK {
					t.Fatalf("%d %s", a.status, a.body)
				}
			}
			k.stop() // and so does the end
			if sent, dropped := k.side.tracer.Spans(); sent != 0 || dropped != 10 {
				t.Errorf("%d sent, %d dropped; want 0 and 10", sent, dropped)
			}
			if n := k.logs.FilterMessage("tracing: spans are dropped").Len(); n != 1 {
				t.Errorf("it was told %d times", n)
			}
		})
	}
}

// TestNoTracing: without a collector nothing of it is there.
func TestNoTracing(t *testing.T) {
	k := startKit(t, twoProviders)
	if k.side.tracer != nil || k.side.handler.Tracer != nil || k.side.handler.Runner.Tracer != nil {
		t.Error("there is a tracer")
	}
	if a := k.post(openaiPath, `{"prompt":"a"}`, "Traceparent", appSampled); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
}

func zapTrace(id string) zapcore.Field { return zap.String("trace_id", id) }
