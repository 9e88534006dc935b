package proxy

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"go.uber.org/zap"

	"switchyard"
	"switchyard/attempt"
	"switchyard/dialect"
	"switchyard/spool"
	"switchyard/ticket"
)

// ticketTimeout bounds the work for a ticket: what the providers themselves give a job by default.
const ticketTimeout = 30 * time.Minute

// maxUnderWay bounds the tickets that are worked on at once: each of them has a goroutine, and its request in memory or in
// a file.
const maxUnderWay = 10_000

// lease is how long a ticket is a process's own without word from it.
const lease = ticketTimeout + time.Minute

// submit takes a request on as a ticket and answers with how it stands: over, if it is over by the time that the app is
// willing to wait. The work goes on without the app.
func (q *request) submit(t dialect.Ticketer, req *switchyard.Request, msg *spool.Message) error {
	if err := q.checkHook(req); err != nil {
		return err
	}
	if q.waiters.count() >= maxUnderWay {
		return &switchyard.Error{Kind: switchyard.Unavailable, RetryAfter: time.Minute, Err: errors.New("too many tickets are under way")}
	}
	if _, err := q.Journal.State(); err != nil { // the row may find room where the journal has none
		return &switchyard.Error{Kind: switchyard.Unavailable, Err: fmt.Errorf("journal: %w", err)}
	}
	if err := q.hopeless(); err != nil {
		return err
	}
	tk, fresh, err := q.accept(t, req, msg)
	if err != nil {
		return err
	}
	q.rec.Kind, q.rec.ID = KindTicket, tk.Generation // which an earlier request of the same key may have begun
	if fresh {
		msg.Body.Move(q.Tickets.At(tk.ID)) // it may wait for long
		q.worker(tk.ID).begin(&job{ticket: tk, request: req, message: msg, done: q.handOver(msg)})
	}
	state := q.state(q.await(tk, req.Wait), req) // tk itself is the worker's
	state.Fresh = true
	return q.describe(t, req, state)
}

// accept has a ticket on disk. Under an Idempotency-Key its id follows from the key, so that there is no second one: the
// first is found by it, fresh or not, as long as it has not failed.
func (q *request) accept(t dialect.Ticketer, req *switchyard.Request, msg *spool.Message) (tk ticket.Ticket, fresh bool, err error) {
	key, err := q.idempotencyKey()
	if err != nil {
		return tk, false, err
	}
	doc := q.newDoc(req)
	if key != "" {
		if doc.Sum, err = q.sumText(msg); err != nil {
			return tk, false, err
		}
	}
	ctx := context.WithoutCancel(q.r.Context()) // a row that nobody works on would be found, and begun, by the next process
	for n := 0; ; n++ {
		tk, err = q.Tickets.Create(ctx, ticket.Ticket{
			ID: t.NewTicket(q.seed(key, n)), Tenant: q.caller.tenant, Dialect: q.rec.Dialect, Model: req.Model, Generation: q.rec.ID,
			Owner: q.Owner, Lease: q.now().Add(lease), Request: doc.encode(),
		}, msg.Body)
		switch {
		case err == nil:
			return tk, true, nil
		case errors.Is(err, ticket.ErrTooLarge):
			return tk, false, &switchyard.Error{Kind: switchyard.TooLarge, Err: err}
		case key == "" || !errors.Is(err, ticket.ErrExists):
			return tk, false, &switchyard.Error{Kind: switchyard.Unavailable, Err: err}
		}
		if tk, err = q.Tickets.Get(ctx, q.caller.tenant, tk.ID); err != nil {
			return tk, false, &switchyard.Error{Kind: switchyard.Unavailable, Err: err}
		}
		if tk.State == ticket.Done && tk.Outcome != switchyard.OK {
			continue // a failure releases its key
		}
		return tk, false, doc.same(tk)
	}
}

// handOver keeps the message, and the caller's place within its own limit, until the work is done.
func (q *request) handOver(msg *spool.Message) (done func()) {
	body, place := msg.Body.Keep(), q.release
	q.release = nil
	return func() {
		body()
		place()
	}
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
// request that passed through: it is asked for there, unless several tenants share the provider's key. In a bypass they all are.
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
		if !q.snap.Keys.shared() || q.Runner.Switches.Bypassed() {
			return q.pass(nil)
		}
		return &switchyard.Error{Kind: switchyard.NotFound}
	}
	if err != nil {
		return &switchyard.Error{Kind: switchyard.Unavailable, Err: err}
	}
	q.rec.Kind, q.rec.Model, q.rec.ID = KindTicket, tk.Model, tk.Generation
	if call.Cancel {
		if tk, err = q.Tickets.Cancel(q.r.Context(), q.caller.tenant, call.ID); err != nil {
			return &switchyard.Error{Kind: switchyard.Unavailable, Err: err}
		}
		q.waiters.leave(call.ID)
	}
	if call.Stream {
		return q.follow(t, tk)
	}
	req, err := q.loaded(tk)
	return q.describe(t, req, q.damaged(q.state(tk, req), err))
}

