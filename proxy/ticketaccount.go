package proxy

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"switchyard"
	"switchyard/attempt"
	"switchyard/ledger"
	"switchyard/ticket"
)

// ticketAccount keeps the ticket's row in step with the journal. The account's mu guards what changes here, too.
type ticketAccount struct {
	*account
	q       *request
	request *switchyard.Request
	ticket  ticket.Ticket // its State changes
	aside   bool          // its end lies where the next process finds it
}

// Open moves the ticket to sending: from then on it is never begun anew.
func (a *ticketAccount) Open(ctx context.Context, at switchyard.Attempt) error {
	if err := a.advance(ctx, ticket.Move{To: ticket.Sending, Target: at.Target}); err != nil {
		return err
	}
	return a.account.Open(ctx, at)
}

// Hold moves the ticket to held. The journal gets the job first, or as soon as it has room, and by that the job can be found again. So a
// row that cannot be written does not stop the work. It is written even if the work's time is up.
func (a *ticketAccount) Hold(ctx context.Context, at switchyard.Attempt) error {
	if err := a.account.Hold(ctx, at); err != nil {
		return err
	}
	if !a.even() {
		a.q.owe(a.account)
	}
	err := a.advance(context.WithoutCancel(ctx), ticket.Move{To: ticket.Held, Job: at.Job})
	if err == nil || errors.Is(err, ticket.ErrConflict) {
		return err
	}
	a.q.Log.Error("job not in its ticket's row", zap.String("id", a.ticket.ID), zap.Error(err))
	return nil
}

func (a *ticketAccount) advance(ctx context.Context, m ticket.Move) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ticket.State == ticket.Held && m.To == ticket.Held {
		return nil // a fan-out has several jobs; the ledger knows them all
	}
	if a.ticket.State == ticket.Accepted && m.To == ticket.Sending { // the first of its parts
		m.With = a.q.notices(a.request, switchyard.EventStart)
	}
	next, err := a.q.advance(ctx, a.own(m))
	if err == nil {
		a.ticket.State = next.State
	}
	return err
}

// own is a move of this ticket, from where it stands. Requires mu.
func (a *ticketAccount) own(m ticket.Move) ticket.Move {
	m.ID, m.Owner, m.From = a.ticket.ID, a.ticket.Owner, a.ticket.State
	return m
}

// Pauses between two tries to write down how a ticket ended.
const (
	firstPause   = 100 * time.Millisecond
	longestPause = 5 * time.Second
)

// finish puts the end of the work into the ticket's row. What it came to has been paid for: while the row cannot be written
// it lies aside for the next process, and this one goes on trying as long as it lives.
func (a *ticketAccount) finish(ctx context.Context, d resultDoc) {
	pauses := switchyard.Growing(firstPause, longestPause)
	for {
		m := a.done(d)
		err := a.advance(ctx, m)
		if err == nil {
			return
		}
		a.q.Log.Error("end of ticket not in its row", zap.String("id", a.ticket.ID), zap.Error(err))
		switch {
		case errors.Is(err, ticket.ErrConflict), errors.Is(err, ticket.ErrNotFound):
			return // it is not ours any more
		case errors.Is(err, ticket.ErrTooLarge):
			d = resultDoc{Outcome: switchyard.BadReply, Created: d.Created, Kind: switchyard.Internal}
			continue
		}
		a.setAside(m)
		if !pauses.Sleep(a.q.ending) {
			return
		}
	}
}

// done is the move that ends the ticket.
func (a *ticketAccount) done(d resultDoc) ticket.Move {
	return ticket.Move{
		To: ticket.Done, Outcome: d.Outcome, Result: d.encode(),
		With: a.q.notices(a.request, switchyard.EventOutput, switchyard.EventCompleted),
	}
}

// secure has a result where the next process finds it before it is booked: it has been paid for, and must not be lost if this
// one dies before the row is written. That of a job is spared the two syncs of the disk: it would be asked for again.
func (a *ticketAccount) secure(d resultDoc) {
	if d.Outcome == switchyard.OK && !a.isHeld() {
		a.setAside(a.done(d))
	}
}

// isHeld reports whether the ticket's job can be asked for again.
func (a *ticketAccount) isHeld() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.ticket.State == ticket.Held
}

// setAside puts the end of the ticket where the next process finds it, unless it lies there.
func (a *ticketAccount) setAside(m ticket.Move) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.aside {
		return
	}
	err := a.q.Tickets.SetAside(a.own(m))
	if err != nil {
		a.q.Log.Error("end of ticket not set aside", zap.String("id", a.ticket.ID), zap.Error(err))
	}
	a.aside = err == nil
}

var (
	_ attempt.Journal = (*ticketAccount)(nil)
	_ attempt.Journal = (*account)(nil)
	_ Journal         = (*ledger.Journal)(nil)
)
