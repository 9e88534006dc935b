package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"switchyard"
	"switchyard/ledger"
)

// The statements that records become. Each tells all columns, so that a row is whole even if an earlier record of the
// same subject was destroyed. The epoch is that of the process that opened the row.
const (
	insertAttempt = `INSERT INTO attempts (id, generation, epoch, number, part, target, provider, model, started, created_at,
	latency, stage, outcome, status, images, estimate, estimate_basis, cost, basis, charge, job)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (generation, id) DO `

	holdAttempt = insertAttempt + `UPDATE SET job = excluded.job`

	settleAttempt = insertAttempt + `UPDATE SET target = excluded.target, provider = excluded.provider, model = excluded.model,
	latency = excluded.latency, stage = excluded.stage, outcome = excluded.outcome, status = excluded.status,
	images = excluded.images, cost = excluded.cost, basis = excluded.basis, charge = excluded.charge,
	job = CASE excluded.job WHEN '' THEN job ELSE excluded.job END`

	insertGeneration = `INSERT INTO generations (id, epoch, request_id, tenant, key_name, kind, dialect, path, model, route,
	variant, started, created_at, latency, outcome, target, provider, served, attempts, asked, delivered, cost, basis, charge,
	fidelity, prompt, labels)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO `

	endGeneration = insertGeneration + `UPDATE SET request_id = excluded.request_id, tenant = excluded.tenant,
	key_name = excluded.key_name, kind = excluded.kind, dialect = excluded.dialect, path = excluded.path,
	model = excluded.model, route = excluded.route, variant = excluded.variant, latency = excluded.latency,
	outcome = excluded.outcome, target = excluded.target, provider = excluded.provider, served = excluded.served,
	attempts = excluded.attempts, asked = excluded.asked, delivered = excluded.delivered, cost = excluded.cost,
	basis = excluded.basis, charge = excluded.charge, fidelity = excluded.fidelity, prompt = excluded.prompt,
	labels = excluded.labels`

	setApplied = `INSERT INTO applied (journal, idx) VALUES (?, ?) ON CONFLICT (journal) DO UPDATE SET idx = excluded.idx`
)

// statements are those of Apply, prepared once on the one writing connection.
type statements struct {
	open, hold, settle, begin, end, applied *sql.Stmt
}

func prepare(ctx context.Context, db *sql.DB) (s statements, err error) {
	var errs []error
	one := func(text string) *sql.Stmt {
		st, err := db.PrepareContext(ctx, text)
		errs = append(errs, err)
		return st
	}
	s = statements{
		open: one(insertAttempt + "NOTHING"), hold: one(holdAttempt), settle: one(settleAttempt),
		begin: one(insertGeneration + "NOTHING"), end: one(endGeneration), applied: one(setApplied),
	}
	return s, errors.Join(errs...)
}

// Apply carries out a batch in one transaction.
func (s *Store) Apply(ctx context.Context, b ledger.Batch) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	// Only the transaction ends with ctx: for each statement with a context that can end, the driver starts a goroutine to
	// watch for that, which takes longer than the statement.
	one := context.WithoutCancel(ctx)
	for _, r := range b.Final() {
		if err := s.applyOne(one, tx, r); err != nil {
			return fmt.Errorf("%s record %d: %w", r.Kind, r.Index, err)
		}
	}
	if _, err := tx.StmtContext(one, s.apply.applied).ExecContext(one, b.Journal, int64(b.Last)); err != nil {
		return err
	}
	return tx.Commit()
}

func (s *Store) applyOne(ctx context.Context, tx *sql.Tx, r ledger.Record) (err error) {
	var st *sql.Stmt
	var values []any
	switch r.Kind {
	case ledger.Opened:
		st, values = s.apply.open, attemptValues(r)
	case ledger.Held:
		st, values = s.apply.hold, attemptValues(r)
	case ledger.Settled:
		st, values = s.apply.settle, attemptValues(r)
	case ledger.Begun, ledger.Ended:
		if st = s.apply.end; r.Kind == ledger.Begun {
			st = s.apply.begin
		}
		values = generationValues(r)
	case ledger.Damaged:
		return nil
	default:
		return fmt.Errorf("unknown kind %q", r.Kind)
	}
	_, err = tx.StmtContext(ctx, st).ExecContext(ctx, values...)
	return err
}

func attemptValues(r ledger.Record) []any {
	a := r.Attempt
	if r.Kind != ledger.Settled { // under way: what it may cost counts in full, whatever becomes of us
		a.Outcome = ""
		a.Cost = a.Estimate
		a.Cost.Charge = switchyard.ChargePossible
	}
	return []any{
		a.ID, a.Generation, r.Epoch, a.Number, a.Part, a.Target, a.Provider, a.Model, nanos(a.Started), created(a.Started),
		int64(a.Latency), int64(a.Stage), string(a.Outcome), a.Status, a.Images, amount(a.Estimate), string(a.Estimate.Basis),
		amount(a.Cost), string(a.Cost.Basis), string(a.Cost.Charge), a.Job,
	}
}

func generationValues(r ledger.Record) []any {
	g := r.Generation
	if r.Kind == ledger.Begun {
		g.Outcome = ""
	}
	labels, _ := json.Marshal(g.Labels) // of strings: cannot fail
	if g.Labels == nil {
		labels = []byte("{}")
	}
	return []any{
		g.ID, r.Epoch, g.RequestID, g.Tenant, g.Key, g.Kind, g.Dialect, g.Path, g.Model, g.Route, g.Variant,
		nanos(g.Started), created(g.Started), int64(g.Latency), string(g.Outcome), g.Target, g.Provider, g.Served,
		g.Attempts, g.Asked, g.Delivered, amount(g.Cost), string(g.Cost.Basis), string(g.Cost.Charge), g.Fidelity, g.Prompt,
		string(labels),
	}
}

// amount is NULL for a price that nobody knows, so that no SUM takes it for zero.
func amount(c switchyard.Cost) any {
	if c.Basis == switchyard.BasisUnknown {
		return nil
	}
	return int64(c.Amount)
}

// created is a time that SQLite's date functions take, that sorts as text, and that people can read.
func created(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000") }

func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}
