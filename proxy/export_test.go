package proxy

import (
	"context"
	"net/http"

	"switchyard"
)

// Untraced does what a request does for a trace when there is no Tracer.
func Untraced(h *Handler) func() {
	q := &request{Handler: h, r: &http.Request{}, rec: &Record{}}
	p := &passage{request: q}
	return func() {
		q.startTrace(Tracer.Request)
		q.startTrace(Tracer.Work)
		q.traced(nil)
		p.send(nil)
		p.over(p.attempt)
	}
}

// Host hosts an image for one request n times, and is what the ledger would have of it.
func Host(ctx context.Context, h *Handler, image switchyard.Blob, n int) (hosted []string, err error) {
	q := &request{Handler: h}
	for range n {
		if _, err := q.put(ctx, image); err != nil {
			return nil, err
		}
	}
	return q.hosted, nil
}

// End has one generation end more than once.
func End(h *Handler, ends ...switchyard.Generation) {
	account := newAccount(h.Journal, switchyard.Generation{})
	q := &request{Handler: h, rec: &Record{}}
	for _, g := range ends {
		q.rec.Err = nil
		if g.Outcome != switchyard.OK {
			q.rec.Err = &switchyard.Error{Outcome: g.Outcome}
		}
		q.book(context.Background(), account, g)
	}
}