// loaded is the request of a ticket, as far as its answers need it. If the row cannot be read, it is what is known without it, and the
// error says why.
func (q *request) loaded(tk ticket.Ticket) (*switchyard.Request, error) {
	req, _, err := loadRequest(tk.Request)
	if err != nil {
		req = &switchyard.Request{Model: tk.Model}
	}
	req.Path = q.place.path
	req.ID, req.Dialect, req.Base = q.rec.ID, q.rec.Dialect, q.origin+q.place.prefix
	return req, err
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
	rec.Kind = KindGeneration
	w.rec, w.w = &rec, nil
	// Not the request itself, which has hold of the app's connection.
	w.r = (&http.Request{Method: q.r.Method, URL: q.r.URL, Header: q.r.Header}).WithContext(context.WithoutCancel(q.r.Context()))
	w.gone = q.waiters.join(id)
	return &w
}

// job is the work for a ticket.
type job struct {
	ticket  ticket.Ticket
	request *switchyard.Request
	message *spool.Message
	done    func() // gives the message back

	over, held []switchyard.Attempt // of an earlier process: see Revive
}

// begin has the work done, without an app to wait for it.
func (q *request) begin(j *job) {
	j.ticket.Request = nil // it is decoded, and thousands may wait
	q.work.Go(func() {
		defer j.done()
		defer func() { // as net/http does for requests
			if p := recover(); p != nil {
				q.Log.Error("panic", zap.Any("cause", p), zap.Stack("stack"))
				q.lose(j.ticket)
			}
		}()
		defer q.expire(j)()
		q.do(j)
	})
}

// lose ends a ticket whose work has come to grief.
func (q *request) lose(tk ticket.Ticket) {
	ctx := context.WithoutCancel(q.r.Context())
	tk, err := q.Tickets.Get(ctx, tk.Tenant, tk.ID)
	if err == nil && tk.State != ticket.Done {
		tk.Outcome = switchyard.Lost
		err = q.End(ctx, tk)
	}
	if err != nil {
		q.Log.Error("lost ticket not ended", zap.String("id", tk.ID), zap.Error(err))
	}
}

// expire takes the ticket back when its time is over, as if the app had. The caller calls stop when the work is done.
func (q *request) expire(j *job) (stop func()) {
	if j.request.Until <= 0 {
		return func() {}
	}
	left := j.ticket.Created.Add(j.request.Until).Sub(q.now())
	timer := time.AfterFunc(left, func() {
		if _, err := q.Tickets.Cancel(context.WithoutCancel(q.r.Context()), j.ticket.Tenant, j.ticket.ID); err != nil {
			q.Log.Error("ticket not cancelled when its time was over", zap.String("id", j.ticket.ID), zap.Error(err))
		}
		q.waiters.leave(j.ticket.ID)
	})
	return func() { timer.Stop() }
}

// do makes the generation of a ticket and puts its end into the row. Its frame is small, and so are those below it where
// a job is waited for: thousands may wait, each with a stack.
func (q *request) do(j *job) {
	q.startTrace(Tracer.Work)
	q.rec.Work = true
	defer q.tell()
	defer q.waiters.leave(j.ticket.ID)
	ctx, cancel := q.working(q.r.Context(), ticketTimeout)
	defer cancel()
	account := q.ticketAccount(j)
	held := q.held
	ans, err := q.make(ctx, account, j.request, j.message)
	q.rec.Err = err
	q.end(ctx, account, ans, held)
}

func (q *request) ticketAccount(j *job) *ticketAccount {
	account := &ticketAccount{
		account: newAccount(q.Journal, q.generation(KindGeneration, j.request)), q: q, request: j.request, ticket: j.ticket,
	}
	if len(j.over)+len(j.held) > 0 {
		account.waiting, account.taken = nil, true // it has begun before
	}
	q.rec.Attempts, q.held = j.over, j.held
	return account
}

// end books what the work came to and puts it into the row. What was held and is lost is taken back. Of work that the next
// process goes on with, only what is over is booked.
func (q *request) end(ctx context.Context, account *ticketAccount, ans *attempt.Answer, held []switchyard.Attempt) {
	if q.left {
		q.leave(ctx, account, ans)
		return
	}
	if switchyard.AsError(q.rec.Err).Outcome == switchyard.Lost {
		for _, a := range held {
			q.TakeBack(ctx, a)
		}
	}
	doc := q.keep(ctx, ans)
	if ofDisk(q.rec.Err) && errors.Is(context.Cause(ctx), attempt.ErrShutdown) && account.isHeld() { // its provider has the pictures, too
		q.leave(ctx, account, ans)
		return
	}
	if ans != nil {
		ans.Close()
	}
	attempt.Forget(q.rec.Err)
	account.secure(doc)
	q.book(ctx, account.account, q.generation(KindGeneration, account.request))
	account.finish(context.WithoutCancel(ctx), doc)
}

// leave gives up work that the next process goes on with: it asks for all the pictures again.
func (q *request) leave(ctx context.Context, account *ticketAccount, ans *attempt.Answer) {
	if ans != nil {
		ans.Close()
	}
	if err := account.flush(context.WithoutCancel(ctx)); err != nil {
		q.Log.Error("generation not in the journal yet", zap.String("id", q.rec.ID), zap.Error(err))
		q.owe(account.account)
	}
}

// advance makes a move of a ticket. What the app is to be told of it does not hold it up.
func (h *Handler) advance(ctx context.Context, m ticket.Move) (ticket.Ticket, error) {
	next, err := h.Tickets.Advance(ctx, m)
	if errors.Is(err, ticket.ErrWith) {
		h.Log.Error("webhooks left out", zap.String("ticket", m.ID), zap.Error(err))
		m.With = nil
		next, err = h.Tickets.Advance(ctx, m)
	}
	if err == nil && m.With != nil {
		h.Hooks.Wake()
	}
	return next, err
}
