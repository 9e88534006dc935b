package hook

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

// turn is how long a ticket with many notices keeps its worker. It is far below the time after which River takes a job
// for stuck.
const turn = time.Minute

// crowded is how long a notice is put off if its receiver has its share of the workers already.
const crowded = 2 * time.Second

// worker sends the notices of a ticket.
type worker struct {
	river.WorkerDefaults[args]
	h *Hooks
}

// Work ends the job if the ticket has no open notice, and puts it off until the first one is due if that is not now. It
// fails only if the database does.
func (w *worker) Work(ctx context.Context, job *river.Job[args]) error {
	for began := time.Now(); ; {
		p, found, err := first(ctx, w.h.conf.DB, job.Args.Ticket)
		if err != nil {
			return err
		}
		if !found {
			if done, err := w.h.finish(ctx, job); done || err != nil {
				return err
			}
			continue // a new notice came in between
		}
		if wait := p.due.Sub(w.h.conf.Now()); wait > 0 {
			return river.JobSnooze(wait)
		}
		if time.Since(began) > turn {
			return river.JobSnooze(0)
		}
		if err := w.h.attempt(ctx, p); err != nil {
			return err
		}
	}
}

// finish ends the job in the transaction that finds nothing left to send. If River ended it, that would be a moment
// later, and a notice that is inserted in that moment would find a job that does not look again.
func (h *Hooks) finish(ctx context.Context, job *river.Job[args]) (done bool, err error) {
	tx, err := h.conf.DB.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	if _, found, err := first(ctx, tx, job.Args.Ticket); found || err != nil {
		return false, err
	}
	if _, err := river.JobCompleteTx[driver](ctx, tx, job); err != nil && !errors.Is(err, rivertype.ErrNotFound) {
		return false, err
	}
	return true, tx.Commit()
}

// attempt sends p once and writes down the outcome, even if ctx ends meanwhile: otherwise it would be sent again. An
// attempt that ctx cuts off does not count. If p's receiver has its share of the workers already, attempt puts the job off.
func (h *Hooks) attempt(ctx context.Context, p pending) error {
	leave, ok := h.shares.enter(p.URL)
	if !ok {
		return river.JobSnooze(crowded)
	}
	defer leave() // after a panic, too, which River survives
	policy := h.conf.Policy(p.Notice)
	a := h.send(ctx, p.Notice, policy)
	if a.err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	h.attempts.Add(1)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	p.attempts++
	if a.err == nil {
		err := p.end(ctx, h.conf.DB, delivered, h.conf.Now())
		if err == nil {
			h.delivered.Add(1)
		}
		return err
	}
	if due, again := policy.next(p.attempts, a, h.conf.Now()); again {
		return p.postpone(ctx, h.conf.DB, due)
	}
	if err := p.end(ctx, h.conf.DB, givenUp, h.conf.Now()); err != nil {
		return err
	}
	h.givenUp.Add(1)
	h.conf.Report(p.Notice, fmt.Errorf("notice %q of ticket %q: given up after %d attempts: %w", p.ID, p.Ticket, p.attempts, a.err))
	return nil
}

// send makes one request.
func (h *Hooks) send(ctx context.Context, n Notice, p Policy) answer {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(p.Timeout, timeout))
	defer cancel()
	header := http.Header{"Content-Type": {"application/json"}}
	for name, values := range h.conf.Sign(n, h.conf.Now()) {
		header[http.CanonicalHeaderKey(name)] = values
	}
	status, retryAfter, err := h.conf.Post.Post(ctx, n.URL, header, n.Body)
	if err != nil {
		return answer{err: err, final: h.conf.Forbidden(err)}
	}
	return p.judge(status, retryAfter)
}
