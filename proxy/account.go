package proxy

import (
	"context"
	"sync"

	"switchyard"
	"switchyard/ledger"
)

// Journal is where money is written to first; the Journal of package ledger is.
type Journal interface {
	Append(context.Context, ...ledger.Record) error
}

// account is one generation's dealings with the journal. Each append is a sync of the disk, so what may wait waits for
// the next that may not: a request that goes well costs two. What a crash keeps from being written makes an attempt
// look dearer than it was, never cheaper.
type account struct {
	journal Journal

	mu      sync.Mutex
	waiting []ledger.Record
}

// newAccount begins with the generation itself, which is on disk with its first attempt.
func newAccount(j Journal, g switchyard.Generation) *account {
	return &account{journal: j, waiting: []ledger.Record{ledger.BeginRecord(g)}}
}

// Open has the attempt on disk before its request leaves.
func (a *account) Open(ctx context.Context, at switchyard.Attempt) error {
	return a.append(ctx, ledger.OpenRecord(at))
}

// Hold has the provider's job id on disk before anybody waits for it.
func (a *account) Hold(ctx context.Context, at switchyard.Attempt) error {
	return a.append(ctx, ledger.HoldRecord(at))
}

// Settle may wait: until then the attempt counts as possibly charged.
func (a *account) Settle(_ context.Context, at switchyard.Attempt) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.waiting = append(a.waiting, ledger.SettleRecord(at))
	return nil
}

// End has everything on disk.
func (a *account) End(ctx context.Context, g switchyard.Generation) error {
	return a.append(ctx, ledger.EndRecord(g))
}

// append writes what waited, too. If that fails it waits on.
func (a *account) append(ctx context.Context, r ledger.Record) error {
	a.mu.Lock()
	records := append(a.waiting, r)
	a.waiting = nil
	a.mu.Unlock()
	err := a.journal.Append(ctx, records...)
	if err != nil {
		a.mu.Lock()
		a.waiting = append(records[:len(records)-1:len(records)-1], a.waiting...)
		a.mu.Unlock()
	}
	return err
}
