package hook

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

const (
	delivered = "delivered"
	givenUp   = "given up"
)

// querier is a database or a transaction in it.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// pending is a notice that has not ended.
type pending struct {
	Notice
	seq      int64
	attempts int
	due      time.Time
}

// insert reports whether the notice is new.
func insert(ctx context.Context, q querier, n Notice, now time.Time) (bool, error) {
	body := n.Body
	if body == nil {
		body = []byte{} // an empty blob, not NULL
	}
	res, err := q.ExecContext(ctx, `INSERT INTO ticket_notices (id, ticket, dialect, tenant, url, event, body, created)
VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`, n.ID, n.Ticket, n.Dialect, n.Tenant, n.URL, n.Event, body, now.UnixNano())
	if err != nil {
		return false, err
	}
	count, err := res.RowsAffected()
	return count > 0, err
}

// first returns the earliest notice of a ticket that has not ended.
func first(ctx context.Context, q querier, ticket string) (p pending, found bool, err error) {
	var due int64
	err = q.QueryRowContext(ctx, `SELECT seq, id, ticket, dialect, tenant, url, event, body, attempts, due FROM ticket_notices
WHERE ticket = ? AND ended = 0 ORDER BY seq LIMIT 1`, ticket).
		Scan(&p.seq, &p.ID, &p.Ticket, &p.Dialect, &p.Tenant, &p.URL, &p.Event, &p.Body, &p.attempts, &due)
	if errors.Is(err, sql.ErrNoRows) {
		return pending{}, false, nil
	}
	if err != nil {
		return pending{}, false, fmt.Errorf("notices of ticket %q: %w", ticket, err)
	}
	p.due = time.Unix(0, due)
	return p, true, nil
}

// end writes that nothing more is to be sent.
func (p pending) end(ctx context.Context, q querier, outcome string, now time.Time) error {
	return p.update(ctx, q, `UPDATE ticket_notices SET attempts = ?, ended = ?, outcome = ? WHERE seq = ?`, p.attempts, now.UnixNano(), outcome, p.seq)
}

// postpone writes when the next attempt is due.
func (p pending) postpone(ctx context.Context, q querier, due time.Time) error {
	return p.update(ctx, q, `UPDATE ticket_notices SET attempts = ?, due = ? WHERE seq = ?`, p.attempts, due.UnixNano(), p.seq)
}

func (p pending) update(ctx context.Context, q querier, text string, args ...any) error {
	if _, err := q.ExecContext(ctx, text, args...); err != nil {
		return fmt.Errorf("notice %q: %w", p.ID, err)
	}
	return nil
}

// Stats says what there is to do, and what has been done since New.
type Stats struct {
	Pending                      int       // notices that have not ended
	Oldest                       time.Time // when the oldest of these was inserted; zero if there is none
	Attempts, Delivered, GivenUp int64     // since New
}

// Stats counts the notices in the database.
func (h *Hooks) Stats(ctx context.Context) (Stats, error) {
	s := Stats{Attempts: h.attempts.Load(), Delivered: h.delivered.Load(), GivenUp: h.givenUp.Load()}
	var oldest int64
	err := h.conf.DB.QueryRowContext(ctx, `SELECT COUNT(*), COALESCE(MIN(created), 0) FROM ticket_notices WHERE ended = 0`).Scan(&s.Pending, &oldest)
	if err != nil {
		return Stats{}, fmt.Errorf("count notices: %w", err)
	}
	if s.Pending > 0 {
		s.Oldest = time.Unix(0, oldest).UTC()
	}
	return s, nil
}

// Prune deletes the notices that ended before a time, and returns how many. Until then their IDs are known, and their
// bodies, which hold results, are kept.
func (h *Hooks) Prune(ctx context.Context, before time.Time) (int64, error) {
	res, err := h.conf.DB.ExecContext(ctx, `DELETE FROM ticket_notices WHERE ended <> 0 AND ended < ?`, before.UnixNano())
	if err != nil {
		return 0, fmt.Errorf("prune notices: %w", err)
	}
	return res.RowsAffected()
}
