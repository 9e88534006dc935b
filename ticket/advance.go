package ticket

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"switchyard"
)

// Move is a step in the life of a ticket. It is made only if the ticket is still the owner's, and still in From.
type Move struct {
	ID, Owner string
	From, To  State
	Lease     time.Time          // the new lease; zero leaves it as it is
	Target    string             // for a move to Sending: where the request goes
	Job       string             // for a move to Held: the provider's id
	Outcome   switchyard.Outcome // to Done
	Result    []byte             // to Done

	// With is called in the same transaction, with the ticket as it will be: the move and what With writes are both on
	// disk, or neither is. It must not use the store. If it fails the error is ErrWith, and the move may be made without
	// it.
	With func(ctx context.Context, tx *sql.Tx, next Ticket) error
}

// check refuses a move that would be wrong for any ticket.
func (m Move) check(max int) error {
	switch {
	case !slices.Contains(moves[m.From], m.To):
		return fmt.Errorf("from %q to %q: %w", m.From, m.To, ErrIllegal)
	case m.To == Held && m.Job == "":
		return fmt.Errorf("held without a job: %w", ErrIllegal)
	case m.To == Done && m.Outcome == "":
		return fmt.Errorf("done without an outcome: %w", ErrIllegal)
	case len(m.Result) > max:
		return fmt.Errorf("result of %d bytes: %w", len(m.Result), ErrTooLarge)
	}
	return nil
}

// Advance makes a move, on disk before it returns, and wakes whoever waits. Before a request leaves, move the ticket to
// Sending; as soon as the provider's job id is known, to Held. The error is ErrConflict if somebody else moved first.
func (s *Store) Advance(ctx context.Context, m Move) (Ticket, error) {
	if err := m.check(s.max); err != nil {
		return Ticket{}, fmt.Errorf("ticket %s: %w", m.ID, err)
	}
	now := nanos(time.Now())
	set, args := `version = version + 1, state = ?, started = CASE started WHEN 0 THEN ? ELSE started END`, []any{string(m.To), now}
	switch m.To {
	case Sending: // we no longer wait for the job at the target before
		set += `, target = ?, job = ''`
		args = append(args, m.Target)
	case Held:
		set += `, job = ?`
		args = append(args, m.Job)
	case Done:
		set += `, outcome = ?, result = ?, completed = ?, body = NULL`
		args = append(args, string(m.Outcome), m.Result, now)
	}
	if !m.Lease.IsZero() {
		set += `, lease = ?`
		args = append(args, nanos(m.Lease))
	}
	args = append(args, m.ID, m.Owner, string(m.From))
	next, err := s.move(ctx, m, `UPDATE tickets SET `+set+` WHERE id = ? AND owner = ? AND state = ? RETURNING `+columns, args)
	if errors.Is(err, sql.ErrNoRows) {
		return Ticket{}, s.whyNot(ctx, m)
	}
	if err != nil {
		return Ticket{}, fmt.Errorf("ticket %s: %w", m.ID, err)
	}
	if m.To == Done {
		s.drop(m.ID)
		s.drop(m.ID + endSuffix)
	}
	s.bells.ring(m.ID)
	return next, nil
}

// move carries the update out, and With along with it; the error is sql.ErrNoRows if no row was changed.
func (s *Store) move(ctx context.Context, m Move, text string, args []any) (next Ticket, err error) {
	if m.With == nil {
		return first(query(ctx, s.db, text, args...))
	}
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return Ticket{}, err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	if next, err = first(query(ctx, tx, text, args...)); err != nil {
		return Ticket{}, err
	}
	if err := m.With(ctx, tx, next); err != nil {
		return Ticket{}, fmt.Errorf("%w: %w", ErrWith, err)
	}
	return next, tx.Commit()
}

func first(list []Ticket, err error) (Ticket, error) {
	if err == nil && len(list) == 0 {
		err = sql.ErrNoRows
	}
	if err != nil {
		return Ticket{}, err
	}
	return list[0], nil
}

// whyNot returns the error of a move that changed no row.
func (s *Store) whyNot(ctx context.Context, m Move) error {
	t, err := s.one(s.query(ctx, `SELECT `+columns+` FROM tickets WHERE id = ?`, m.ID))
	if err != nil {
		return err
	}
	return fmt.Errorf("ticket %s: %s of owner %q, not %s of %q: %w", m.ID, t.State, t.Owner, m.From, m.Owner, ErrConflict)
}

// Renew says that an owner is alive: until the given time nobody else may take over its tickets.
func (s *Store) Renew(ctx context.Context, owner string, until time.Time) error {
	_, err := s.db.ExecContext(ctx, `UPDATE tickets SET lease = ? WHERE owner = ? AND state <> 'done'`, nanos(until), owner)
	if err != nil {
		return fmt.Errorf("renew leases of %q: %w", owner, err)
	}
	return nil
}
