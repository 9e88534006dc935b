package router

import (
	"slices"
	"sync"
	"time"

	"switchyard"
)

// How much is remembered of a target, and for how long. The window is small, so that a target that has become slow is left
// within a dozen requests. A target that has not been asked for a while becomes unknown again, and so gets a chance to
// show that it has recovered.
const (
	window = 16
	stale  = 15 * time.Second
)

// Statistics is how long targets have lately taken, by the size of what was asked for. It outlives reloads: a name that
// stays keeps its history. The zero value is ready; safe for concurrent use.
type Statistics struct {
	mu sync.Mutex // guards m, and what is in it
	m  map[sized]*series
}

// sized is a target or a route, with a class of sizes: large pictures take longer everywhere.
type sized struct {
	name  string
	class uint8
}

// series holds the latest durations, in a ring.
type series struct {
	ring   [window]time.Duration
	n      int // how many there ever were
	latest time.Time
}

// Observe remembers a generation that went well.
func (s *Statistics) Observe(target string, req *switchyard.Request, took time.Duration, now time.Time) {
	key := sized{target, SizeClass(req)}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.m == nil {
		s.m = map[sized]*series{}
	}
	one := s.m[key]
	if one == nil || now.Sub(one.latest) > stale { // too old: it would outvote what the target shows now
		one = &series{}
		s.m[key] = one
	}
	one.ring[one.n%window] = took
	one.n++
	one.latest = now
}

// Latency returns the median and the 95th percentile of what a target has lately taken for such a request. known is false
// if it has not been asked lately.
func (s *Statistics) Latency(target string, req *switchyard.Request, now time.Time) (median, p95 time.Duration, known bool) {
	if s == nil {
		return 0, 0, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.m[sized{target, SizeClass(req)}]
	if one == nil || now.Sub(one.latest) > stale {
		return 0, 0, false
	}
	sorted := one.ring
	have := sorted[:min(one.n, window)]
	slices.Sort(have)
	return have[len(have)/2], have[min(len(have)*95/100, len(have)-1)], true
}

// SizeClass returns a number for the size: up to half a megapixel, one and a half, four, or more.
func SizeClass(req *switchyard.Request) uint8 {
	pixels := req.Size.Pixels()
	if pixels == 0 {
		pixels = classPixels(req.Resolution)
	}
	class := uint8(0)
	for _, most := range []int64{1 << 19, 3 << 19, 1 << 22} {
		if pixels > most {
			class++
		}
	}
	return class
}
