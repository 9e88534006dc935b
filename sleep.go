package switchyard

import (
	"context"
	"time"
)

// Sleep waits for d, and reports whether it did: it returns false as soon as ctx ends.
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

// Pauses are the pauses between tries of something that has to succeed sooner or later: each is twice as long as the
// one before, up to the longest. Only one goroutine may use them.
type Pauses struct{ next, longest time.Duration }

// Growing makes Pauses that begin with first.
func Growing(first, longest time.Duration) Pauses { return Pauses{first, longest} }

// Sleep waits for the next pause, and reports whether it did: it returns false as soon as ctx ends.
func (p *Pauses) Sleep(ctx context.Context) bool {
	d := p.next
	p.next = min(2*d, p.longest)
	return Sleep(ctx, d)
}
