package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"switchyard"
	"switchyard/ledger"
)

// leftOpen is the condition by which Unfinished finds rows of either table. $1 is the epoch of the asking process, $2 what all
// epochs of its journal begin with, $3 the time before which another journal's rows must have started.
const leftOpen = `outcome = '' AND epoch <> $1 AND (substr(epoch, 1, length($2)) = $2 OR epoch NOT LIKE '%.%' OR started < $3)`

// What is unfinished. Both statements begin with the few rows that are open, which have an index of their own. If SQLite were free
// to begin with the other rows, a start would read the whole ledger.
const (
	openAttempts = `WITH left_open AS MATERIALIZED (SELECT generation, started FROM attempts WHERE ` + leftOpen + `) `

	unfinished = openAttempts + `SELECT ` + generationColumns + ` FROM generations g
WHERE g.id IN (SELECT id FROM generations WHERE ` + leftOpen + ` UNION ALL SELECT generation FROM left_open) ORDER BY g.started, g.id`

	unfinishedAlone = openAttempts + `SELECT a.generation, MIN(a.started) FROM left_open a
WHERE NOT EXISTS (SELECT 1 FROM generations g WHERE g.id = a.generation) GROUP BY a.generation ORDER BY MIN(a.started)`
)

// Unfinished lists what nobody works on any more. For attempts whose generation has no row it makes up one, of which it knows no
// more than they tell.
func (s *Store) Unfinished(ctx context.Context, epoch string, before time.Time) ([]ledger.Account, error) {
	values := []any{epoch, ledger.JournalOf(epoch) + ".", nanos(before)}
	list, err := collect(ctx, s.Read, scanAccount, unfinished, values...)
	if err != nil {
		return nil, err
	}
	alone, err := collect(ctx, s.Read, scanAlone, unfinishedAlone, values...)
	if err != nil {
		return nil, err
	}
	list = append(list, alone...)
	for i := range list {
		if list[i].Attempts, err = s.attempts(ctx, list[i].Generation.ID); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func scanAlone(rows *sql.Rows) (acc ledger.Account, err error) {
	var started int64
	err = rows.Scan(&acc.Generation.ID, &started)
	acc.Generation.Kind, acc.Generation.Started = "generation", timeOf(started)
	return acc, err
}

// Rate keeps what an app thinks of one of its generations; the last word counts. Another tenant's generation is not
// found. It writes to the database at once: an opinion is not money.
func (s *Store) Rate(ctx context.Context, tenant, generation, rating string) error {
	if rating != ledger.ThumbsUp && rating != ledger.ThumbsDown {
		return switchyard.Invalid("rating", "want %s or %s", ledger.ThumbsUp, ledger.ThumbsDown)
	}
	res, err := s.Write.ExecContext(ctx, `INSERT INTO ratings (generation, rating, rated_at)
SELECT id, $1, $2 FROM generations WHERE id = $3 AND tenant = $4
ON CONFLICT (generation) DO UPDATE SET rating = excluded.rating, rated_at = excluded.rated_at`,
		rating, s.Created(time.Now()), s.text(generation), tenant)
	if err != nil {
		return fmt.Errorf("rate: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return ledger.ErrNotFound
	}
	return nil
}

// Prune deletes generations that started and ended before the given time, with their attempts and ratings, at most limit of them,
// so that the applier is not kept waiting; it returns how many. A generation with a running attempt stays. The sums keep what a
// deleted row added to them; they are deleted by their own age: those of hours when they are older than before, those of shorter
// spans after ledger.MinutesKept.
func (s *Store) Prune(ctx context.Context, before time.Time, limit int) (int, error) {
	tx, err := s.Write.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	if s.Turn != "" {
		// Each statement below finds by itself what is old, and all must find the same.
		if _, err := tx.ExecContext(ctx, s.Turn); err != nil {
			return 0, fmt.Errorf("prune: %w", err)
		}
	}
	old := `(SELECT id FROM generations g WHERE started < $1 AND outcome <> ''
	AND NOT EXISTS (SELECT 1 FROM attempts WHERE generation = g.id AND outcome = '') ORDER BY started, id LIMIT $2)`
	n := int64(0)
	for _, q := range []string{
		`DELETE FROM ratings WHERE generation IN ` + old,
		`DELETE FROM attempts WHERE generation IN ` + old,
		`DELETE FROM generations WHERE id IN ` + old,
	} {
		res, err := tx.ExecContext(ctx, q, nanos(before), limit)
		if err != nil {
			return 0, fmt.Errorf("prune: %w", err)
		}
		if n, err = res.RowsAffected(); err != nil {
			return 0, err
		}
	}
	for _, table := range []string{"target_sums", "route_sums"} {
		for _, span := range ledger.Spans {
			oldest := before.Truncate(time.Hour)
			if kept := time.Now().Add(-ledger.MinutesKept); span < time.Hour && kept.After(oldest) {
				oldest = kept
			}
			if _, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE span = $1 AND at < $2`, int64(span), nanos(oldest)); err != nil {
				return 0, fmt.Errorf("prune sums: %w", err)
			}
		}
	}
	return int(n), tx.Commit()
}
