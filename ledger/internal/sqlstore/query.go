package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"switchyard"
	"switchyard/ledger"
)

// Applied returns the index up to which the journal's records have been applied; 0 if none have.
func (s *Store) Applied(ctx context.Context, journal string) (uint64, error) {
	var idx int64
	err := s.Write.QueryRowContext(ctx, `SELECT idx FROM applied WHERE journal = $1`, journal).Scan(&idx)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return uint64(idx), err
}

const attemptColumns = `a.id, a.generation, a.number, a.part, a.target, a.provider, a.model, a.started, a.latency, a.stage,
	a.outcome, a.status, a.images, a.estimate, a.estimate_basis, a.cost, a.basis, a.charge, a.job`

func scanAttempt(rows *sql.Rows) (a switchyard.Attempt, err error) {
	var started int64
	var estimate, cost sql.NullInt64
	err = rows.Scan(&a.ID, &a.Generation, &a.Number, &a.Part, &a.Target, &a.Provider, &a.Model, &started, &a.Latency, &a.Stage,
		&a.Outcome, &a.Status, &a.Images, &estimate, &a.Estimate.Basis, &cost, &a.Cost.Basis, &a.Cost.Charge, &a.Job)
	a.Started = timeOf(started)
	a.Estimate.Amount, a.Cost.Amount = switchyard.Money(estimate.Int64), switchyard.Money(cost.Int64)
	return a, err
}

const generationColumns = `g.id, g.request_id, g.tenant, g.key_name, g.kind, g.dialect, g.path, g.model, g.route, g.variant,
	g.started, g.latency, g.outcome, g.target, g.provider, g.served, g.attempts, g.asked, g.delivered, g.cost, g.basis,
	g.charge, g.fidelity, g.prompt, g.labels, g.tier, g.shape, g.hosted,
	COALESCE((SELECT rating FROM ratings r WHERE r.generation = g.id), '')`

func scanAccount(rows *sql.Rows) (acc ledger.Account, err error) {
	var started int64
	var cost sql.NullInt64
	var labels []byte
	var hosted string
	g := &acc.Generation
	err = rows.Scan(&g.ID, &g.RequestID, &g.Tenant, &g.Key, &g.Kind, &g.Dialect, &g.Path, &g.Model, &g.Route, &g.Variant,
		&started, &g.Latency, &g.Outcome, &g.Target, &g.Provider, &g.Served, &g.Attempts, &g.Asked, &g.Delivered, &cost,
		&g.Cost.Basis, &g.Cost.Charge, &g.Fidelity, &g.Prompt, &labels, &g.Tier, &g.Shape, &hosted, &acc.Rating)
	if err != nil {
		return acc, err
	}
	g.Started, g.Cost.Amount = timeOf(started), switchyard.Money(cost.Int64)
	if hosted != "" {
		g.Hosted = strings.Split(hosted, " ")
	}
	return acc, json.Unmarshal(labels, &g.Labels)
}

func timeOf(nanos int64) time.Time {
	if nanos == 0 {
		return time.Time{}
	}
	return time.Unix(0, nanos).UTC()
}

// collect runs a query and scans each row.
func collect[T any](ctx context.Context, db *sql.DB, scan func(*sql.Rows) (T, error), query string, args ...any) ([]T, error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, rows.Err()
}

// attempts returns those of a generation, in the order tried.
func (s *Store) attempts(ctx context.Context, generation string) ([]switchyard.Attempt, error) {
	return collect(ctx, s.Read, scanAttempt,
		`SELECT `+attemptColumns+` FROM attempts a WHERE a.generation = $1 ORDER BY a.number, a.part, a.started`, generation)
}

// Generation returns one generation with its attempts, ErrNotFound if there is none. It does not ask whose it is: see
// Account.
func (s *Store) Generation(ctx context.Context, id string) (ledger.Account, error) {
	return s.one(ctx, `SELECT `+generationColumns+` FROM generations g WHERE g.id = $1`, s.text(id))
}

// Account returns one generation of a tenant; another tenant's is ErrNotFound.
func (s *Store) Account(ctx context.Context, tenant, id string) (ledger.Account, error) {
	return s.one(ctx, `SELECT `+generationColumns+` FROM generations g WHERE g.id = $1 AND g.tenant = $2`, s.text(id), tenant)
}

func (s *Store) one(ctx context.Context, query string, args ...any) (acc ledger.Account, err error) {
	list, err := collect(ctx, s.Read, scanAccount, query, args...)
	if err != nil {
		return acc, err
	}
	if len(list) == 0 {
		return acc, ledger.ErrNotFound
	}
	acc = list[0]
	acc.Attempts, err = s.attempts(ctx, acc.Generation.ID)
	return acc, err
}

