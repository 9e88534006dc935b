package proxy

import (
	"context"
	"net/http"

	"go.uber.org/zap"

	"switchyard"
	"switchyard/attempt"
)

// Tracer follows requests and their attempts; that of package tracing makes spans of them. What is done for a request has the
// context that it was begun with, and so have its attempts.
type Tracer interface {
	attempt.Tracer
	// Request is told of a request of an app that begins; it goes on with the trace that its headers name.
	Request(ctx context.Context, h http.Header) (context.Context, Trace)
	// Work is told of work that goes on without its request: that of a ticket. ctx has the request that it was begun by, or
	// none, if an earlier process took that one: then h are its headers.
	Work(ctx context.Context, h http.Header) (context.Context, Trace)
}

// Trace is one request that is followed.
type Trace interface {
	ID() TraceID
	End(*Record) // once
}

// TraceID names a trace to people; the zero one is none.
type TraceID struct {
	Text string // 32 digits
	Kept bool   // whether it is sent anywhere
}

// startTrace follows a request, or the work for it, if there is a Tracer.
//
//go:noinline
func (q *request) startTrace(begin func(Tracer, context.Context, http.Header) (context.Context, Trace)) { // small frames: see attempt's package doc
	q.trace = nil
	if q.Tracer == nil {
		return
	}
	ctx, trace := begin(q.Tracer, q.r.Context(), q.r.Header)
	q.r, q.trace = q.r.WithContext(ctx), trace
	q.rec.Trace = trace.ID()
}

// traced is what a log says of the trace; nothing if there is none.
func (q *request) traced(fields []zap.Field) []zap.Field {
	if q.rec.Trace.Text == "" {
		return fields
	}
	return append(fields, zap.String("trace_id", q.rec.Trace.Text))
}

// beginHop begins to trace a request that passes through as the one attempt that it is, if it is one.
func (p *passage) beginHop() {
	if p.Tracer != nil && p.account != nil {
		p.hop = p.Tracer.Attempt(p.ctx, p.target, p.attempt)
	}
}

// tellHop lets whoever traces a request that passes through add to its headers.
func (p *passage) tellHop(h http.Header) {
	if p.hop != nil {
		p.hop.Send(h)
	}
}

// endHop tells whoever traces it how it ended.
func (p *passage) endHop(a switchyard.Attempt) {
	if p.hop != nil {
		p.hop.End(a, nil)
	}
}
