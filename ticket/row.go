package ticket

import (
	"context"
	"database/sql"
	"time"
)

const columns = `id, tenant, dialect, model, generation, state, owner, lease, target, job, created, started, completed,
	expires, outcome, cancel, version, request, result`

func values(t Ticket) []any {
	return []any{
		t.ID, t.Tenant, t.Dialect, t.Model, t.Generation, string(t.State), t.Owner, nanos(t.Lease), t.Target, t.Job,
		nanos(t.Created), nanos(t.Started), nanos(t.Completed), nanos(t.Expires), string(t.Outcome), t.Cancel, t.Version,
		t.Request, t.Result,
	}
}

// query runs a statement that yields whole tickets.
func (s *Store) query(ctx context.Context, text string, args ...any) ([]Ticket, error) {
	return query(ctx, s.db, text, args...)
}

// database is a *sql.DB or a *sql.Tx.
type database interface {
	QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error)
}

func query(ctx context.Context, db database, text string, args ...any) ([]Ticket, error) {
	rows, err := db.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []Ticket
	for rows.Next() {
		t, err := scan(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	return list, rows.Err()
}

func scan(rows *sql.Rows) (t Ticket, err error) {
	var lease, created, started, completed, expires int64
	err = rows.Scan(&t.ID, &t.Tenant, &t.Dialect, &t.Model, &t.Generation, &t.State, &t.Owner, &lease, &t.Target, &t.Job,
		&created, &started, &completed, &expires, &t.Outcome, &t.Cancel, &t.Version, &t.Request, &t.Result)
	t.Lease, t.Created, t.Started = timeOf(lease), timeOf(created), timeOf(started)
	t.Completed, t.Expires = timeOf(completed), timeOf(expires)
	return t, err
}

func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func timeOf(nanos int64) time.Time {
	if nanos == 0 {
		return time.Time{}
	}
	return time.Unix(0, nanos).UTC()
}
