package ledger_test

import (
	"testing"
	"time"

	"switchyard"
	"switchyard/ledger"
)

func TestQuantile(t *testing.T) {
	var h ledger.Histogram
	if got := h.Quantile(0.5); got != 0 {
		t.Errorf("of nothing: %v", got)
	}
	for range 10 {
		h.Observe(100 * time.Millisecond) // in the bucket from 75 to 110 ms
	}
	for q, want := range map[float64]time.Duration{0: 75 * time.Millisecond, 0.2: 82 * time.Millisecond, 1: 110 * time.Millisecond} {
		if got := h.Quantile(q); got != want {
			t.Errorf("the %v quantile is %v, want %v", q, got, want)
		}
	}
	for range 10 {
		h.Observe(time.Hour) // beyond the last bound
	}
	if got := h.Quantile(0.95); got != ledger.Bounds[len(ledger.Bounds)-1] {
		t.Errorf("got %v", got)
	}
	if got := h.Quantile(0.5); got != 110*time.Millisecond {
		t.Errorf("got %v", got)
	}
}

// A quantile is wrong by a fifth at most, since no bucket is wider than half its lower bound.
func TestBoundsAreNarrow(t *testing.T) {
	for i, b := range ledger.Bounds[1:] {
		if low := ledger.Bounds[i]; b <= low || float64(b) > 1.6*float64(low) {
			t.Errorf("%v follows %v", b, low)
		}
	}
	for _, b := range ledger.Bounds {
		var h ledger.Histogram
		h.Observe(b) // a bound belongs to its own bucket
		if got := h.Quantile(1); got != b {
			t.Errorf("%v is counted up to %v", b, got)
		}
	}
}

func TestSums(t *testing.T) {
	a := ledger.Sums{Count: 5, OK: 2, Neither: 1, Images: 3, Cost: 40, Possible: 10, Unknown: 1, Busy: 3 * time.Second}
	a.Latency.Observe(time.Second)
	a.Latency.Observe(2 * time.Second)
	var s ledger.Sums
	if _, known := s.Success(); known || s.Mean() != 0 {
		t.Error("nothing has a share and a mean")
	}
	s.Add(&a)
	s.Add(&a)
	if share, known := s.Success(); share != 0.5 || !known || s.Mean() != 1500*time.Millisecond || s.Cost != switchyard.Money(80) {
		t.Errorf("got %v, %v, %v, %v", share, known, s.Mean(), s.Cost)
	}
	s.Take(&a)
	if s != a {
		t.Errorf("got %+v, want %+v", s, a)
	}
	s.Take(&a)
	if s != (ledger.Sums{}) {
		t.Errorf("left: %+v", s)
	}
}

func TestSpan(t *testing.T) {
	at := time.Date(2026, 11, 24, 6, 30, 0, 0, time.UTC)
	for _, c := range []struct {
		steps ledger.Steps
		want  time.Duration
	}{
		{ledger.Steps{Since: at, Until: at.Add(time.Hour), Step: 10 * time.Minute}, time.Minute},
		{ledger.Steps{Since: at, Until: at.Add(time.Hour), Step: 90 * time.Minute}, 15 * time.Minute},
		{ledger.Steps{Since: at, Until: at.Add(time.Hour), Step: 2 * time.Hour}, time.Hour},
		{ledger.Steps{Since: at, Until: at.Add(time.Hour)}, time.Minute},
		{ledger.Steps{Since: at, Until: at.Add(9 * 24 * time.Hour)}, time.Hour}, // minutes are not kept so long
		{ledger.Steps{}, time.Hour},
	} {
		if got, err := c.steps.Span(); got != c.want || err != nil {
			t.Errorf("%+v: got %v, %v, want %v", c.steps, got, err, c.want)
		}
	}
}
