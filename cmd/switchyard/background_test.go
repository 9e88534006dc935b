package main

import (
	"fmt"
	"testing"
	"time"

	"switchyard"
	"switchyard/ledger"
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
