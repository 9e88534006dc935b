package attempt

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"time"

	"switchyard"
	"switchyard/dialect"
	"switchyard/spool"
)

// send makes one HTTP exchange and spools the answer. An error is a *switchyard.Error that knows how far it got.
func (x *exchange) send(ctx context.Context, out *dialect.Outgoing) (*spool.Message, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	resp, err := x.roundTrip(ctx, out)
	if err != nil {
		return nil, err
	}
	return x.receive(ctx, resp, cancel)
}

// receive returns an answer once all of it is there. ctx is that of its request; cancel ends it if the answer stalls.
func (x *exchange) receive(ctx context.Context, resp *http.Response, cancel context.CancelCauseFunc) (*spool.Message, error) {
	defer resp.Body.Close()
	body, err := x.read(resp, cancel)
	if err != nil {
		return nil, x.unread(ctx, err)
	}
	return &spool.Message{Header: resp.Header, Status: resp.StatusCode, Body: body}, nil
}

// roundTrip sends out and waits for the head of the answer.
func (x *exchange) roundTrip(ctx context.Context, out *dialect.Outgoing) (*http.Response, error) {
	var sent atomic.Bool
	trace := &httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }}
	req, err := x.newRequest(httptrace.WithClientTrace(ctx, trace), out)
	if err != nil {
		return nil, x.failure(err, switchyard.Unsent)
	}
	x.stage, x.sent = switchyard.Sent, x.now() // for all that anybody knows before it returns
	resp, err := x.Transport(x.c.Target.Provider).RoundTrip(req)
	stage := switchyard.Unsent
	if sent.Load() {
		stage = switchyard.Sent
	}
	if err != nil {
		return nil, x.unreachable(ctx, err, stage)
	}
	x.stage, x.a.Status = switchyard.Answered, resp.StatusCode
	return resp, nil
}

// newRequest makes out into a request with the target's address and key.
func (x *exchange) newRequest(ctx context.Context, out *dialect.Outgoing) (*http.Request, error) {
	t := x.c.Target
	base, ok := t.Bases[out.Base]
	if !ok {
		return nil, fmt.Errorf("no base URL %q", out.Base)
	}
	address := strings.TrimSuffix(base, "/") + out.Path
	if len(out.Query) > 0 {
		address += "?" + out.Query.Encode()
	}
	var body io.ReadCloser
	if out.Body != nil {
		var err error
		if body, err = out.Body.Open(); err != nil {
			return nil, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, out.Method, address, body)
	if err != nil {
		if body != nil {
			_ = body.Close()
		}
		return nil, errors.New("malformed address") // its own text may hold a query
	}
	if out.Body != nil {
		req.ContentLength = out.Body.Len()
	}
	// Without it the transport cannot send a request twice on its own account, below our accounting.
	req.GetBody = nil
	maps.Copy(req.Header, out.Header)
	x.allow(req.Header)
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", "switchyard")
	}
	key := t.Key
	if key.IsZero() {
		key = x.job.AppKey
	}
	x.dialect().PutKey(req.Header, key)
	return req, nil
}

// allow adds those headers of the app that no dialect knows, but that the provider's config allows.
func (x *exchange) allow(h http.Header) {
	if x.job.Message != nil {
		for _, name := range x.c.Target.Headers {
			if values := x.job.Message.Header[name]; h[name] == nil && values != nil {
				h[name] = values
			}
		}
	}
	if x.trace != nil {
		x.trace.Send(h)
	}
}

// unreachable returns the failure of a request that got no answer.
func (x *exchange) unreachable(ctx context.Context, err error, stage switchyard.Stage) error {
	if _, ours := errors.AsType[*switchyard.Error](err); ours { // it was not sent: our credentials were refused
		return x.failure(err, stage)
	}
	e := &switchyard.Error{Outcome: switchyard.Unreachable, Stage: stage, Err: cause(err)}
	var timeout net.Error
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		e.Outcome = switchyard.Canceled
	case ctx.Err() != nil || errors.As(err, &timeout) && timeout.Timeout() && stage == switchyard.Sent:
		e.Outcome = switchyard.Timeout
	}
	return x.failure(e, stage)
}

// cause returns err without the address that package net/http puts around it.
func cause(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return fmt.Errorf("%s: %w", op.Op, op.Err)
	}
	return err
}

// unread returns the failure of an answer that did not arrive whole.
func (x *exchange) unread(ctx context.Context, err error) error {
	if _, ours := errors.AsType[*switchyard.Error](err); ours { // it had come, but the disk is full
		return x.failure(err, switchyard.Answered)
	}
	e := &switchyard.Error{Outcome: switchyard.BadReply, Err: fmt.Errorf("answer: %w", err)}
	switch {
	case errors.Is(context.Cause(ctx), errIdle), errors.Is(ctx.Err(), context.DeadlineExceeded):
		e.Outcome = switchyard.Timeout
	case errors.Is(ctx.Err(), context.Canceled):
		e.Outcome = switchyard.Canceled
	}
	return x.failure(e, switchyard.Answered)
}

var errIdle = errors.New("the answer stalled")

// read spools the body of an answer; a pause of the target's idle time in it cancels the exchange.
func (x *exchange) read(resp *http.Response, cancel context.CancelCauseFunc) (*spool.Body, error) {
	r, size := io.Reader(resp.Body), resp.ContentLength
	if idle := x.c.Target.Timeouts.Idle; idle > 0 {
		r = &watched{r: r, idle: idle, stalled: func() { cancel(errIdle) }}
	}
	switch encoding := strings.ToLower(resp.Header.Get("Content-Encoding")); {
	case encoding == "", encoding == "identity":
	case encoding == "gzip", encoding == "x-gzip": // unasked; the limit counts what it unpacks to
		gz, err := gzip.NewReader(r)
		if err != nil {
			return nil, err
		}
		resp.Header.Del("Content-Encoding")
		r, size = gz, -1
	case resp.StatusCode < 400: // with other statuses, the status says enough
		return nil, fmt.Errorf("content encoding %q", encoding)
	}
	return x.Pool.ReadJSON(r, size, x.MaxAnswer)
}

// watched calls stalled when a read takes longer than idle. What we ourselves wait for between reads, such as memory, is no
// pause of the provider's.
type watched struct {
	r       io.Reader
	idle    time.Duration
	stalled func()
	timer   *time.Timer // nil before the first read; runs during each
}

func (w *watched) Read(p []byte) (int, error) {
	if w.timer == nil {
		w.timer = time.AfterFunc(w.idle, w.stalled)
	} else {
		w.timer.Reset(w.idle)
	}
	defer w.timer.Stop()
	return w.r.Read(p)
}
