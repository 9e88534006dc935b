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

// operation is what OpenTelemetry's conventions for generative AI call the making of content that is no text; that it is
// pictures is told by gen_ai.output.type. They would have a span named after the model as well. Ours are named after
// routes and targets, which the operator chose: an app may name any number of models.
const operation = "generate_content"

// requestSpan is a request that is followed, or the work of a ticket.
type requestSpan struct{ span trace.Span }

// ID names the trace.
func (r requestSpan) ID() proxy.TraceID {
	c := r.span.SpanContext()
	return proxy.TraceID{Text: c.TraceID().String(), Kept: c.IsSampled()}
}

// End tells of the whole request.
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
	if rec.Err != nil { // its text may be a provider's, with whatever that repeats
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

// attemptSpan is an attempt that is followed.
type attemptSpan struct {
	span   trace.Span
	target *switchyard.Target
	again  bool // its job was taken up again
}

// Send lets the provider know of the trace if its "headers:" say that it may: it is a third party.
func (s *attemptSpan) Send(h http.Header) {
	if slices.Contains(s.target.Headers, "Traceparent") {
		h.Del("Tracestate") // of the app's span, and not ours
		w3c.Inject(trace.ContextWithSpan(context.Background(), s.span), propagation.HeaderCarrier(h))
	}
}

// Polled is an event: a job may be asked for a hundred times.
func (s *attemptSpan) Polled(status int) {
	s.span.AddEvent("poll", trace.WithAttributes(attribute.Int("http.response.status_code", status)))
}

// End tells of the whole attempt.
func (s *attemptSpan) End(a switchyard.Attempt, u *switchyard.Usage) {
	if s.span.IsRecording() {
		s.tell(&a, u)
	}
	s.span.End()
}

func (s *attemptSpan) tell(a *switchyard.Attempt, u *switchyard.Usage) {
	t := &facts{}
	if a.Model != "" { // else it passes through, and is whatever it is
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

// text adds text, which may be an app's: one byte that is not UTF-8 would cost a whole batch.
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

// conventional is what the conventions call the dialects that they name otherwise than we do.
var conventional = map[string]string{"gemini": "gcp.gemini", "vertex": "gcp.vertex_ai"}

// generation adds what the conventions want of every request to a model.
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

// cost adds dollars, unless nobody knows them.
func (f *facts) cost(c switchyard.Cost) {
	f.text("switchyard.charge", string(c.Charge))
	f.text("switchyard.cost_basis", string(c.Basis))
	if c.Charge != "" && c.Basis != switchyard.BasisUnknown {
		f.list = append(f.list, attribute.Float64("switchyard.cost_usd", c.Amount.Dollars()))
	}
}

// server adds where a provider is.
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
