package limit_test

import (
	"testing"
	"time"

	"switchyard/limit"
)

// TestTurns: turns come one after the other, at the pace of the clock that is told, and one that is given back is not lost.
func TestTurns(t *testing.T) {
	turns := limit.NewTurns(10, 2)
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	next := func(want time.Duration) func(time.Time) {
		t.Helper()
		wait, giveBack := turns.Next(now)
		if wait != want {
			t.Errorf("at %v it waits for %v, want %v", now.Format("05.0"), wait, want)
		}
		return giveBack
	}
	next(0)
	next(0)
	next(100 * time.Millisecond)
	giveBack := next(200 * time.Millisecond)
	now = now.Add(50 * time.Millisecond)
	giveBack(now)
	next(150 * time.Millisecond)
	now = now.Add(time.Minute)
	next(0)
	next(0)
	next(100 * time.Millisecond)
}

// TestNoTurns: nil bounds nothing.
func TestNoTurns(t *testing.T) {
	var turns *limit.Turns
	for range 1000 {
		wait, giveBack := turns.Next(time.Time{})
		if giveBack(time.Time{}); wait != 0 {
			t.Fatalf("it waits for %v", wait)
		}
	}
}
