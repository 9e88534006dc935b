package proxy

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"
)

// What the journal could not take at the end is tried again after firstArrears, then at longer intervals. Of more than
// maxArrears generations the rest waits for the next start, which finds them unended, and loses how they went.
const (
	firstArrears = time.Second
	lastArrears  = 30 * time.Second
	maxArrears   = 10_000
)

// arrears are the accounts whose end could not be written: a disk may be full for a while. As long as there are any, one
// goroutine tries again.
type arrears struct {
	mu      sync.Mutex
	owed    []*account // in the order they came to their end
	chasing bool
}

// owe has the end of an account written later.
func (h *Handler) owe(a *account) {
	r := &h.arrears
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.owed) == maxArrears {
		return
	}
	r.owed = append(r.owed, a)
	if !r.chasing {
		r.chasing = true
		h.work.Go(h.chase)
	}
}

// chase tries again until nothing is owed. Once the process is to end it tries only one time more.
func (h *Handler) chase() {
	for pause := firstArrears; ; pause = min(2*pause, lastArrears) {
		last := !sleep(h.draining, pause)
		n, err := h.arrears.settle(last)
		if n > 0 {
			h.Log.Info("ledger: told late how generations ended", zap.Int("generations", n))
		}
		if err == nil || last {
			return
		}
	}
}

// settle writes what is owed, as far as the journal takes it, and is for how many generations that went. When nothing is left,
// or it is the last time, whoever owes next begins anew.
func (r *arrears) settle(last bool) (n int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.owed) > 0 && err == nil {
		a := r.owed[0]
		r.mu.Unlock() // the disk may take its time
		err = a.flush(context.Background())
		r.mu.Lock()
		if err == nil {
			r.owed[0], r.owed = nil, r.owed[1:]
			n++
		}
	}
	r.chasing = err != nil && !last
	return n, err
}
