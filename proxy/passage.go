package proxy

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"switchyard"
	"switchyard/attempt"
	"switchyard/limit"
	"switchyard/spool"
)

// headerFunc puts into out what a provider may see of the app's headers, and the key.
type headerFunc func(in, out http.Header)

// passage is one request that passes through.
type passage struct {
	*request
	target  *switchyard.Target
	address *url.URL       // where the provider is
	path    string         // escaped, from there on
	msg     *spool.Message // the request, if it has been read already; else nil
	headers headerFunc
	ctx     context.Context // ends with the request, or when an operator cuts it
	account *account
	attempt switchyard.Attempt
	gen     switchyard.Generation

	budgeted func(switchyard.Cost, int)
	hop      attempt.Trace // nil if nobody follows

	asked  bool          // the provider was asked, or about to be
	sent   atomic.Bool   // at least the head of the request was
	body   upload        // the app's, if it goes on as it comes; else unused
	status int           // 0 if there was no answer
	wait   time.Duration // the provider's Retry-After
	cut    bool          // the answer broke off
	ended  bool          // all of the answer is here
	err    error         // of httputil: there was no answer, or none that can be handed on
}

// run takes the request to the provider and the answer to the app, both as they come.
func (p *passage) run() (err error) {
	defer p.survive(&err)
	p.asked = true
	p.beginHop()
	_ = http.NewResponseController(p.w).EnableFullDuplex() // else event streams are cut now and then
	defer p.hangUp(p.w.Header())                           // with what is told in the place of an answer
	proxy := &httputil.ReverseProxy{
		Rewrite:        p.rewrite,
		Transport:      p.transport(),
		FlushInterval:  -1,
		BufferPool:     copyBuffers,
		ModifyResponse: p.answer,
		ErrorLog:       quiet, // what it would say is in the request's record
		ErrorHandler:   func(_ http.ResponseWriter, _ *http.Request, err error) { p.err = err },
	}
	proxy.ServeHTTP(p.w, p.r.WithContext(p.ctx))
	if p.err != nil {
		return p.failure()
	}
	return nil
}

// rewrite makes the provider's request of the app's.
func (p *passage) rewrite(r *httputil.ProxyRequest) {
	out := r.Out
	out.URL.Scheme, out.URL.Host, out.Host = p.address.Scheme, p.address.Host, p.address.Host
	path, _ := url.PathUnescape(p.path) // which the app's address had, or was made of it
	out.URL.Path = strings.TrimSuffix(p.address.Path, "/") + path
	out.URL.RawPath = strings.TrimSuffix(p.address.EscapedPath(), "/") + p.path
	if p.place.dialect != nil { // which has taken the key out
		out.URL.RawQuery = p.place.query.Encode()
	}
	in := out.Header // without what is between the app and us, which Connection may name
	out.Header = http.Header{}
	p.headers(in, out.Header)
	p.tellHop(out.Header)
	out.GetBody, out.Trailer = nil, nil
	switch {
	case p.msg != nil:
		out.Body, _ = p.msg.Body.Open()
		out.ContentLength = p.msg.Body.Len()
	case out.Body != nil:
		p.body.ReadCloser = out.Body
		out.Body = &p.body
	}
}

// open writes the request down. It does not wait for the disk, as a generation does: what it costs nobody knows anyway, and
// the app waits for the first byte. The last byte waits: see durable.
func (p *passage) open() error {
	if !p.paid() {
		return nil
	}
	p.gen = p.generation(KindPassthrough, &switchyard.Request{})
	p.account = newAccount(p.Journal, p.gen)
	p.attempt = switchyard.Attempt{
		ID: rand.Text(), Generation: p.gen.ID, Number: 1, Target: p.target.Name, Provider: p.target.Provider,
		Started: p.now(), Estimate: switchyard.Cost{Basis: switchyard.BasisUnknown, Charge: switchyard.ChargePossible},
	}
	var err error
	if p.budgeted, err = p.Runner.Budgets.Reserve(p.spending(), p.attempt.Started); err != nil {
		return err
	}
	written := false
	defer func() {
		if !written {
			p.budgeted(switchyard.Cost{}, 0)
		}
	}()
	if err := p.account.Write(p.r.Context(), p.attempt); err != nil {
		return &switchyard.Error{Kind: switchyard.Unavailable, Err: err}
	}
	written = true
	return nil
}

// spending is the request as budgets see it. Nobody knows what it costs, and there is no other target to pass it on to: it
// goes as long as there is money at all.
func (p *passage) spending() limit.Spending {
	return limit.Spending{
		Key: p.rec.Key, Tenant: p.rec.Tenant, Route: p.rec.Route, Target: p.target.Name, Provider: p.target.Provider,
		Estimate: switchyard.Cost{Basis: switchyard.BasisEstimate, Amount: 1},
	}
}

// durable returns when the request is on disk. No app may take its answer for whole before that.
//
// If the disk fails, the answer goes out all the same. It is paid for, and an app that is cut off asks, and pays, again,
// which no row tells of either. The next request is refused before it leaves, for as long as the disk fails, and what is
// to be told of this one is tried again when it ends.
func (p *passage) durable() {
	if p.account == nil {
		return
	}
	if err := p.account.Synced(context.WithoutCancel(p.r.Context())); err != nil {
		p.Log.Error("answer given before its charge is on disk", zap.String("id", p.rec.ID), zap.Error(err))
	}
}

