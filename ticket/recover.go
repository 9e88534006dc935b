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

// Recover takes over the tickets that dead owners left undone, as they stand.
func (s *Store) Recover(ctx context.Context, c Claim) ([]Ticket, error) {
	taken, err := s.query(ctx, `UPDATE tickets SET version = version + 1, owner = ?1, lease = ?2
WHERE state <> 'done' AND owner <> ?1 AND (?3 = 0 OR lease < ?3) RETURNING `+columns,
		c.Owner, nanos(c.Lease), nanos(c.Dead))
	if err != nil {
		return nil, fmt.Errorf("recover tickets: %w", err)
	}
	for _, t := range taken {
		s.bells.ring(t.ID)
	}
	return taken, nil
}
