package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"iter"

	"switchyard"
	"switchyard/ledger"
)

// Plan calls do with the statements that carry out a batch, in order. The caller has one transaction for these and for tx, and lets nobody
// else apply a batch before it ends. After an error nothing of the batch must be carried out. All rows are read before any is written: what
// a row added to the sums before is taken out of them, so that a record may be applied twice, or corrected by a later one.
func (t Technology) Plan(ctx context.Context, tx *sql.Tx, b ledger.Batch, do func(text string, values []any) error) error {
	p, records := plan{Technology: t, changes: changes{}, do: do}, b.Final()
	var err error
	if p.attempts, err = t.attemptsBefore(ctx, tx, records); err != nil {
		return fmt.Errorf("read attempts: %w", err)
	}
	if p.generations, err = t.generationsBefore(ctx, tx, records); err != nil {
		return fmt.Errorf("read generations: %w", err)
	}
	for r := range records {
		if err := p.record(r); err != nil {
			return fmt.Errorf("%s record %d: %w", r.Kind, r.Index, err)
		}
	}
	if err := p.changes.write(do); err != nil {
		return fmt.Errorf("sums: %w", err)
	}
	return do(setApplied, []any{b.Journal, int64(b.Last)})
}

// plan is a batch on its way to statements. Its rows are as they will be after the records planned so far.
type plan struct {
	Technology
	attempts    map[attemptKey]part
	generations map[string]part // :: id → row
	changes     changes
	do          func(text string, values []any) error
}

type attemptKey struct{ generation, id string }

func (p *plan) record(r *ledger.Record) error {
	switch r.Kind {
	case ledger.Opened, ledger.Held, ledger.Settled:
		return p.attempt(r)
	case ledger.Begun, ledger.Ended:
		return p.generation(r)
	case ledger.Damaged:
		return nil
	}
	return fmt.Errorf("unknown kind %q", r.Kind)
}

func (p *plan) attempt(r *ledger.Record) error {
	a := attemptOf(r)
	key := attemptKey{a.Generation, a.ID}
	was, there := p.attempts[key]
	if r.Kind == ledger.Settled || !there {
		is := partOfAttempt(a)
		if there {
			is.started = was.started
		}
		p.changes.replace(false, was, is)
		p.attempts[key] = is
	}
	text := openAttempt
	switch r.Kind {
	case ledger.Held:
		text = holdAttempt
	case ledger.Settled:
		text = settleAttempt
	}
	return p.do(text, p.attemptValues(&a, r.Epoch))
}

func (p *plan) generation(r *ledger.Record) error {
	g := generationOf(r)
	was, there := p.generations[g.ID]
	if r.Kind == ledger.Ended || !there {
		is := partOfGeneration(g)
		if there {
			is.started = was.started
		}
		p.changes.replace(true, was, is)
		p.generations[g.ID] = is
	}
	text := beginGeneration
	if r.Kind == ledger.Ended {
		text = endGeneration
	}
	return p.do(text, p.generationValues(&g, r.Epoch))
}

// attemptsBefore reads the rows of a batch's attempts as they are now.
func (t Technology) attemptsBefore(ctx context.Context, tx *sql.Tx, records iter.Seq[*ledger.Record]) (map[attemptKey]part, error) {
	var keys [][2]string
	for r := range records {
		if r.Attempt.ID != "" {
			keys = append(keys, [2]string{r.Attempt.Generation, r.Attempt.ID})
		}
	}
	if len(keys) == 0 {
		return map[attemptKey]part{}, nil
	}
	list, _ := json.Marshal(keys) // of strings: cannot fail
	rows, err := tx.QueryContext(ctx, `SELECT x.generation, x.id, x.started, x.provider, x.target, x.outcome, x.images, x.latency, x.cost, x.basis, x.charge
FROM `+t.Entries+` JOIN attempts x ON x.generation = k.value ->> 0 AND x.id = k.value ->> 1`, string(list))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	m := map[attemptKey]part{}
	for rows.Next() {
		var key attemptKey
		var p part
		if err := rows.Scan(append([]any{&key.generation, &key.id}, p.fields()...)...); err != nil {
			return nil, err
		}
		m[key] = p
	}
	return m, rows.Err()
}

// generationsBefore reads the rows of a batch's generations as they are now.
func (t Technology) generationsBefore(ctx context.Context, tx *sql.Tx, records iter.Seq[*ledger.Record]) (map[string]part, error) {
	var keys [][1]string
	for r := range records {
		if r.Generation.ID != "" {
			keys = append(keys, [1]string{r.Generation.ID})
		}
	}
	if len(keys) == 0 {
		return map[string]part{}, nil
	}
	list, _ := json.Marshal(keys) // of strings: cannot fail
	rows, err := tx.QueryContext(ctx, `SELECT x.kind, x.id, x.started, '', x.route, x.outcome, x.delivered, x.latency, x.cost, x.basis, x.charge
FROM `+t.Entries+` JOIN generations x ON x.id = k.value ->> 0`, string(list))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	m := map[string]part{}
	for rows.Next() {
		var kind, id string
		var p part
		if err := rows.Scan(append([]any{&kind, &id}, p.fields()...)...); err != nil {
			return nil, err
		}
		p.outside = kind == passthrough
		m[id] = p
	}
	return m, rows.Err()
}

// fields are what a row is scanned into.
func (p *part) fields() []any {
	return []any{&p.started, &p.provider, &p.name, &p.outcome, &p.images, &p.latency, (*known)(&p.cost.Amount), &p.cost.Basis, &p.cost.Charge}
}

// known is money in a column that is NULL if nobody knows it.
type known switchyard.Money

// Scan takes NULL for zero: the basis beside it says that nobody knows.
func (m *known) Scan(v any) error {
	var n sql.NullInt64
	err := n.Scan(v)
	*m = known(n.Int64)
	return err
}
