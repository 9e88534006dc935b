package ticket

import (
	"context"
	"fmt"
	"time"

	"switchyard"
)

// Move is a step in the life of a ticket. It is made only if the ticket is still the owner's, and still in From.
type Move struct {
	ID, Owner string
	From, To  State
	Lease     time.Time          // the new one; zero leaves it as it is
	Target    string             // to Sending: where to
	Job       string             // to Held: the provider's id
	Outcome   switchyard.Outcome // to Done
	Result    []byte             // to Done
}

// check refuses a move that is wrong whatever the ticket is like.
func (m Move) check(max int) error {
	switch {
	case !Legal(m.From, m.To):
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

// Advance makes a move, on disk before it returns, and wakes whoever waits. Before a request leaves, the ticket is moved
// to Sending; as soon as the provider's job id is known, to Held. It is ErrConflict if somebody else moved first.
func (s *Store) Advance(ctx context.Context, m Move) (Ticket, error) {
	if err := m.check(s.max); err != nil {
		return Ticket{}, fmt.Errorf("ticket %s: %w", m.ID, err)
	}
	now := nanos(time.Now())
	set, args := `version = version + 1, state = ?, started = CASE started WHEN 0 THEN ? ELSE started END`, []any{string(m.To), now}
	switch m.To {
	case Sending: // a job at the last target is no longer ours to wait for
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
	list, err := s.query(ctx, `UPDATE tickets SET `+set+` WHERE id = ? AND owner = ? AND state = ? RETURNING `+columns, args...)
	if err != nil {
		return Ticket{}, fmt.Errorf("ticket %s: %w", m.ID, err)
	}
	if len(list) == 0 {
		return Ticket{}, s.whyNot(ctx, m)
	}
	if m.To == Done {
		s.drop(m.ID)
	}
	s.bells.ring(m.ID)
	return list[0], nil
}

// whyNot explains a move that hit no row.
func (s *Store) whyNot(ctx context.Context, m Move) error {
	t, err := s.one(s.query(ctx, `SELECT `+columns+` FROM tickets WHERE id = ?`, m.ID))
	if err != nil {
		return err
	}
	return fmt.Errorf("ticket %s: %s of owner %q, not %s of %q: %w", m.ID, t.State, t.Owner, m.From, m.Owner, ErrConflict)
}

// Renew tells that an owner is alive: all that it works on is its own until then.
func (s *Store) Renew(ctx context.Context, owner string, until time.Time) error {
	_, err := s.db.ExecContext(ctx, `UPDATE tickets SET lease = ? WHERE owner = ? AND state <> 'done'`, nanos(until), owner)
	if err != nil {
		return fmt.Errorf("renew leases of %q: %w", owner, err)
	}
	return nil
}
