package attempt

import (
	"context"
	"net/http"

	"switchyard"
)

// Tracer follows attempts; the one of package tracing makes spans of them.
type Tracer interface {
	// Attempt is told of an attempt that begins, or whose job is taken up again: then it has one. ctx is the work's. The
	// caller owes the trace its End.
	Attempt(ctx context.Context, t *switchyard.Target, a switchyard.Attempt) Trace
}

// Trace is one attempt that is followed. Its methods are called one after the other.
type Trace interface {
	// Send is called with the headers of each request to the provider, and may add what the target's config lets it see.
	Send(h http.Header)
	// Polled is called when a question about a job has been answered, with the status; 0 if it was not.
	Polled(status int)
	// End is called once, with the attempt as it is booked, or without an outcome if another process goes on with it. The
	// usage is nil if the provider counts no tokens.
	End(a switchyard.Attempt, u *switchyard.Usage)
}

// startTrace begins the trace of an attempt; it is nil if there is no Tracer.
//
//go:noinline
func (x *exchange) startTrace(ctx context.Context) Trace { // small frames: see the package doc
	if x.Tracer == nil {
		return nil
	}
	return x.Tracer.Attempt(ctx, x.c.Target, *x.a)
}

// polled tells the trace of an answer about a job.
//
//go:noinline
func (x *exchange) polled(status int) { // small frames: see the package doc
	if x.trace != nil && x.a.Job != "" {
		x.trace.Polled(status)
	}
}

// endTrace tells the trace that the attempt is over for this process.
//
//go:noinline
func (x *exchange) endTrace(a switchyard.Attempt) { // small frames: see the package doc
	if x.trace != nil {
		x.trace.End(a, x.usage)
	}
}
