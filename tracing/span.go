package tracing

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"switchyard"
	"switchyard/proxy"
)

// operation is the name in OpenTelemetry's conventions for generative AI for making content that is not text;
// gen_ai.output.type says that it is pictures. By the conventions a span is named after the model as well. Ours are
// named after routes and targets, which the operator chose: an app may name any number of models.
const operation = "generate_content"

// requestSpan is the span of a request, or of the work for a ticket.
type requestSpan struct{ span trace.Span }

// ID returns the id of the trace.
func (r requestSpan) ID() proxy.TraceID {
	c := r.span.SpanContext()
	return proxy.TraceID{Text: c.TraceID().String(), Kept: c.IsSampled()}
}

// End adds what is known of the whole request, and ends the span.
func (r requestSpan) End(rec *proxy.Record) {
	if r.span.IsRecording() {
		r.tell(rec)
	}
	r.span.End()
}

func (r requestSpan) tell(rec *proxy.Record) {
	t := &facts{}
	t.text("http.request.method", rec.Method)
	t.text("url.path", rec.Path)
	t.number("http.response.status_code", int64(rec.Status))
	t.text("switchyard.generation", rec.ID)
	t.text("switchyard.kind", rec.Kind)
	t.text("switchyard.dialect", rec.Dialect)
	t.text("switchyard.route", rec.Route)
	t.text("switchyard.target", rec.Target)
	t.text("switchyard.provider", rec.Provider)
	t.text("switchyard.variant", rec.Variant)
	t.text("switchyard.fidelity", rec.Fidelity)
	t.text("switchyard.cache", rec.Cache)
	t.number("switchyard.images", int64(rec.Images))
	t.number("switchyard.attempts", int64(rec.Tried()))
	t.cost(rec.Cost)
	if rec.Asked > 0 {
		r.span.SetName(strings.TrimSpace(operation + " " + rec.Route))
		t.generation(rec.Dialect, rec.Model)
		t.text("gen_ai.response.model", rec.Served)
		t.number("gen_ai.request.choice.count", int64(rec.Asked))
		t.usage(rec.Usage)
	} else if rec.Kind != "" {
		r.span.SetName(rec.Kind)
	}
	if rec.Err != nil { // not the error's text: it may quote a provider, and that may quote anything
		e := switchyard.AsError(rec.Err)
		kind := string(e.Outcome)
		if kind == "" {
			kind = string(e.Kind)
		}
		t.text("error.type", kind)
		if rec.Status >= http.StatusInternalServerError || rec.Status == 0 {
			r.span.SetStatus(codes.Error, kind)
		}
	}
	r.span.SetAttributes(t.list...)
}

// attemptSpan is the span of an attempt.
type attemptSpan struct {
	span   trace.Span
	target *switchyard.Target
	again  bool // its job was taken up again
}

// Send passes the trace on to the provider, if its "headers:" allow that: a provider is a third party.
func (s *attemptSpan) Send(h http.Header) {
	if slices.Contains(s.target.Headers, "Traceparent") {
		h.Del("Tracestate") // it belongs to the app's span, not to ours
		w3c.Inject(trace.ContextWithSpan(context.Background(), s.span), propagation.HeaderCarrier(h))
	}
}

// Polled adds an event, not a span: a job may be polled a hundred times.
func (s *attemptSpan) Polled(status int) {
	s.span.AddEvent("poll", trace.WithAttributes(attribute.Int("http.response.status_code", status)))
}

// End adds what is known of the whole attempt, and ends the span.
func (s *attemptSpan) End(a switchyard.Attempt, u *switchyard.Usage) {
	if s.span.IsRecording() {
		s.tell(&a, u)
	}
	s.span.End()
}

func (s *attemptSpan) tell(a *switchyard.Attempt, u *switchyard.Usage) {
	t := &facts{}
	if a.Model != "" { // without one it passes through, and may be anything
		t.generation(s.target.Dialect, a.Model)
		t.usage(u)
	}
	t.server(s.target.Bases[""])
	t.number("http.response.status_code", int64(a.Status))
	t.text("switchyard.attempt", a.ID)
	t.number("switchyard.number", int64(a.Number))
	t.number("switchyard.part", int64(a.Part))
	t.text("switchyard.target", a.Target)
	t.text("switchyard.provider", a.Provider)
	t.text("switchyard.outcome", string(a.Outcome))
	t.text("switchyard.stage", a.Stage.String())
	t.number("switchyard.images", int64(a.Images))
	t.cost(a.Cost)
	if s.again {
		t.list = append(t.list, attribute.Bool("switchyard.reattached", true))
	}
	if a.Outcome == switchyard.OK {
		t.text("gen_ai.response.model", a.Model)
	} else if a.Outcome != "" {
		t.text("error.type", string(a.Outcome))
		s.span.SetStatus(codes.Error, string(a.Outcome))
	}
	s.span.SetAttributes(t.list...)
}

// facts are attributes; what is empty or zero is left out.
type facts struct{ list []attribute.KeyValue }

// text adds a text, which may come from an app: a single byte that is not UTF-8 would cost a whole batch.
func (f *facts) text(key, value string) {
	if value != "" {
		f.list = append(f.list, attribute.String(key, strings.ToValidUTF8(value, "\uFFFD")))
	}
}

func (f *facts) number(key string, value int64) {
	if value != 0 {
		f.list = append(f.list, attribute.Int64(key, value))
	}
}

// conventional has the names that the conventions use for dialects, where ours differ.
var conventional = map[string]string{"gemini": "gcp.gemini", "vertex": "gcp.vertex_ai"}

// generation adds what the conventions require of every request to a model.
func (f *facts) generation(dialect, model string) {
	f.text("gen_ai.operation.name", operation)
	f.text("gen_ai.output.type", "image")
	if name, ok := conventional[dialect]; ok {
		dialect = name
	}
	f.text("gen_ai.provider.name", dialect)
	f.text("gen_ai.request.model", model)
}

func (f *facts) usage(u *switchyard.Usage) {
	if u != nil {
		f.number("gen_ai.usage.input_tokens", u.TextIn+u.ImageIn)
		f.number("gen_ai.usage.output_tokens", u.TextOut+u.ImageOut)
	}
}

// cost adds dollars, unless the price is unknown.
func (f *facts) cost(c switchyard.Cost) {
	f.text("switchyard.charge", string(c.Charge))
	f.text("switchyard.cost_basis", string(c.Basis))
	if c.Charge != "" && c.Basis != switchyard.BasisUnknown {
		f.list = append(f.list, attribute.Float64("switchyard.cost_usd", c.Amount.Dollars()))
	}
}

// server adds the provider's address.
func (f *facts) server(base string) {
	u, err := url.Parse(base)
	if err != nil {
		return
	}
	f.text("server.address", u.Hostname())
	if port, err := strconv.ParseInt(u.Port(), 10, 64); err == nil {
		f.number("server.port", port)
	}
}
