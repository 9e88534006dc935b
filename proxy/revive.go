package proxy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"slices"

	"go.uber.org/zap"

	"switchyard"
	"switchyard/dialect"
	"switchyard/spool"
	"switchyard/ticket"
)

// callDoc is how an app's request came, without its body, and without its credential, which is kept nowhere.
type callDoc struct {
	Method string      `json:"method"`
	Base   string      `json:"base,omitempty"`
	Prefix string      `json:"prefix,omitempty"`
	Path   string      `json:"path"`
	Query  url.Values  `json:"query,omitempty"`
	Header http.Header `json:"header,omitempty"`
	Origin string      `json:"origin"`
	Key    string      `json:"key,omitempty"` // name of the virtual key
}

func (q *request) saveCall() callDoc {
	header := q.r.Header.Clone() // the dialect has taken the credential out
	for _, name := range neverForwarded {
		header.Del(name)
	}
	return callDoc{
		Method: q.r.Method, Base: q.place.base, Prefix: q.place.prefix, Path: q.place.path, Query: q.place.query,
		Header: header, Origin: q.origin, Key: q.caller.keyName(),
	}
}

// ErrUnrevivable is the error of a ticket that nobody can ever go on with.
var ErrUnrevivable = errors.New("it cannot be gone on with")

func unrevivable(tk ticket.Ticket, err error) error {
	return fmt.Errorf("ticket %s: %w: %w", tk.ID, ErrUnrevivable, err)
}

// Revive goes on with a ticket of an earlier process. route is the one that the ledger has its money under, empty if it has none: it
// stays there, whatever route such requests take by now. over are the attempts for it that have ended, held the jobs that a
// provider still has, which are asked for; without any, the work is begun. What that takes is checked before it returns; the
// work goes on without the caller.
//
// The app's own credential has died with the earlier process: a ticket that only that could pay for ends as failed. After any
// error but ErrUnrevivable it may go better later.
func (h *Handler) Revive(ctx context.Context, tk ticket.Ticket, route string, over, held []switchyard.Attempt) error {
	saved, call, err := loadRequest(tk.Request)
	if err != nil {
		return unrevivable(tk, err)
	}
	q, err := h.revived(ctx, tk, call)
	if err != nil {
		return unrevivable(tk, err)
	}
	body, size, err := h.Tickets.Body(ctx, tk.ID)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, ticket.ErrNotFound):
		return fmt.Errorf("%w: %w", ErrUnrevivable, err) // it names the ticket
	case err != nil:
		return err
	}
	defer body.Close()
	spooled, err := h.Runner.Pool.ReadJSON(body, size, size)
	if disk := (*fs.PathError)(nil); errors.As(err, &disk) {
		return fmt.Errorf("ticket %s: %w", tk.ID, err)
	}
	if err != nil {
		return unrevivable(tk, err)
	}
	msg := &spool.Message{Base: call.Base, Method: call.Method, Path: call.Path, Query: call.Query, Header: call.Header, Body: spooled}
	req, err := q.place.dialect.DecodeRequest(msg)
	if err != nil {
		_ = spooled.Close()
		return unrevivable(tk, err)
	}
	spooled.Move(h.Tickets.At(tk.ID))
	q.fill(req)
	q.rec.Route = cmp.Or(route, q.rec.Route)
	req.Echo = saved.Echo // the body has files in the place of their addresses
	q.gone = q.waiters.join(tk.ID)
	if tk.Cancel {
		q.waiters.leave(tk.ID)
	}
	q.begin(&job{ticket: tk, request: req, message: msg, done: func() { _ = spooled.Close() }, over: over, held: held})
	return nil
}

// End ends a ticket that nobody works on as it says itself: by its Outcome, and its Result if it has one.
func (h *Handler) End(ctx context.Context, tk ticket.Ticket) error {
	m := ticket.Move{ID: tk.ID, Owner: tk.Owner, From: tk.State, To: ticket.Done, Outcome: tk.Outcome, Result: tk.Result}
	req, call, err := loadRequest(tk.Request)
	if err == nil {
		var q *request
		if q, err = h.revived(ctx, tk, call); err == nil {
			req.Dialect, req.Path, req.Base = tk.Dialect, call.Path, call.Origin+call.Prefix
			m.With = q.notices(req, switchyard.EventOutput, switchyard.EventCompleted)
		}
	}
	if err != nil { // nobody can be told, but the ticket ends all the same
		h.Log.Error("webhooks left out", zap.String("ticket", tk.ID), zap.Error(err))
	}
	_, err = h.advance(ctx, m)
	return err
}

// TakeBack cancels a job that nobody will ask for any more: if its provider is still to be had, at least.
func (h *Handler) TakeBack(ctx context.Context, a switchyard.Attempt) {
	t := h.snap.Load().Router.Holder(a)
	if t == nil {
		return
	}
	if err := h.Runner.TakeBack(ctx, t, a.Job); err != nil {
		h.Log.Warn("job not cancelled", zap.String("target", t.Name), zap.String("job", a.Job), zap.Error(err))
	}
}

// revived is the request of a ticket as it was, with nobody to answer to.
func (h *Handler) revived(ctx context.Context, tk ticket.Ticket, call callDoc) (*request, error) {
	snap := h.snap.Load()
	i := slices.IndexFunc(snap.Dialects, func(d dialect.Dialect) bool { return d.Name() == tk.Dialect })
	if i < 0 {
		return nil, fmt.Errorf("no dialect %q", tk.Dialect)
	}
	r, err := http.NewRequestWithContext(ctx, call.Method, call.Origin+call.Prefix, nil)
	if err != nil {
		return nil, err
	}
	r.Header = call.Header
	return &request{
		Handler: h, snap: snap, r: r, origin: call.Origin,
		place:  place{dialect: snap.Dialects[i], base: call.Base, prefix: call.Prefix, path: call.Path, query: call.Query},
		caller: &caller{key: snap.Keys.named(call.Key), tenant: tk.Tenant},
		rec: &Record{
			ID: tk.Generation, Started: tk.Created, Method: call.Method, Dialect: tk.Dialect, Path: call.Path,
			Tenant: tk.Tenant, Key: call.Key,
		},
	}, nil
}
