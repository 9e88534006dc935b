package proxy

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"time"

	"switchyard"
	"switchyard/dialect"
	"switchyard/spool"
	"switchyard/ticket"
)

// A page lists so many tickets, and their documents are so large, at most.
const (
	pageSize  = 100
	pageBytes = 2 << 20
)

// list answers with the caller's tickets, a page at a time.
func (q *request) list(t dialect.Ticketer) error {
	lister, ok := t.(dialect.Lister)
	if !ok {
		return q.pass(nil)
	}
	if q.caller.tenant == anonymous { // who could be anybody
		return &switchyard.Error{Kind: switchyard.NoKey}
	}
	from, to, err := lister.Span(q.place.query)
	if err != nil {
		return err
	}
	tickets, cursor, err := q.Tickets.List(q.r.Context(), ticket.Query{
		Tenant: q.caller.tenant, Dialect: q.rec.Dialect, From: from, To: to, Before: q.place.query.Get("cursor"),
		Limit: pageSize, Bytes: pageBytes,
	})
	if errors.Is(err, ticket.ErrCursor) {
		return switchyard.Invalid("cursor", "Invalid cursor.")
	}
	if err != nil {
		return &switchyard.Error{Kind: switchyard.Unavailable, Err: err}
	}
	var next url.Values
	if cursor != "" {
		next = maps.Clone(q.place.query)
		next.Set("cursor", cursor)
	}
	page := make([]dialect.Listed, len(tickets))
	for i, tk := range tickets {
		page[i] = q.listed(tk)
	}
	reply, err := lister.List(&switchyard.Request{Dialect: q.rec.Dialect, Base: q.origin + q.place.prefix}, page, next)
	if err != nil {
		return err
	}
	q.rec.Kind, q.ended = KindTicket, nil // what one of them says of itself is not true of all
	return q.write(reply)
}

// listed is a ticket as one of several.
func (q *request) listed(tk ticket.Ticket) dialect.Listed {
	req, err := q.loaded(tk)
	req.Delivery = switchyard.DeliverURL // a list is small, whatever the app's SDK expects of a single answer
	return dialect.Listed{Request: req, State: q.damaged(q.state(tk, req), err)}
}

// heartbeat is how often a stream of states shows that it is alive, while nothing happens.
const heartbeat = 15 * time.Second

// follow streams how a ticket stands: now, at each change, and when it is over.
func (q *request) follow(t dialect.Ticketer, tk ticket.Ticket) error {
	req, damage := q.loaded(tk)
	control := http.NewResponseController(q.w)
	for first := true; ; first = false {
		state := q.damaged(q.state(tk, req), damage)
		reply, err := t.Describe(req, state)
		if err != nil && first {
			return err
		}
		if err != nil {
			return cutOff(err)
		}
		if first {
			maps.Copy(q.w.Header(), reply.Header)
			q.w.Header().Set("Cache-Control", "no-store")
			q.snap.Settings.cors(q.w.Header(), q.r)
			q.w.WriteHeader(http.StatusOK)
		}
		if err := q.event(reply.Body); err != nil || state.Over() {
			return cutOff(err)
		}
		_ = control.Flush()
		if tk, err = q.change(tk); err != nil {
			return cutOff(err)
		}
	}
}

// change waits until a ticket is another one, with heartbeats.
func (q *request) change(tk ticket.Ticket) (ticket.Ticket, error) {
	for {
		ctx, cancel := context.WithTimeout(q.r.Context(), heartbeat)
		stop := context.AfterFunc(q.ending, cancel)
		next, err := q.Tickets.Wait(ctx, tk)
		stop()
		cancel()
		if err == nil || q.r.Context().Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			return next, err
		}
		if err := q.event(spool.Bytes(":\n\n")); err != nil {
			return tk, err
		}
		_ = http.NewResponseController(q.w).Flush()
	}
}

func (q *request) event(b switchyard.Blob) error {
	r, err := b.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(q.w, r)
	return err
}
