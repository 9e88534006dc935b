package proxy

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"switchyard"
)

// The end of a generation that the journal could not take is tried again after firstArrears, then at intervals of up to
// lastArrears, with manyArrears at a time. Only maxArrears are remembered: the next start finds the others without an end,
// and books them as lost.
const (
	firstArrears = time.Second
	lastArrears  = 30 * time.Second
	maxArrears   = 10_000
	manyArrears  = 64
)

// arrears are the accounts whose end could not be written: a disk may be full for a while. As long as there are any, one
// goroutine tries again.
type arrears struct {
	mu      sync.Mutex // guards the rest
	owed    map[*account]struct{}
	chasing bool
	full    bool // which has been told
}

// owe arranges that the end of an account is written later. If the journal has never taken anything of an account, it is
// forgotten: nothing was sent for it, and it must not take the place of one that was paid for.
func (h *Handler) owe(a *account) {
	if !a.begun() {
		return
	}
	r := &h.arrears
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.owed[a]; !known && len(r.owed) >= maxArrears {
		if !r.full {
			r.full = true
			h.Log.Error("ledger: too many ends wait to be written; how further generations end will be lost", zap.Int("waiting", len(r.owed)))
		}
		return
	}
	if r.owed == nil {
		r.owed = map[*account]struct{}{}
	}
	r.owed[a] = struct{}{}
	if !r.chasing {
		r.chasing = true
		h.work.Go(h.chase)
	}
}

// chase tries again until nothing is owed. A drain begins with a try, and has the time that it is given; when the process is
// to end there is one more.
func (h *Handler) chase() {
	pause, until := firstArrears, h.draining
	for {
		if !switchyard.Sleep(until, pause) {
			pause, until = firstArrears, h.ending
		}
		n, err := h.arrears.pay(h.Journal)
		if n > 0 {
			h.Log.Info("ledger: told late how generations ended", zap.Int("generations", n))
		}
		if err == nil {
			return
		}
		if h.ending.Err() != nil {
			h.arrears.giveUp()
			return
		}
		pause = min(2*pause, lastArrears)
	}
}

// pay writes what is owed, as far as the journal takes it, and returns for how many generations it did. When nothing is
// left, the next call of owe begins anew.
func (r *arrears) pay(j Journal) (n int, err error) {
	for {
		accounts := r.some()
		if len(accounts) == 0 {
			return n, nil
		}
		if err := flush(context.Background(), j, accounts...); err != nil {
			return n, err
		}
		r.strike(accounts)
		n += len(accounts)
	}
}

// some are as many accounts as are written at a time.
func (r *arrears) some() (accounts []*account) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for a := range r.owed {
		if accounts = append(accounts, a); len(accounts) == manyArrears {
			return accounts
		}
	}
	r.chasing = len(accounts) > 0
	return accounts
}

// strike takes accounts off the list, but for those that owe something new.
func (r *arrears) strike(accounts []*account) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range accounts {
		if a.even() {
			delete(r.owed, a)
		}
	}
	r.full = false
}

// giveUp leaves what is owed to the next call of owe, or to the next start.
func (r *arrears) giveUp() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.chasing = false
}
