package switchyard

import (
	"slices"
	"testing"
	"time"
)

// TestIDs: they sort by time, across every digit of it, and none is made twice.
func TestIDs(t *testing.T) {
	var ids []string
	for shift := range 40 {
		ids = append(ids, NewID(time.UnixMilli(2<<shift)), NewID(time.UnixMilli(4<<shift-1)))
	}
	if !slices.IsSorted(ids) {
		t.Errorf("out of order: %v", ids)
	}
	now := time.Now()
	for range 100 {
		ids = append(ids, NewID(now))
	}
	slices.Sort(ids)
	if len(slices.Compact(ids)) != 180 {
		t.Error("one was made twice")
	}
	for _, id := range ids {
		if len(id) != 26 {
			t.Errorf("%q", id)
		}
	}
}
