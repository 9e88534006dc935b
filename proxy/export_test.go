package proxy

import (
	"context"
	"errors"
	"net/http"

	"switchyard"
	"switchyard/attempt"
	"switchyard/ticket"
)

// Untraced does what a request does for a trace when there is no Tracer.
func Untraced(h *Handler) func() {
	q := &request{Handler: h, r: &http.Request{}, rec: &Record{}}
	p := &passage{request: q}
	return func() {
		q.startTrace(Tracer.Request)
		q.startTrace(Tracer.Work)
		q.traced(nil)
		p.tellHop(nil)
		p.endHop(p.attempt)
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

// Observe has a handler learn from an attempt that a job came to.
func Observe(h *Handler, job *attempt.Job, a switchyard.Attempt) {
	q := &request{Handler: h, rec: &Record{}}
	q.observe(job, &attempt.Answer{}, &attempt.Report{Attempts: []switchyard.Attempt{a}})
}

// Hold tells a ticket's row of a job, and Finish that the work went well.
func Hold(ctx context.Context, h *Handler, tk ticket.Ticket, job string) error {
	return h.worked(tk).Hold(ctx, switchyard.Attempt{Job: job})
}

// Begin opens an attempt for a ticket, of which the journal then knows, and holds its job.
func Begin(ctx context.Context, h *Handler, tk ticket.Ticket, job string) error {
	a := h.worked(tk)
	a.account = newAccount(h.Journal, switchyard.Generation{})
	return errors.Join(a.Open(ctx, switchyard.Attempt{}), a.Hold(ctx, switchyard.Attempt{Job: job}))
}

func Finish(ctx context.Context, h *Handler, tk ticket.Ticket) {
	h.worked(tk).finish(ctx, resultDoc{Outcome: switchyard.OK})
}

func (h *Handler) worked(tk ticket.Ticket) *ticketAccount {
	h.init()
	return &ticketAccount{account: &account{journal: h.Journal}, q: &request{Handler: h}, request: &switchyard.Request{}, ticket: tk}
}

// Opens opens attempts of one generation.
func Opens(j Journal) func(context.Context, switchyard.Attempt) error {
	return newAccount(j, switchyard.Generation{}).Open
}

// End has one generation end more than once.
func End(h *Handler, ends ...switchyard.Generation) {
	account := newAccount(h.Journal, switchyard.Generation{})
	for _, g := range ends {
		q := &request{Handler: h, rec: &Record{}}
		if g.Outcome != switchyard.OK {
			q.rec.Err = &switchyard.Error{Outcome: g.Outcome}
		}
		q.writeRow(context.Background(), account, g)
	}
}

// Appended has a journal told of a generation with one attempt; Written has it told of a passthrough's, whose request leaves
// while the disk syncs.
func Appended(j Journal) error {
	a := newAccount(j, switchyard.Generation{})
	return errors.Join(a.Open(context.Background(), switchyard.Attempt{}), a.ended())
}

func Written(j Journal) error {
	a := newAccount(j, switchyard.Generation{})
	err := a.Write(context.Background(), switchyard.Attempt{})
	return errors.Join(err, a.Synced(context.Background()), a.ended())
}

func (a *account) ended() error {
	return errors.Join(a.Settle(context.Background(), switchyard.Attempt{}), a.End(context.Background(), switchyard.Generation{}))
}
