package ticket

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"switchyard"
	"switchyard/durable"
)

// Config is where tickets are kept.
type Config struct {
	DB          *sql.DB       // a SQLite database that syncs at each commit; the caller closes it
	TTL         time.Duration // how long a ticket is kept, from its creation; 0: 7 days
	MaxDocument int           // bytes of a Request or Result; 0: 256 KiB
	Dir         string        // for bodies over 64 KiB; made if it does not exist. Empty: they are refused

	files durable.Writer // for tests
}

// Store keeps tickets. Many goroutines may use it. It has no goroutine and nothing to close.
type Store struct {
	db    *sql.DB
	ttl   time.Duration
	max   int
	bells bells
	bodies
}

// New brings the tables up to date.
func New(ctx context.Context, c Config) (*Store, error) {
	s := &Store{db: c.DB, ttl: c.TTL, max: c.MaxDocument, bodies: bodies{c.Dir, c.files}}
	if s.ttl <= 0 {
		s.ttl = 7 * 24 * time.Hour
	}
	if s.max <= 0 {
		s.max = 256 << 10
	}
	if err := up(ctx, c.DB); err != nil {
		return nil, fmt.Errorf("tickets: %w", err)
	}
	if err := s.sweepBodies(ctx); err != nil {
		return nil, fmt.Errorf("tickets: %w", err)
	}
	return s, nil
}

// Create puts a new ticket, and what the app sent for it, on disk, in state Accepted, and returns it as it is there. The
// caller sets what the app said, and ID, Generation, Owner and Lease; Created is now if it is zero. If err is not nil
// there is no ticket, and nothing may be sent for it. It is ErrExists if the id is taken.
func (s *Store) Create(ctx context.Context, t Ticket, body switchyard.Blob) (Ticket, error) {
	if t.ID == "" || t.Owner == "" {
		return Ticket{}, fmt.Errorf("ticket %q of owner %q: %w: both are needed", t.ID, t.Owner, ErrIllegal)
	}
	if len(t.Request) > s.max {
		return Ticket{}, fmt.Errorf("ticket %s: request of %d bytes: %w", t.ID, len(t.Request), ErrTooLarge)
	}
	if t.Created.IsZero() {
		t.Created = time.Now().UTC()
	}
	t.State, t.Version = Accepted, 1
	t.Started, t.Completed, t.Expires = time.Time{}, time.Time{}, t.Created.Add(s.ttl)
	t.Target, t.Job, t.Outcome, t.Cancel, t.Result = "", "", "", false, nil
	row, err := s.save(t.ID, body)
	if errors.Is(err, fs.ErrExist) {
		return t, fmt.Errorf("ticket %s: %w", t.ID, ErrExists)
	}
	if err != nil {
		return Ticket{}, fmt.Errorf("ticket %s: %w", t.ID, err)
	}
	list, err := s.query(ctx, `INSERT INTO tickets (`+columns+`, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING RETURNING `+columns, append(values(t), row)...)
	if err != nil {
		s.drop(t.ID)
		return Ticket{}, fmt.Errorf("ticket %s: %w", t.ID, err)
	}
	if len(list) == 0 {
		if row == nil {
			s.drop(t.ID) // the other ticket of that id is done, or it would have had a file
		}
		return t, fmt.Errorf("ticket %s: %w", t.ID, ErrExists)
	}
	s.drop(t.ID + endSuffix) // left by an earlier ticket of the same id that has been deleted
	return list[0], nil
}

// Get returns a ticket of a tenant. For another tenant's the error is that of one that never existed.
func (s *Store) Get(ctx context.Context, tenant, id string) (Ticket, error) {
	return s.one(s.query(ctx, `SELECT `+columns+` FROM tickets WHERE id = ? AND tenant = ?`, id, tenant))
}

// Cancel marks a ticket as not wanted any more, and wakes whoever waits for it, its owner among them. A ticket that is
// done stays as it is.
func (s *Store) Cancel(ctx context.Context, tenant, id string) (Ticket, error) {
	list, err := s.query(ctx, `UPDATE tickets SET cancel = 1, version = version + 1
WHERE id = ? AND tenant = ? AND cancel = 0 AND state <> 'done' RETURNING `+columns, id, tenant)
	if err != nil || len(list) > 0 {
		s.bells.ring(id)
		return s.one(list, err)
	}
	return s.Get(ctx, tenant, id)
}

func (s *Store) one(list []Ticket, err error) (Ticket, error) {
	switch {
	case err != nil:
		return Ticket{}, fmt.Errorf("tickets: %w", err)
	case len(list) == 0:
		return Ticket{}, notFound()
	}
	return list[0], nil
}

// Prune deletes tickets that are done and have expired at the time now, and returns how many.
func (s *Store) Prune(ctx context.Context, now time.Time) (int, error) {
	res, err := s.db.ExecContext(ctx, `DELETE FROM tickets WHERE state = 'done' AND expires <= ?`, nanos(now))
	if err != nil {
		return 0, fmt.Errorf("prune tickets: %w", err)
	}
	n, err := res.RowsAffected()
	return int(n), err
}
