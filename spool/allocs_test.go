//go:build !race

package spool_test

import (
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"switchyard/spool"
)

// document is an answer with four pictures of n letters each.
func document(n int) string {
	one := `{"mimeType":"image/png","bytesBase64Encoded":"` + strings.Repeat("iVBORw0K", n/8) + `"}`
	return `{"predictions":[` + strings.Repeat(one+",", 3) + one + `]}`
}

// arrive is a document's way in: spooled, scanned, thrown away.
func arrive(t *testing.T, pool *spool.Pool, text string, size int64) {
	t.Helper()
	body, err := pool.ReadJSON(strings.NewReader(text), size, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	v, err := spool.Scan(body)
	if err != nil || len(v.Get("predictions").Items()) != 4 {
		t.Fatal("the document was not understood:", err)
	}
	_ = body.Close()
}

// TestAllocations: what a document takes of the heap follows from its values, not from its megabytes. The race detector
// is not for this test: it makes pools forget, and has bodies on the heap.
func TestAllocations(t *testing.T) {
	pool := newPool(t, 64<<20)
	count := func(n int, known bool) float64 {
		text, size := document(n), int64(-1)
		if known {
			size = int64(len(text))
		}
		return testing.AllocsPerRun(5, func() { arrive(t, pool, text, size) })
	}
	for _, known := range []bool{true, false} {
		small := count(64, known)
		if small > 30 { // 20 as this is written
			t.Errorf("size known %t: a small document takes %.0f allocations", known, small)
		}
		megabytes := count(1<<20, known)
		if megabytes > small+32 { // buffers, and the list of pieces
			t.Errorf("size known %t: a document of 4 MiB takes %.0f allocations, a small one %.0f", known, megabytes, small)
		}
		if many := count(12<<20, known); many > megabytes+16 { // the list of pieces grows by doubling
			t.Errorf("size known %t: a document of 48 MiB takes %.0f allocations, one of 4 MiB %.0f", known, many, megabytes)
		}
	}
	text := document(2 << 20)
	if n := heap(5, func() { arrive(t, pool, text, int64(len(text))) }); n > 64<<10 { // 20 KiB as this is written
		t.Errorf("a document of 8 MiB takes %d bytes of the heap", n)
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
