package proxy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"switchyard"
	"switchyard/attempt"
	"switchyard/cache"
	"switchyard/dialect"
	"switchyard/ledger"
	"switchyard/spool"
	"switchyard/ticket"
)

// ticketTimeout bounds the work for a ticket: what the providers themselves give a job by default.
const ticketTimeout = 30 * time.Minute

// lease is how long a ticket is a process's own without word from it.
const lease = ticketTimeout + time.Minute

// submit takes a request on as a ticket and answers with how it stands: over, if it is over by the time that the app is
// willing to wait. The work goes on without the app.
func (q *request) submit(t dialect.Ticketer, req *switchyard.Request, msg *spool.Message, flight *cache.Flight) error {
	if err := q.checkHook(req); err != nil {
		return err
	}
	doc, err := saveRequest(req, q.saveCall())
	if err != nil {
		return err
	}
	tk, err := q.Tickets.Create(q.r.Context(), ticket.Ticket{
		ID: t.NewTicket(), Tenant: q.caller.tenant, Dialect: q.rec.Dialect, Model: req.Model, Generation: q.rec.ID,
		Owner: q.Owner, Lease: q.now().Add(lease), Request: doc,
	}, msg.Body)
	if err != nil {
		return &switchyard.Error{Kind: switchyard.Unavailable, Err: fmt.Errorf("ticket: %w", err)}
	}
	q.rec.Kind = "ticket"
	q.worker(tk.ID).begin(job{ticket: tk, request: req, message: msg, done: msg.Body.Keep()})
	state := q.state(q.await(tk, req.Wait), req) // tk itself is the worker's
	state.Fresh = true
	reply, err := q.description(t, req, state)
	if err != nil {
		return err
	}
	return q.deliver(flight, reply)
}

// await waits for the end of a ticket, for at most d, and for no longer than the app does.
func (q *request) await(tk ticket.Ticket, d time.Duration) ticket.Ticket {
	if d <= 0 {
		return tk
	}
	ctx, cancel := context.WithTimeout(q.r.Context(), d)
	defer cancel()
	for tk.State != ticket.Done {
		next, err := q.Tickets.Wait(ctx, tk)
		if err != nil {
			return tk
		}
		tk = next
	}
	return tk
}

// ticket serves a question about a ticket, or its cancellation. One that we did not give out may be its provider's, of a
// model that we do not know: it is asked for there, unless several tenants share the key.
func (q *request) ticket() error {
	t, ok := q.place.dialect.(dialect.Ticketer)
	if !ok {
		return q.pass(nil)
	}
	call := t.TicketOf(q.r.Method, q.place.path)
	if call.List {
		return q.list(t)
	}
	tk, err := q.Tickets.Get(q.r.Context(), q.caller.tenant, call.ID)
	if errors.Is(err, ticket.ErrNotFound) {
		if q.caller.key == nil {
			return q.pass(nil)
		}
		return &switchyard.Error{Kind: switchyard.NotFound}
	}
	if err != nil {
		return &switchyard.Error{Kind: switchyard.Unavailable, Err: err}
	}
	q.rec.Kind, q.rec.Model = "ticket", tk.Model
	if call.Cancel {
		if tk, err = q.Tickets.Cancel(q.r.Context(), q.caller.tenant, call.ID); err != nil {
			return &switchyard.Error{Kind: switchyard.Unavailable, Err: err}
		}
		q.tickets.leave(call.ID)
	}
	req, err := q.loaded(tk)
	if err != nil {
		return err
	}
	if call.Stream {
		return q.follow(t, tk, req)
	}
	return q.describe(t, req, q.state(tk, req))
}

// loaded is the request of a ticket, as far as its answers need it.
func (q *request) loaded(tk ticket.Ticket) (*switchyard.Request, error) {
	req, _, err := loadRequest(tk.Request)
	if err != nil {
		return nil, err
	}
	req.Path = q.place.path
	req.ID, req.Dialect, req.Base = q.rec.ID, q.rec.Dialect, q.origin+q.place.prefix
	return req, nil
}

func (q *request) describe(t dialect.Ticketer, req *switchyard.Request, s *dialect.State) error {
	reply, err := q.description(t, req, s)
	if err != nil {
		return err
	}
	q.head()
	return q.write(reply)
}

func (q *request) description(t dialect.Ticketer, req *switchyard.Request, s *dialect.State) (*dialect.Reply, error) {
	if s.Result != nil {
		if err := q.host(q.r.Context(), req, s.Result); err != nil {
			return nil, err
		}
	}
	return t.Describe(req, s)
}

