package ticket

import (
	"context"
	"fmt"
	"sync"
)

// Wait returns the ticket as soon as it differs from t, at once if it has changed already, or when ctx ends. It costs
// no goroutine and no polling. It notices the changes that this process makes; those of another process are seen only
// when Wait is called.
func (s *Store) Wait(ctx context.Context, t Ticket) (Ticket, error) {
	for {
		b := s.bells.join(t.ID) // before reading the ticket, so that no change is missed in between
		now, err := s.Get(ctx, t.Tenant, t.ID)
		if err != nil || now.Version != t.Version {
			s.bells.leave(t.ID, b)
			return now, err
		}
		select {
		case <-b.rung:
		case <-ctx.Done():
			s.bells.leave(t.ID, b)
			return now, fmt.Errorf("wait for ticket %s: %w", t.ID, ctx.Err())
		}
	}
}

// bells wake those who wait for tickets. The zero bells is ready. It holds an entry only while somebody waits.
type bells struct {
	mu sync.Mutex // guards m and the bells in it
	m  map[string]*bell
}

type bell struct {
	rung    chan struct{}
	waiting int
}

func (b *bells) join(id string) *bell {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.m == nil {
		b.m = map[string]*bell{}
	}
	one := b.m[id]
	if one == nil {
		one = &bell{rung: make(chan struct{})}
		b.m[id] = one
	}
	one.waiting++
	return one
}

// leave is for whoever stops waiting before the bell has rung; afterwards it does nothing.
func (b *bells) leave(id string, one *bell) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if one.waiting--; one.waiting == 0 && b.m[id] == one {
		delete(b.m, id)
	}
}

func (b *bells) ring(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if one := b.m[id]; one != nil {
		close(one.rung)
		delete(b.m, id)
	}
}
