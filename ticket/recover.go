package ticket

import (
	"context"
	"fmt"
	"time"

	"switchyard"
)

// Claim says whose tickets are taken over.
type Claim struct {
	Owner string    // the new one
	Lease time.Time // until when
	// Dead is the time at which an owner counts as dead if its lease has ended. Zero: every other owner is dead, which
	// is so for a process that is alone with its file.
	Dead time.Time
}

// Recovered is what dead owners left, by what is to be done about it.
type Recovered struct {
	Run      []Ticket // accepted: nothing was sent, so they can be begun
	Reattach []Ticket // held: the provider has a job, which is to be asked for
	Lost     []Ticket // were sending: done now, with outcome lost, for a second request might be charged again
}

// Recover takes over the tickets of dead owners. Lost ones may have been charged: that is the ledger's to say.
func (s *Store) Recover(ctx context.Context, c Claim) (r Recovered, err error) {
	now := nanos(time.Now())
	lost, err := s.query(ctx, `UPDATE tickets SET version = version + 1, state = 'done', outcome = ?1, completed = ?2, owner = ?3
WHERE state = 'sending' AND owner <> ?3 AND (?4 = 0 OR lease < ?4) RETURNING `+columns,
		string(switchyard.Lost), now, c.Owner, nanos(c.Dead))
	if err != nil {
		return r, fmt.Errorf("recover tickets: %w", err)
	}
	taken, err := s.query(ctx, `UPDATE tickets SET version = version + 1, owner = ?1, lease = ?2
WHERE state IN ('accepted', 'held') AND owner <> ?1 AND (?3 = 0 OR lease < ?3) RETURNING `+columns,
		c.Owner, nanos(c.Lease), nanos(c.Dead))
	if err != nil {
		return r, fmt.Errorf("recover tickets: %w", err)
	}
	r.Lost = lost
	for _, t := range taken {
		if t.State == Held {
			r.Reattach = append(r.Reattach, t)
		} else {
			r.Run = append(r.Run, t)
		}
		s.bells.ring(t.ID)
	}
	for _, t := range lost {
		s.bells.ring(t.ID)
	}
	return r, nil
}
