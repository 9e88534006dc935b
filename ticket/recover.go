package ticket

import (
	"context"
	"fmt"
	"time"
)

// Claim says whose tickets are taken over.
type Claim struct {
	Owner string    // the new one
	Lease time.Time // until when
	// Dead is the time at which an owner counts as dead if its lease has ended. Zero: every other owner is dead, which
	// is so for a process that is alone with its file.
	Dead time.Time
}

// Recover takes over the tickets that dead owners left undone, and returns them as they are. A ticket whose end was set
// aside has its Outcome and Result: the caller moves it to Done with these.
func (s *Store) Recover(ctx context.Context, c Claim) ([]Ticket, error) {
	taken, err := s.query(ctx, `UPDATE tickets SET version = version + 1, owner = ?1, lease = ?2
WHERE state <> 'done' AND owner <> ?1 AND (?3 = 0 OR lease < ?3) RETURNING `+columns,
		c.Owner, nanos(c.Lease), nanos(c.Dead))
	if err != nil {
		return nil, fmt.Errorf("recover tickets: %w", err)
	}
	for i := range taken {
		t := &taken[i]
		if end, ok := s.aside(t.ID); ok {
			t.Outcome, t.Result = end.Outcome, end.Result
		}
		s.bells.ring(t.ID)
	}
	return taken, nil
}