// settle settles the one attempt that it is, and books it as a generation.
func (p *passage) settle() {
	if p.account == nil {
		return
	}
	a := &p.attempt
	a.Latency, a.Status, a.Outcome = p.now().Sub(a.Started), p.status, p.verdict()
	a.Stage, a.Cost = p.charge()
	if a.Outcome != switchyard.OK && p.rec.Err == nil { // the app has been told as much as there was to tell
		p.rec.Err = &switchyard.Error{Outcome: a.Outcome, Stage: a.Stage, Target: a.Target, Err: fmt.Errorf("status %d", a.Status)}
	}
	p.rec.Attempts, p.rec.Cost = []switchyard.Attempt{*a}, a.Cost
	ctx := context.WithoutCancel(p.r.Context())
	defer p.budgeted(a.Cost, 0) // these, whatever becomes of what follows
	defer p.endHop(*a)
	p.durable() // most often long since
	_ = p.account.Settle(ctx, *a)
	p.book(ctx, p.account, p.gen)
}

// charge is how far the request got, and what is known of its price then.
func (p *passage) charge() (switchyard.Stage, switchyard.Cost) {
	unknown := p.attempt.Estimate // possible
	switch {
	case p.status >= 400:
		return switchyard.Answered, switchyard.Cost{Charge: switchyard.ChargeNone}
	case p.status == 0 && !p.sent.Load():
		return switchyard.Unsent, switchyard.Cost{Charge: switchyard.ChargeNone}
	case p.status == 0:
		return switchyard.Sent, unknown
	case !p.cut && p.err == nil && !p.leftEarly():
		unknown.Charge = switchyard.ChargeSettled
	}
	return switchyard.Answered, unknown
}

// transport is the provider's, and notes how far the request gets.
func (p *passage) transport() http.RoundTripper {
	trace := &httptrace.ClientTrace{WroteHeaders: func() { p.sent.Store(true) }}
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		r = r.WithContext(httptrace.WithClientTrace(r.Context(), trace))
		resp, err := p.Runner.Transport(p.target.Provider).RoundTrip(r)
		if err == nil {
			p.status, p.wait = resp.StatusCode, spool.RetryAfter(resp.Header)
		}
		return resp, err
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// answer takes out of the provider's headers what the app may not see.
func (p *passage) answer(resp *http.Response) error {
	length := resp.Header.Get("Content-Length")
	resp.Header = answerHeader(resp.Header)
	if length != "" {
		resp.Header.Set("Content-Length", length)
	}
	p.lead(resp.Header)
	p.hangUp(resp.Header)
	p.snap.Settings.cors(resp.Header, p.r)
	p.head() // not before: an interim answer would take it away
	if resp.ContentLength == 0 {
		p.last() // the head is all there is
	}
	resp.Body = &download{ReadCloser: resp.Body, cut: &p.cut, left: resp.ContentLength, last: p.last}
	return nil
}

// last is called when the rest of the answer is here, and nothing of it has gone on yet.
func (p *passage) last() {
	p.ended = true
	p.durable()
}

// leftEarly reports whether the app was gone, or an operator had cut it off, before all of the answer was here. One that has
// everything may leave before it is booked.
func (p *passage) leftEarly() bool { return p.ctx.Err() != nil && !p.ended }

// hangUp says in the head of an answer that it is the last one on its connection, if the app's body has not been read to its end. In
// full duplex, package net/http looks for the end when the handler is over, and is then surprised by a connection that it reads in
// two places: it panics at the next request.
func (p *passage) hangUp(h http.Header) {
	if p.body.ReadCloser != nil && !p.body.whole.Load() {
		h.Set("Connection", "close")
	}
}

// verdict is what the breaker is told: of a mistake of ours nothing, nor of what the provider was not asked.
func (p *passage) verdict() switchyard.Outcome {
	own := p.target.Key.IsZero()
	switch s := p.status; {
	case !p.asked, p.leftEarly(), attempt.Panicked(p.rec.Err):
		return switchyard.Canceled
	case s == 0 && p.body.failed.Load():
		return switchyard.Refused
	case s == 0:
		return cmp.Or(switchyard.AsError(p.err).Outcome, switchyard.Unreachable) // unauthorized if our credentials were refused
	case p.cut, p.err != nil: // an answer that is none, such as one in another protocol
		return switchyard.BadReply
	case s >= 500:
		return switchyard.Overloaded
	case s == http.StatusTooManyRequests && !own:
		return switchyard.RateLimited
	case (s == http.StatusUnauthorized || s == http.StatusPaymentRequired || s == http.StatusForbidden) && !own:
		return switchyard.Unauthorized
	case s >= 400:
		return switchyard.Refused
	}
	return switchyard.OK
}

// failure is what an app is told that gets no answer.
func (p *passage) failure() error {
	if p.ctx.Err() != nil {
		return &switchyard.Error{Kind: switchyard.Unavailable, Outcome: switchyard.Canceled, Err: context.Cause(p.ctx)}
	}
	if p.body.failed.Load() {
		return switchyard.Invalid("", "The request body could not be read.")
	}
	return &switchyard.Error{Kind: switchyard.Unavailable, Outcome: p.verdict(), Err: fmt.Errorf("no answer: %w", p.err)}
}
