package hook

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

// Insert writes notices in the caller's transaction: if it commits, they are sent, in this order, after those that
// were inserted before. A notice whose ID is there already is left as it is. The caller calls Wake after the commit.
//
// It uses no connection but the transaction's, so it may be called where there is only one.
func (h *Hooks) Insert(ctx context.Context, tx *sql.Tx, notices ...Notice) error {
	fresh := map[string]bool{} // :: ticket → has a new notice
	for _, n := range notices {
		if n.ID == "" || n.Ticket == "" || n.URL == "" {
			return fmt.Errorf("notice %q of ticket %q: %w", n.ID, n.Ticket, ErrIncomplete)
		}
		added, err := insert(ctx, tx, n, h.conf.Now())
		if err != nil {
			return fmt.Errorf("notice %q: %w", n.ID, err)
		}
		if added {
			fresh[n.Ticket] = true
		}
	}
	if err := h.enqueue(ctx, tx, slices.Sorted(maps.Keys(fresh))); err != nil {
		return fmt.Errorf("notices: %w", err)
	}
	return nil
}

// Wake tells River that there is something to do. It never waits. Without it, a new notice waits up to Config.Poll.
func (h *Hooks) Wake() { h.bell.ring() }

// enqueue makes sure that each of the tickets has a job.
func (h *Hooks) enqueue(ctx context.Context, tx *sql.Tx, tickets []string) error {
	if len(tickets) == 0 {
		return nil // River would return an error for an empty list
	}
	jobs := make([]river.InsertManyParams, len(tickets))
	for i, ticket := range tickets {
		jobs[i] = river.InsertManyParams{Args: args{Ticket: ticket}}
	}
	_, err := h.river.InsertManyTx(ctx, tx, jobs)
	return err
}

// args are the arguments of a job: only the name of the ticket, for River keeps and may log them.
type args struct {
	Ticket string `json:"ticket" river:"unique"`
}

const kind = "ticket_notices"

// Kind is for River.
func (args) Kind() string { return kind }

// InsertOpts is for River. A ticket has one job until that has found all notices ended, and another one afterwards.
func (args) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: kind, UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: []rivertype.JobState{
		rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable,
		rivertype.JobStateRunning, rivertype.JobStateScheduled,
	}}}
}
