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
	// Jobs are of requests that were answered with a job just before the end: the ledger knows it, the ticket did not yet.
	Jobs map[string]string // :: generation → the provider's id
}

// Recovered is what dead owners left, by what is to be done about it.
type Recovered struct {
	Run      []Ticket // accepted: nothing was sent, so they can be begun
	Reattach []Ticket // held: the provider has a job, which is to be asked for
	Lost     []Ticket // were sending: to be ended as lost, for a second request might be charged again
}

// Recover takes over the tickets of dead owners. Lost ones may have been charged: that is the ledger's to say. Whoever
// calls it ends them.
func (s *Store) Recover(ctx context.Context, c Claim) (r Recovered, err error) {
	for generation, job := range c.Jobs {
		_, err := s.db.ExecContext(ctx, `UPDATE tickets SET version = version + 1, state = 'held', job = ?1
WHERE generation = ?2 AND state = 'sending' AND owner <> ?3 AND (?4 = 0 OR lease < ?4)`, job, generation, c.Owner, nanos(c.Dead))
		if err != nil {
			return r, fmt.Errorf("recover tickets: %w", err)
		}
	}
	taken, err := s.query(ctx, `UPDATE tickets SET version = version + 1, owner = ?1, lease = ?2
WHERE state <> 'done' AND owner <> ?1 AND (?3 = 0 OR lease < ?3) RETURNING `+columns,
		c.Owner, nanos(c.Lease), nanos(c.Dead))
	if err != nil {
		return r, fmt.Errorf("recover tickets: %w", err)
	}
	for _, t := range taken {
		switch t.State {
		case Held:
			r.Reattach = append(r.Reattach, t)
		case Accepted:
			r.Run = append(r.Run, t)
		default:
			r.Lost = append(r.Lost, t)
		}
		s.bells.ring(t.ID)
	}
	return r, nil
}
