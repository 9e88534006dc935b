package hook

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riversqlite"
)

// Run delivers until ctx ends. Attempts under way then get Config.Grace to end; what is cut off is sent again by the
// next Run. It may be called again after it has returned, but not twice at a time.
func (h *Hooks) Run(ctx context.Context) error {
	err := h.takeOver(ctx)
	if err == nil {
		err = h.river.Start(ctx)
	}
	if err != nil && ctx.Err() != nil {
		return nil // ended before it began; the driver may return another error than the context's
	}
	if err != nil {
		return fmt.Errorf("hooks: %w", err)
	}
	<-h.river.Stopped() // returns a while after ctx has ended
	return nil
}

// takeOver makes sure that each ticket with open notices has a job that will run, whatever a crash left. River would
// wait an hour before it took a job for dead that counts as running.
func (h *Hooks) takeOver(ctx context.Context) error {
	tx, err := h.conf.DB.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	if _, err := tx.ExecContext(ctx, `UPDATE river_job SET state = 'available' WHERE state = 'running' AND kind = ?`, kind); err != nil {
		return err
	}
	tickets, err := open(ctx, tx)
	if err != nil {
		return err
	}
	if err := h.enqueue(ctx, tx, tickets); err != nil {
		return err
	}
	return tx.Commit()
}

// open returns the tickets with notices that have not ended.
func open(ctx context.Context, tx *sql.Tx) ([]string, error) {
	rows, err := tx.QueryContext(ctx, `SELECT DISTINCT ticket FROM ticket_notices WHERE ended = 0`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var tickets []string
	for rows.Next() {
		var ticket string
		if err := rows.Scan(&ticket); err != nil {
			return nil, err
		}
		tickets = append(tickets, ticket)
	}
	return tickets, rows.Err()
}

func (h *Hooks) driver() driver { return driver{riversqlite.New(h.conf.DB), h.bell} }

// client configures River to poll rarely, for the bell wakes it, and to keep finished jobs only for a moment.
func (h *Hooks) client() (*river.Client[*sql.Tx], error) {
	workers := river.NewWorkers()
	if err := river.AddWorkerSafely(workers, &worker{h: h}); err != nil {
		return nil, err
	}
	return river.NewClient(h.driver(), &river.Config{
		Logger:                      h.conf.Log,
		Queues:                      map[string]river.QueueConfig{kind: {MaxWorkers: h.conf.Workers}},
		Workers:                     workers,
		FetchCooldown:               min(h.conf.Poll, 50*time.Millisecond),
		FetchPollInterval:           h.conf.Poll,
		JobTimeout:                  10 * turn, // never reached: each attempt has a time limit of its own, and a turn ends
		RescueStuckJobsAfter:        time.Hour,
		SoftStopTimeout:             h.conf.Grace,
		CompletedJobRetentionPeriod: time.Minute,
		ReindexerIndexNames:         []string{}, // SQLite's indexes need no rebuilding
	})
}
