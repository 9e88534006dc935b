//go:build !race

package all_test

import (
	"runtime"
	"runtime/debug"
	"testing"
)

// Bounds for every pair of dialects; a new one has to keep them, too.
const (
	allocsMost = 400       // of a small generation, one way; 290 for the worst pair as this is written
	heapMost   = 256 << 10 // bytes, for 11 MB one way; 130 KiB for the worst, which reads a form
)

// TestAllocations: a translation makes no garbage to speak of, and none by the megabyte: a copy of one picture on the
// heap would be 2 MiB. The race detector is not for this test: it makes pools forget, and has bodies on the heap.
func TestAllocations(t *testing.T) {
	for _, l := range loads() {
		pool := newPool(t)
		for _, p := range pairs(t, pool, l) {
			for _, tr := range p.translations() {
				run := func() {
					if err := tr.run(); err != nil {
						t.Fatalf("load=%s/%s: %v", l.name, tr.name, err)
					}
				}
				if l.references > 0 {
					if n := heap(3, run); n > heapMost {
						t.Errorf("load=%s/%s: %d bytes of the heap for %d of the body, want at most %d", l.name, tr.name, n, tr.size, heapMost)
					}
				} else if n := testing.AllocsPerRun(20, run); n > allocsMost {
					t.Errorf("load=%s/%s: %.0f allocations, want at most %d", l.name, tr.name, n, allocsMost)
				}
			}
		}
	}
}

// heap is how many bytes of the heap f takes, once whatever is kept for reuse is there.
func heap(runs int, f func()) uint64 {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // which would empty the pools
	f()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		f()
	}
	runtime.ReadMemStats(&after)
	return (after.TotalAlloc - before.TotalAlloc) / uint64(runs)
}
