package proxy

import (
	"context"
	"slices"
	"sync"
	"time"

	"switchyard"
	"switchyard/ledger"
)

// Journal is where money is written to first; ledger.Journal implements it.
type Journal interface {
	// Append returns when the records are on disk, all or none. It keeps none of them, nor does Write.
	Append(context.Context, ...ledger.Record) error

	// Write returns when the records survive the death of the process; synced returns when they survive that of the
	// machine. If synced fails they are lost.
	Write(context.Context, ...ledger.Record) (synced func() error, err error)

	// State returns the error with which the latest write failed, and since when none has gone well; nil if the latest went well.
	State() (since time.Time, err error)
}

// account is one generation's dealings with the journal. Each append is a sync of the disk, so what may wait waits for
// the next that may not: a request that goes well costs two. What a crash keeps from being written makes an attempt
// look dearer than it was, never cheaper.
type account struct {
	journal Journal
	opens   func() // called whenever an attempt begins; may be nil

	mu      sync.Mutex // guards the next three
	waiting []ledger.Record
	taken   bool           // the journal has taken something of this generation
	begin   *ledger.Record // the first record, while somebody tries to write it and nothing is taken; else nil

	flushing sync.Mutex // so that what waits is told in its order: one flush at a time

	// Of the one goroutine that calls Write and Synced.
	written []ledger.Record // by Write; nil once they are known to be on disk
	synced  func() error    // waits until they are
}

// newAccount begins with the generation itself, which is on disk with its first attempt.
func newAccount(j Journal, g switchyard.Generation) *account {
	a := &account{journal: j}
	a.wait(ledger.BeginRecord(g))
	return a
}

// Open writes the attempt to disk before its request leaves.
func (a *account) Open(ctx context.Context, at switchyard.Attempt) error {
	if a.opens != nil {
		a.opens()
	}
	return a.append(ctx, ledger.OpenRecord(at))
}

// Write gets the attempt into the kernel's hands before its request leaves; to wait for the disk is left to Synced. One goroutine calls
// both.
func (a *account) Write(ctx context.Context, at switchyard.Attempt) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	records := append(a.waiting, ledger.OpenRecord(at))
	synced, err := a.journal.Write(ctx, records...)
	if err == nil {
		a.waiting, a.written, a.synced, a.taken = nil, records, synced, true
	}
	return err
}

// Synced returns when what Write wrote is on disk. If it did not get there Synced appends it once more, since the journal may have
// recovered; if that fails, too, it waits for End.
func (a *account) Synced(ctx context.Context) error {
	records := a.written
	if a.written = nil; records == nil || a.synced() == nil {
		tear(records)
		return nil
	}
	err := a.journal.Append(ctx, records...)
	if err != nil {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.waiting = append(records, a.waiting...)
	}
	return err
}

// Hold writes the provider's job id to disk before anybody waits for the job. If the journal cannot take it, it waits for another flush:
// the provider has accepted the job, and to give it up would be to pay for nothing.
func (a *account) Hold(ctx context.Context, at switchyard.Attempt) error {
	held := ledger.HoldRecord(at)
	err := a.append(ctx, held)
	if err == nil || ctx.Err() != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.wait(held)
	return nil
}

// Settle may wait: until then the attempt counts as possibly charged.
func (a *account) Settle(_ context.Context, at switchyard.Attempt) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.wait(ledger.SettleRecord(at))
	return nil
}

// wait keeps a record for the next append, with room for what comes with it. Requires mu, but at the start.
func (a *account) wait(r ledger.Record) {
	if a.waiting == nil {
		a.waiting = slips.Get().(*[2]ledger.Record)[:0]
	}
	a.waiting = append(a.waiting, r)
}

// slips are room for the two records of most appends. None is kept for longer than that: a job may take hours.
var slips = sync.Pool{New: func() any { return new([2]ledger.Record) }}

// tear gives room back. The journal keeps no record that it was handed, and nobody else has these any more.
func tear(records []ledger.Record) {
	if cap(records) == 2 {
		slip := (*[2]ledger.Record)(records[:2])
		clear(slip[:])
		slips.Put(slip)
	}
}

// End writes everything to disk. If that fails everything waits for another flush, the end as well.
func (a *account) End(ctx context.Context, g switchyard.Generation) error {
	a.mu.Lock()
	a.wait(ledger.EndRecord(g))
	a.mu.Unlock()
	return a.flush(ctx)
}

// flush writes what waits, and returns when it is on disk.
func (a *account) flush(ctx context.Context) error {
	return flush(ctx, a.journal, a)
}

// flush writes what waits in several accounts, all of it or nothing, and returns when it is on disk.
func flush(ctx context.Context, j Journal, accounts ...*account) error {
	waited := make([][]ledger.Record, len(accounts))
	for i, a := range accounts {
		a.flushing.Lock()
		defer a.flushing.Unlock()
		waited[i] = a.take()
	}
	var records []ledger.Record
	if len(waited) == 1 {
		records = waited[0]
	} else {
		records = slices.Concat(waited...)
	}
	if len(records) == 0 {
		return nil
	}
	err := j.Append(ctx, records...)
	for i, a := range accounts {
		a.told(waited[i], err)
	}
	return err
}

// append writes fresh, and what waits, too. If that fails, what waits goes on waiting, and fresh is dropped.
func (a *account) append(ctx context.Context, fresh ledger.Record) error {
	waited := a.take()
	err := a.journal.Append(ctx, append(waited, fresh)...)
	a.told(waited, err)
	return err
}

// take hands out what waits, to somebody who tries to write it and then calls told. Attempts may begin side by side, and the write of one
// of them may fail. So until the journal has taken something each brings the record of the generation along; the journal may get it twice.
func (a *account) take() []ledger.Record {
	a.mu.Lock()
	defer a.mu.Unlock()
	waited := a.waiting
	a.waiting = nil
	switch {
	case a.taken:
	case len(waited) > 0:
		a.begin = &waited[0]
	case a.begin != nil:
		return []ledger.Record{*a.begin}
	}
	return waited
}

// told notes that the journal has taken what waited, or has not: then it waits on.
func (a *account) told(waited []ledger.Record, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err != nil {
		a.waiting = append(waited[:len(waited):len(waited)], a.waiting...)
		return
	}
	a.taken, a.begin = true, nil
	tear(waited)
}

// begun reports whether the journal has taken anything. Otherwise nothing has left for the generation.
func (a *account) begun() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.taken
}

// even reports whether nothing waits.
func (a *account) even() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.waiting) == 0
}