// Generations lists a page of generations, the newest first, without their attempts. A page costs the same however far back
// it is: the index of times begins where the page does. A search for an app's own id reads the whole span: an index over
// those ids would cost every new row a page on disk, for a question that is asked once in a while.
func (s *Store) Generations(ctx context.Context, p ledger.Page) ([]ledger.Account, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	since, until := bounds(p.Span)
	last := until - 1
	if !p.After.Started.IsZero() {
		last = min(last, nanos(p.After.Started))
	}
	return collect(ctx, s.Read, scanAccount, `SELECT `+generationColumns+` FROM generations g
WHERE g.started >= $1 AND g.started <= $2 AND (g.started <> $3 OR g.id > $4) AND ($5 = '' OR g.request_id = $5)
ORDER BY g.started DESC, g.id LIMIT $6`, since, last, nanos(p.After.Started), s.text(p.After.ID), s.text(p.RequestID), p.Limit)
}

// Rows lists attempts that started at since or later, newest first.
func (s *Store) Rows(ctx context.Context, since time.Time, limit int) ([]ledger.Row, error) {
	return collect(ctx, s.Read, scanRow, selectRows+` WHERE a.started >= $1 ORDER BY a.started DESC, a.id LIMIT $2`, nanos(since), limit)
}

const selectRows = `SELECT a.id, a.generation, COALESCE(g.request_id, ''), a.started,
	COALESCE(g.route, ''), a.target, a.provider, a.model, COALESCE(g.variant, ''), a.outcome, a.cost, a.basis, a.charge,
	a.images, a.latency
FROM attempts a LEFT JOIN generations g ON g.id = a.generation`

func scanRow(rows *sql.Rows) (r ledger.Row, err error) {
	var at int64
	var cost sql.NullInt64
	err = rows.Scan(&r.ID, &r.Generation, &r.RequestID, &at, &r.Route, &r.Target, &r.Provider, &r.Model, &r.Variant,
		&r.Outcome, &cost, &r.Cost.Basis, &r.Cost.Charge, &r.Images, &r.Latency)
	r.At, r.Cost.Amount = timeOf(at), switchyard.Money(cost.Int64)
	return r, err
}

// Totals sums the attempts that started at since or later, and before until, by provider. Attempts that still run count,
// too: their money may be spent.
func (s *Store) Totals(ctx context.Context, since, until time.Time) ([]ledger.Total, error) {
	return collect(ctx, s.Read, scanTotal, `SELECT provider, COUNT(*), COUNT(*) FILTER (WHERE outcome = 'ok'),
	COUNT(*) FILTER (WHERE `+neither+`), SUM(images),
	COALESCE(SUM(cost), 0), COALESCE(SUM(cost) FILTER (WHERE charge = 'possible'), 0),
	COUNT(*) FILTER (WHERE cost IS NULL AND charge <> 'none'), COALESCE(SUM(latency) FILTER (WHERE outcome = 'ok'), 0)
FROM attempts WHERE started >= $1 AND started < $2 GROUP BY provider ORDER BY provider`, nanos(since), nanos(until))
}

func scanTotal(rows *sql.Rows) (t ledger.Total, err error) {
	err = rows.Scan(&t.Provider, &t.Attempts, &t.OK, &t.Neither, &t.Images, &t.Cost, &t.Possible, &t.Unknown, &t.Mean)
	t.Mean /= time.Duration(max(t.OK, 1))
	return t, err
}

// Check adds the whole ledger up, both ways. Generations that run, that have a running attempt, or whose cost is unknown
// are left out of both sums.
func (s *Store) Check(ctx context.Context) (c ledger.Check, err error) {
	const sums = `WITH sums (id, told, sum) AS (
	SELECT g.id, g.cost, COALESCE(SUM(CASE a.charge WHEN 'none' THEN 0 ELSE a.cost END), 0)
	FROM generations g LEFT JOIN attempts a ON a.generation = g.id
	WHERE g.outcome <> '' AND g.cost IS NOT NULL
	GROUP BY g.id HAVING COUNT(*) FILTER (WHERE a.outcome = '') = 0) `
	err = s.Read.QueryRowContext(ctx, sums+`SELECT COALESCE(SUM(told), 0), COALESCE(SUM(sum), 0) FROM sums`).
		Scan(&c.Generations, &c.Attempts)
	if err != nil {
		return c, fmt.Errorf("add up: %w", err)
	}
	id := func(rows *sql.Rows) (v string, err error) { err = rows.Scan(&v); return v, err }
	c.Wrong, err = collect(ctx, s.Read, id, sums+`SELECT id FROM sums WHERE told <> sum ORDER BY id LIMIT 100`)
	if err != nil {
		return c, fmt.Errorf("find what is wrong: %w", err)
	}
	err = s.Read.QueryRowContext(ctx, `SELECT COUNT(*) FROM attempts WHERE outcome = ''`).Scan(&c.Running)
	if err != nil {
		return c, fmt.Errorf("count what runs: %w", err)
	}
	return c, nil
}
