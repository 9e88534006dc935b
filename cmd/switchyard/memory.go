package main

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Of the collector's memory, this much is its own and garbage's, besides the stacks; and of what lives, garbage may be as
// much again as a half. The runtime's own rule, as much garbage as there is life, and what it keeps for later, would let a
// sidecar grow by a third.
const (
	fixedRest   = 8 << 20
	leastMemory = 20 << 20
)

// Many small requests make garbage faster than that leaves time for: the collector gets room besides for what a part of a
// second makes, and gives it back when there is less. Large bodies make none: they have server.memory, outside the heap.
const (
	cyclesASecond = 4 // that would need no more than the room
	mostRoom      = 32 << 20
)

// tuneMemory keeps the soft limit of the collector's memory in step with what lives and with how much is made, below one
// that the operator has set: GOMEMLIMIT knows nothing of server.memory, nor of the program's own text. The limit is soft, so
// that a burst is served, and follows within a second.
func tuneMemory(ctx context.Context) {
	most := debug.SetMemoryLimit(-1)
	read := []metrics.Sample{
		{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}, {Name: "/gc/heap/allocs:bytes"},
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for before := uint64(0); ; {
		metrics.Read(read)
		live, stacks, made := read[0].Value.Uint64(), read[1].Value.Uint64(), read[2].Value.Uint64()
		debug.SetMemoryLimit(min(most, limitFor(int64(live), int64(stacks), int64(made-before))))
		before = made
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// limitFor is the limit where so many bytes live, and are stacks, and were made in the last second.
func limitFor(live, stacks, made int64) int64 {
	return max(leastMemory, fixedRest+live*3/2+stacks) + min(made/cyclesASecond, mostRoom)
}
