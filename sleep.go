package switchyard

import (
	"context"
	"time"
)

// Sleep lets time go by, and reports whether ctx had that much of it.
func Sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Pauses are those between two tries of something that has to succeed sooner or later: each is twice as long as the one
// before, up to a longest one. They are for one goroutine.
type Pauses struct{ next, longest time.Duration }

// Growing makes Pauses that begin with first.
func Growing(first, longest time.Duration) Pauses { return Pauses{first, longest} }

// Sleep is the next pause. It reports whether ctx had that much time.
func (p *Pauses) Sleep(ctx context.Context) bool {
	d := p.next
	p.next = min(2*d, p.longest)
	return Sleep(ctx, d)
}
