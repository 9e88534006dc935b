package ledger

import (
	"context"
	"fmt"
	"sync"
	"time"

	"switchyard"
)

// ApplierConfig is what an Applier works with.
type ApplierConfig struct {
	Journal *Journal
	Store   Store
	Batch   int           // records in one transaction, at most; 0: 1024
	Linger  time.Duration // how long to let records gather once one has come, unless Flush wants them; 0: not at all
	Backoff time.Duration // the longest pause between two tries; 0: 5 s
	Report  func(error)   // hears of each failure, from the goroutine of Run; if nil, only State tells
}

// Applier copies the journal to a store, for as long as Run runs. A store that fails is tried again for ever: the
// records wait in the journal, and no request notices.
type Applier struct {
	config ApplierConfig
	from   uint64        // next record; 0 until the store has said where it stands; only Run uses it
	hurry  chan struct{} // somebody waits for what there is

	mu      sync.Mutex // guards the rest
	applied uint64
	moved   chan struct{} // closed and replaced whenever applied changes
	err     error         // of the last try; nil if it went well
	since   time.Time     // when err began
}

// NewApplier builds an Applier; the owner calls Run.
func NewApplier(c ApplierConfig) *Applier {
	if c.Batch <= 0 {
		c.Batch = 1024
	}
	if c.Backoff <= 0 {
		c.Backoff = 5 * time.Second
	}
	if c.Report == nil {
		c.Report = func(error) {}
	}
	return &Applier{config: c, hurry: make(chan struct{}, 1), moved: make(chan struct{})}
}

const (
	firstBackoff = 20 * time.Millisecond
	lastChance   = 5 * time.Second
)

// Run applies records as they come, until ctx ends. Then it applies what is left, trying each batch only once more, and
// returns. After an error records are left for the next process; none is lost.
func (a *Applier) Run(ctx context.Context) error {
	pauses := switchyard.Growing(firstBackoff, a.config.Backoff)
	for ctx.Err() == nil {
		n, err := a.step(ctx)
		a.note(ctx, err)
		if err != nil {
			pauses.Sleep(ctx)
			continue
		}
		pauses = switchyard.Growing(firstBackoff, a.config.Backoff)
		if n < a.config.Batch {
			a.gather(ctx)
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastChance)
	defer cancel()
	for {
		if n, err := a.step(ctx); n == 0 || err != nil {
			return err
		}
	}
}

// gather waits for a record, and then for more to be applied with it: each transaction has a cost of its own, and of what
// opens and ends in the same one only the end is written. It returns when there is enough for a batch, after Linger, or at
// once if somebody waits for what there is.
func (a *Applier) gather(ctx context.Context) {
	j, linger := a.config.Journal, a.config.Linger
	select {
	case <-j.want(a.from):
	case <-ctx.Done():
		return
	}
	if linger <= 0 {
		return
	}
	over := time.NewTimer(linger)
	defer over.Stop()
	for full := a.from + uint64(a.config.Batch) - 1; j.last.Load() < full; {
		select {
		case <-j.want(full): // perhaps a signal from before
		case <-a.hurry:
			return
		case <-over.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// step applies one batch, and returns how many records were in it.
func (a *Applier) step(ctx context.Context) (int, error) {
	j := a.config.Journal
	if a.from == 0 {
		if err := a.resume(ctx); err != nil {
			return 0, err
		}
	}
	records, err := j.read(a.from, a.config.Batch)
	if err != nil || len(records) == 0 {
		return 0, err
	}
	b := Batch{Journal: j.ID(), Last: records[len(records)-1].Index, Records: records}
	if err := a.config.Store.Apply(ctx, b); err != nil {
		return 0, fmt.Errorf("apply records %d to %d: %w", records[0].Index, b.Last, err)
	}
	for _, r := range records {
		if r.Kind == Damaged {
			a.config.Report(fmt.Errorf("journal record %d was destroyed, and cannot be applied", r.Index))
		}
	}
	a.from = b.Last + 1
	a.advance(b.Last)
	return len(records), nil
}

// resume asks the store where it stands.
func (a *Applier) resume(ctx context.Context) error {
	j := a.config.Journal
	applied, err := a.config.Store.Applied(ctx, j.ID())
	if err != nil {
		return fmt.Errorf("where the store stands: %w", err)
	}
	if applied > max(j.found, j.applied.Load()) {
		// The journal was restored from a copy that is older than the store. Its records may be new all the same.
		applied = 0
	}
	a.from = max(applied+1, j.first())
	a.advance(a.from - 1)
	return nil
}

func (a *Applier) advance(applied uint64) {
	a.config.Journal.release(applied)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.applied, a.err = applied, nil
	close(a.moved)
	a.moved = make(chan struct{})
}

// note keeps the outcome of a try for State, and reports a failure.
func (a *Applier) note(ctx context.Context, err error) {
	if err != nil && ctx.Err() != nil {
		return // ctx has ended: Run tries once more
	}
	a.mu.Lock()
	if a.err == nil && err != nil {
		a.since = time.Now()
	}
	a.err = err
	a.mu.Unlock()
	if err != nil {
		a.config.Report(err)
	}
}

// State returns the error that keeps the applier from going on, and since when it does; nil if the applier is going on.
func (a *Applier) State() (since time.Time, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.since, a.err
}

// Flush returns when all that has been acknowledged so far is in the store, or when ctx ends. The applier does not linger
// meanwhile.
func (a *Applier) Flush(ctx context.Context) error {
	target := a.config.Journal.last.Load()
	for {
		a.mu.Lock()
		applied, moved := a.applied, a.moved
		a.mu.Unlock()
		if applied >= target {
			return nil
		}
		poke(a.hurry)
		select {
		case <-moved:
		case <-ctx.Done():
			return fmt.Errorf("ledger is %d records behind: %w", target-applied, ctx.Err())
		}
	}
}

// Wait is Flush for a reader that takes what is there after d. It reports whether the store has everything.
func (a *Applier) Wait(ctx context.Context, d time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	return a.Flush(ctx) == nil
}
