package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"switchyard/ledger"
)

// oneAtATime makes other processes wait until the transaction ends before they apply a batch or prune. They add to the same
// sums anyway, and between reading that a row is not there and writing it nobody else may write it. The number is an
// arbitrary one that nobody else uses.
const oneAtATime = `SELECT pg_advisory_xact_lock(7949127032)`

// Apply carries out a batch in one transaction. All its statements are sent at once: the way to the server and back may
// take longer than all of them together.
func (s *Store) Apply(ctx context.Context, b ledger.Batch) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout) // a server that has died may never answer
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
