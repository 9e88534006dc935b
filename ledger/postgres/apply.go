package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"switchyard/ledger"
)

// oneAtATime makes batches of other processes wait until the transaction ends, and whoever forgets what is old. They add to
// the same sums anyway, and a row that is read and not there must not come from somebody else before it is written. The
// number is any that nobody else takes.
const oneAtATime = `SELECT pg_advisory_xact_lock(7949127032)`

// Apply carries out a batch in one transaction. All its statements are sent at once: the way to the server and back may
// take longer than all of them together.
func (s *Store) Apply(ctx context.Context, b ledger.Batch) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout) // a server that is gone may not say so
	defer cancel()
	conn, err := s.Write.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	if _, err := tx.ExecContext(ctx, oneAtATime); err != nil {
		return err
	}
	var all pgx.Batch
	err = s.Plan(ctx, tx, b, func(query string, values []any) error {
		for i, v := range values {
			if v, ok := v.(string); ok {
				values[i] = text(v)
			}
		}
		all.Queue(query, values...)
		return nil
	})
	if err != nil {
		return err
	}
	err = conn.Raw(func(driver any) error {
		c, ok := driver.(*stdlib.Conn)
		if !ok {
			return errors.New("a connection that is not PostgreSQL's")
		}
		return c.Conn().SendBatch(ctx, &all).Close()
	})
	if err != nil {
		return err
	}
	return tx.Commit()
}
