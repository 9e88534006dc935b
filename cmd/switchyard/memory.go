package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Of the collector's memory, this much is its own and garbage's, besides the stacks; and of what lives, garbage may be as
// much again as a half. The runtime's own rule, as much garbage as there is life, and what it keeps for later, would let a
// sidecar grow by a third.
const (
	fixedRest   = 8 << 20
	leastMemory = 24 << 20
)

// tuneMemory keeps the soft limit of the collector's memory in step with what lives, unless the operator has set one. The
// limit is soft, so that a burst is served, and follows within a second, so that the collector never has to run for
// nothing. Bodies are not in it: they have server.memory, outside the heap.
func tuneMemory(ctx context.Context) {
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	used := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		metrics.Read(used)
		live, stacks := int64(used[0].Value.Uint64()), int64(used[1].Value.Uint64())
		debug.SetMemoryLimit(max(leastMemory, fixedRest+live*3/2+stacks))
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
