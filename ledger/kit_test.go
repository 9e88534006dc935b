package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"switchyard"
	"switchyard/ledger"
)

var start = time.Date(2026, 11, 24, 6, 0, 0, 0, time.UTC)

// memory is a Store that follows its rules, and fails when told to.
type memory struct {
	mu      sync.Mutex // guards all below
	fail    error
	gate    chan struct{} // if not nil, Apply waits for it
	applied map[string]uint64
	kinds   map[string][]ledger.Kind // :: attempt or generation id → records applied, in order
	batches int
}

func newMemory() *memory {
	return &memory{applied: map[string]uint64{}, kinds: map[string][]ledger.Kind{}}
}

func (m *memory) Applied(_ context.Context, journal string) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.applied[journal], m.fail
}

func (m *memory) Apply(ctx context.Context, b ledger.Batch) error {
	if m.gate != nil {
		select {
		case <-m.gate:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return m.fail
	}
	for _, r := range b.Records {
		m.kinds[r.Attempt.ID+r.Generation.ID] = append(m.kinds[r.Attempt.ID+r.Generation.ID], r.Kind)
	}
	m.applied[b.Journal] = b.Last
	m.batches++
	return nil
}

func (m *memory) Unfinished(context.Context, string, time.Time) ([]ledger.Account, error) {
	return nil, nil
}

func (m *memory) breakDown(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = err
}

func (m *memory) of(id string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return fmt.Sprint(m.kinds[id])
}

var _ ledger.Store = (*memory)(nil)

func attempt(id string) switchyard.Attempt {
	return switchyard.Attempt{
		ID: id, Generation: "g-" + id, Number: 1, Target: "flux", Provider: "fal", Model: "fal-ai/flux/dev", Started: start,
		Estimate: switchyard.Cost{Amount: 25_000_000, Basis: switchyard.BasisEstimate, Charge: switchyard.ChargePossible},
	}
}

func openJournal(t testing.TB, dir string) *ledger.Journal {
	t.Helper()
	j, err := ledger.OpenJournal(ledger.JournalConfig{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := j.Close(); err != nil && !errors.Is(err, ledger.ErrClosed) {
			t.Error(err)
		}
	})
	return j
}

func openAttempt(t testing.TB, j *ledger.Journal, id string) {
	t.Helper()
	if err := j.Append(t.Context(), ledger.OpenRecord(attempt(id))); err != nil {
		t.Fatal(err)
	}
}

// run starts an applier, and stops it before the journal is closed.
func run(t testing.TB, j *ledger.Journal, s ledger.Store) (a *ledger.Applier, stop func() error) {
	a = ledger.NewApplier(ledger.ApplierConfig{Journal: j, Store: s})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	stop = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() { _ = stop() })
	return a, stop
}

func flush(t testing.TB, a *ledger.Applier) {
	t.Helper()
	if err := a.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// replay is what a new process finds in the journal in dir.
func replay(t testing.TB, dir string) (*memory, *ledger.Journal) {
	t.Helper()
	j, m := openJournal(t, dir), newMemory()
	a, stop := run(t, j, m)
	flush(t, a)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	return m, j
}
