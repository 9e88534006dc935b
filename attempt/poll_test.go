package attempt

import (
	"testing"
	"time"
)

// TestBeforePoll: a poll comes about an eighth of the job's time late, within bounds, and the polls of jobs that take long
// come side by side.
func TestBeforePoll(t *testing.T) {
	started := time.Date(2026, 1, 2, 3, 4, 5, 678_901_234, time.UTC)
	for _, c := range []struct{ taken, least, most time.Duration }{
		{0, 500 * time.Millisecond, 625 * time.Millisecond},
		{4 * time.Second, 500 * time.Millisecond, 625 * time.Millisecond},
		{8 * time.Second, time.Second, 1250 * time.Millisecond},
		{24 * time.Second, 3 * time.Second, 4000 * time.Millisecond},
		{time.Hour, 5 * time.Second, 6500 * time.Millisecond},
	} {
		pauses := map[time.Duration]bool{}
		for i := range 1000 {
			now := started.Add(c.taken)
			pause := beforePoll(started, now)
			if pause < c.least || pause > c.most {
				t.Fatalf("after %v it waits for %v, want %v to %v", c.taken, pause, c.least, c.most)
			}
			pauses[pause] = true
			if at := now.Add(pause + offBeat); pause > fromBeat+beat && at != at.Truncate(beat) {
				t.Fatalf("after %v the %dth is at %v, off the beat", c.taken, i, at)
			}
		}
		if len(pauses) < 3 { // as many beats as a quarter of the pause has, at least
			t.Errorf("after %v all wait for the same: %v", c.taken, pauses)
		}
	}
}
