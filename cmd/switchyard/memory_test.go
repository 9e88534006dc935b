package main

import "testing"

// TestRoom: a collector that is kept busy gets room within bounds, keeps it while it needs it, and gives it back.
func TestRoom(t *testing.T) {
	room := int64(0)
	for _, second := range []struct {
		cycles uint64
		want   int64
	}{
		{2, 0},
		{60, roomStep},
		{30, 2 * roomStep},
		{10, 2 * roomStep},
		{60, 3 * roomStep},
		{60, mostRoom},
		{60, mostRoom},
		{16, mostRoom},
		{4, mostRoom},
		{3, mostRoom - roomStep},
		{0, mostRoom - 2*roomStep},
		{0, mostRoom - 3*roomStep},
		{0, 0},
		{0, 0},
	} {
		if room = roomFor(second.cycles, room); room != second.want {
			t.Fatalf("after a second with %d cycles: %d MiB, want %d", second.cycles, room>>20, second.want>>20)
		}
	}
}
