package main

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"switchyard"
	"switchyard/ledger"
	"switchyard/ledger/ledgertest"
)

// TestRetentionKeepsUp: however many generations an hour has, those that are older than store.retention go, and nothing else.
func TestRetentionKeepsUp(t *testing.T) {
	k := startKit(t, twoProviders)
	now := time.Now()
	var records []ledger.Record
	for i := range 2*pruneBatch + 2 {
		g := switchyard.Generation{ID: fmt.Sprint("old-", i), Kind: "generation", Started: now.Add(-48 * time.Hour), Outcome: switchyard.OK}
		if i == 0 {
			g.ID, g.Started = "young", now.Add(-time.Hour)
		}
		records = append(records, ledger.EndRecord(g))
	}
	if err := k.side.store.Apply(t.Context(), ledger.Batch{Journal: "old", Last: uint64(len(records)), Records: records}); err != nil {
		t.Fatal(err)
	}
	if err := k.side.pruneLedger(t.Context(), now.Add(-24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	list, err := k.side.store.Generations(t.Context(), ledger.Page{Limit: 10})
	if err != nil || len(list) != 1 || list[0].Generation.ID != "young" {
		t.Errorf("%d are left, %v", len(list), err)
	}
}

// TestPruneSoon: a sidecar that lives for a few minutes at a time forgets what is old, too.
func TestPruneSoon(t *testing.T) {
	f, err := load("test.yaml", []byte("store: {database: 'sqlite:"+t.TempDir()+"/x.db', journal: "+t.TempDir()+"}\n"), noEnv)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		s := &sidecar{log: zap.NewNop()}
		defer func() { _ = s.stores.close() }()
		if err := s.stores.open(t.Context(), f, s.log); err != nil {
			t.Fatal(err)
		}
		if err := s.openHooks(f); err != nil {
			t.Fatal(err)
		}
		if err := s.upgraded(); err != nil {
			t.Fatal(err)
		}
		old := ledgertest.Ended(ledgertest.Generation("old"))
		if err := s.journal.Append(t.Context(), ledger.EndRecord(old)); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		defer synctest.Wait()
		defer stop()
		go func() { _ = s.applier.Run(ctx) }()
		if err := s.applier.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := s.store.Generation(ctx, "old"); err != nil {
			t.Fatal(err)
		}
		go s.prune(ctx, time.Since(old.Started)-time.Hour)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if _, err := s.store.Generation(ctx, "old"); err == nil {
			t.Error("what is older than retention is still there")
		}
	})
}
