// Package tracing makes OpenTelemetry spans of requests and attempts, and sends them to a collector by OTLP over HTTP. A
// request is a span, and each attempt for it is a span below that. No span has a prompt, a key or a picture.
//
// Nothing here ever makes a request wait: spans that a collector does not take are dropped and counted.
package tracing

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"switchyard"
	"switchyard/attempt"
	"switchyard/proxy"
)

// Tracer follows requests and attempts. Safe for concurrent use. The caller closes it, after the last request.
type Tracer struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
	queue    *queue
}

// closeTimeout is how long the end of the process waits for a collector.
const closeTimeout = 3 * time.Second

// maxText is how long an attribute may be: some are an app's own words.
const maxText = 256

// New starts a Tracer. report gets the first of each series of failures to reach the collector. Headers for the collector,
// such as its key, and more attributes of this instance come from the environment variables of OpenTelemetry:
// OTEL_EXPORTER_OTLP_HEADERS and OTEL_RESOURCE_ATTRIBUTES.
func New(ctx context.Context, c Config, version string, report func(error)) (*Tracer, error) {
	client, err := newUpload(c.traces())
	if err != nil {
		return nil, fmt.Errorf("tracing: %w", err)
	}
	exporter, err := otlptrace.New(ctx, client)
	if err != nil {
		return nil, fmt.Errorf("tracing: %w", err)
	}
	about, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithAttributes(
		attribute.String("service.name", "switchyard"), attribute.String("service.version", version),
	), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("tracing: %w", err)
	}
	t := &Tracer{queue: newQueue(exporter, report)}
	limits := sdk.NewSpanLimits()
	limits.AttributeValueLengthLimit = maxText
	t.provider = sdk.NewTracerProvider(
		sdk.WithSampler(sdk.ParentBased(sdk.TraceIDRatioBased(c.Sample))),
		sdk.WithSpanProcessor(t.queue), sdk.WithResource(about), sdk.WithRawSpanLimits(limits),
	)
	t.tracer = t.provider.Tracer("switchyard", trace.WithInstrumentationVersion(version))
	return t, nil
}

// Close sends what is left, for a few seconds at most. A nil Tracer has nothing to send.
func (t *Tracer) Close() error {
	if t == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	return t.provider.Shutdown(ctx)
}

// Spans returns how many were sent, and how many were dropped, since the start.
func (t *Tracer) Spans() (sent, dropped uint64) { return t.queue.sent.Load(), t.queue.dropped.Load() }

// w3c is the form in which apps send the ids of their traces.
var w3c propagation.TraceContext

// Request begins the span of a request, within the app's trace if it has one.
func (t *Tracer) Request(ctx context.Context, h http.Header) (context.Context, proxy.Trace) {
	ctx = w3c.Extract(ctx, propagation.HeaderCarrier(h))
	ctx, span := t.tracer.Start(ctx, "request", trace.WithSpanKind(trace.SpanKindServer))
	return ctx, requestSpan{span}
}

// Work begins the span of a ticket's work: below the request that submitted it, or, after a restart, in the trace of its
// app.
func (t *Tracer) Work(ctx context.Context, h http.Header) (context.Context, proxy.Trace) {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		ctx = w3c.Extract(ctx, propagation.HeaderCarrier(h))
	}
	ctx, span := t.tracer.Start(ctx, "work", trace.WithSpanKind(trace.SpanKindInternal))
	return ctx, requestSpan{span}
}

// Attempt begins the span of an attempt.
func (t *Tracer) Attempt(ctx context.Context, target *switchyard.Target, a switchyard.Attempt) attempt.Trace {
	started := a.Started
	if a.Job != "" { // an earlier process submitted it
		started = time.Now()
	}
	name := operation
	if a.Model == "" {
		name = "passthrough"
	}
	_, span := t.tracer.Start(ctx, name+" "+a.Target, trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(started))
	return &attemptSpan{span: span, target: target, again: a.Job != ""}
}

var _ proxy.Tracer = (*Tracer)(nil)
