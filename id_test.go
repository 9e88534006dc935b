package switchyard

import (
	"slices"
	"testing"
	"time"
)

// TestIDs: they sort by time, across every digit of it, and none is made twice.
func TestIDs(t *testing.T) {
	var ids []string
	for shift := range 41 {
		ids = append(ids, NewID(time.UnixMilli(1<<shift)))
	}
	if !slices.IsSorted(ids) {
		t.Errorf("out of order: %v", ids)
	}
	now := time.Now()
	for range 100 {
		ids = append(ids, NewID(now))
	}
	slices.Sort(ids)
	if len(slices.Compact(ids)) != 141 {
		t.Error("one was made twice")
	}
	for _, id := range ids {
		if len(id) != 26 {
			t.Errorf("%q", id)
		}
	}
}
