package proxy

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"go.uber.org/zap"

	"switchyard"
	"switchyard/dialect"
	"switchyard/spool"
	"switchyard/ticket"
)

// callDoc is how an app's request came, but for its body and its credential: that is kept nowhere.
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

// Revive goes on with a ticket that an earlier process left accepted or held, with what the ledger knows of the attempts
// for it. What it takes to begin is checked before it returns; the work goes on without the caller.
//
// The app's own credential has died with the earlier process: a ticket that only that could pay for ends as failed.
func (h *Handler) Revive(ctx context.Context, tk ticket.Ticket, earlier []switchyard.Attempt) error {
	if _, held := unheld(earlier); tk.State == ticket.Held && len(held) == 0 {
		return errNothingHeld
	}
	saved, call, err := loadRequest(tk.Request)
	if err != nil {
		return err
	}
	q, err := h.revived(ctx, tk, call)
	if err != nil {
		return err
	}
	body, size, err := h.Tickets.Body(ctx, tk.ID)
	if err != nil {
		return err
	}
	defer body.Close()
	spooled, err := h.Pool.ReadJSON(body, size, size)
	if err != nil {
		return fmt.Errorf("ticket %s: %w", tk.ID, err)
	}
	msg := &spool.Message{Base: call.Base, Method: call.Method, Path: call.Path, Query: call.Query, Header: call.Header, Body: spooled}
	req, err := q.place.dialect.DecodeRequest(msg)
	if err != nil {
		_ = spooled.Close()
		return fmt.Errorf("ticket %s: %w", tk.ID, err)
	}
	spooled.Move(h.Tickets.At(tk.ID))
	q.fill(req)
	req.Echo = saved.Echo // the body has files in the place of their addresses
	q.gone = q.tickets.join(tk.ID)
	if tk.Cancel {
		q.tickets.leave(tk.ID)
	}
	q.begin(&job{ticket: tk, request: req, message: msg, done: func() { _ = spooled.Close() }, earlier: earlier})
	return nil
}

// Lose ends a ticket for which an earlier process was sending a request: whether it was made nobody will ever know, and a
// second one might be charged again.
func (h *Handler) Lose(ctx context.Context, tk ticket.Ticket) error {
	m := ticket.Move{ID: tk.ID, Owner: tk.Owner, From: tk.State, To: ticket.Done, Outcome: switchyard.Lost}
	req, call, err := loadRequest(tk.Request)
	if err == nil {
		var q *request
		if q, err = h.revived(ctx, tk, call); err == nil {
			req.Dialect, req.Path, req.Base = tk.Dialect, call.Path, call.Origin+call.Prefix
			m.With = q.notices(req, switchyard.EventCompleted)
		}
	}
	if err != nil { // nobody can be told, but the ticket ends all the same
		h.Log.Error("ticket", zap.String("id", tk.ID), zap.Error(err))
	}
	if _, err := h.Tickets.Advance(ctx, m); err != nil {
		return err
	}
	if m.With != nil {
		h.Hooks.Wake()
	}
	return nil
}

// Target is a target of the config in force; nil if there is none of that name.
func (h *Handler) Target(name string) *switchyard.Target { return h.snap.Load().Router.Target(name) }

// revived is the request of a ticket as it was, with nobody to answer to.
func (h *Handler) revived(ctx context.Context, tk ticket.Ticket, call callDoc) (*request, error) {
	snap := h.snap.Load()
	i := slices.IndexFunc(snap.Dialects, func(d dialect.Dialect) bool { return d.Name() == tk.Dialect })
	if i < 0 {
		return nil, fmt.Errorf("ticket %s: no dialect %q", tk.ID, tk.Dialect)
	}
	r, err := http.NewRequestWithContext(ctx, call.Method, call.Origin+call.Prefix, nil)
	if err != nil {
		return nil, fmt.Errorf("ticket %s: %w", tk.ID, err)
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

// unheld parts what an earlier process tried: the jobs that a provider may still have, and all the rest. Where there are
// none, those of the last target that went well are asked for again, since their pictures died with the process.
func unheld(earlier []switchyard.Attempt) (over, held []switchyard.Attempt) {
	last, open := 0, 0
	for _, a := range earlier {
		last = max(last, a.Number)
		if a.Job != "" && a.Outcome == "" {
			open = max(open, a.Number)
		}
	}
	if open == 0 {
		open = last
	}
	for _, a := range earlier {
		if a.Number == open && a.Job != "" && (a.Outcome == "" || a.Outcome == switchyard.OK) {
			held = append(held, a)
		} else {
			over = append(over, a)
		}
	}
	return over, held
}

// errNothingHeld is of a ticket whose job has ended, though nobody was told how: to begin it anew would be to pay twice.
var errNothingHeld = errors.New("the ticket has no job any more")