// worker is the request as it goes on without its app: with a record of its own, and nothing to answer to.
func (q *request) worker(id string) *request {
	w := *q
	rec := *q.rec
	rec.Kind = "generation"
	w.rec, w.w = &rec, nil
	w.gone = q.tickets.join(id)
	return &w
}

// job is the work for a ticket.
type job struct {
	ticket  ticket.Ticket
	request *switchyard.Request
	message *spool.Message
	done    func()               // gives the message back
	earlier []switchyard.Attempt // of an earlier process, in the order they were begun
}

// begin has the work done, without an app to wait for it.
func (q *request) begin(j job) {
	q.work.Go(func() {
		defer j.done()
		defer func() { // as net/http does for requests; the ticket ends as lost at the next start
			if p := recover(); p != nil {
				q.Log.Error("panic", zap.Any("cause", p), zap.Stack("stack"))
			}
		}()
		defer q.expire(j)()
		q.do(j)
	})
}

// expire takes the ticket back when its time is over, as if the app had. The caller calls stop when the work is done.
func (q *request) expire(j job) (stop func()) {
	if j.request.Until <= 0 {
		return func() {}
	}
	left := j.ticket.Created.Add(j.request.Until).Sub(q.now())
	timer := time.AfterFunc(left, func() {
		if _, err := q.Tickets.Cancel(context.WithoutCancel(q.r.Context()), j.ticket.Tenant, j.ticket.ID); err != nil {
			q.Log.Error("ticket", zap.String("id", j.ticket.ID), zap.Error(err))
		}
		q.tickets.leave(j.ticket.ID)
	})
	return func() { timer.Stop() }
}

// do makes the generation of a ticket and puts its end into the row.
func (q *request) do(j job) {
	defer q.finish()
	defer q.tickets.leave(j.ticket.ID)
	ctx, cancel := q.working(q.r.Context(), ticketTimeout)
	defer cancel()
	g := q.generation("generation", j.request)
	account := &ticketAccount{account: newAccount(q.Journal, g), q: q, request: j.request, ticket: j.ticket}
	if len(j.earlier) > 0 {
		account.waiting = nil // it has begun before
	}
	q.rec.Attempts, q.held = unheld(j.earlier)
	ans, err := q.make(ctx, account, j.request, j.message)
	q.rec.Err = err
	doc := q.keep(ctx, ans, err)
	if ans != nil {
		ans.Close()
	}
	var failure *attempt.Failure
	if errors.As(err, &failure) {
		failure.Close()
	}
	q.close(ctx, account.account, g)
	account.finish(context.WithoutCancel(ctx), doc)
}

// ticketAccount keeps the ticket's row in step with the journal.
type ticketAccount struct {
	*account
	q       *request
	request *switchyard.Request
	ticket  ticket.Ticket
}

// Open moves the ticket to sending: from then on it is never begun anew.
func (a *ticketAccount) Open(ctx context.Context, at switchyard.Attempt) error {
	m := ticket.Move{To: ticket.Sending, Target: at.Target}
	if a.ticket.State == ticket.Accepted {
		m.With = a.q.notices(a.request, switchyard.EventStart)
	}
	if err := a.advance(ctx, m); err != nil {
		return err
	}
	return a.account.Open(ctx, at)
}

// Hold moves the ticket to held: from then on its job is found again.
func (a *ticketAccount) Hold(ctx context.Context, at switchyard.Attempt) error {
	if err := a.account.Hold(ctx, at); err != nil {
		return err
	}
	return a.advance(ctx, ticket.Move{To: ticket.Held, Job: at.Job})
}

func (a *ticketAccount) advance(ctx context.Context, m ticket.Move) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ticket.State == m.To && m.To == ticket.Held {
		return nil // a fan-out has several jobs; the ledger knows them all
	}
	m.ID, m.Owner, m.From = a.ticket.ID, a.ticket.Owner, a.ticket.State
	next, err := a.q.Tickets.Advance(ctx, m)
	if err != nil {
		return err
	}
	a.ticket = next
	if m.With != nil {
		a.q.Hooks.Wake()
	}
	return nil
}

func (a *ticketAccount) finish(ctx context.Context, d resultDoc) {
	// A row that cannot be written now says so at the next start, as lost; the ledger is exact either way.
	_ = a.advance(ctx, ticket.Move{
		To: ticket.Done, Outcome: d.Outcome, Result: d.encode(),
		With: a.q.notices(a.request, switchyard.EventOutput, switchyard.EventCompleted),
	})
}

var (
	_ attempt.Journal = (*ticketAccount)(nil)
	_ attempt.Journal = (*account)(nil)
	_ Journal         = (*ledger.Journal)(nil)
)
