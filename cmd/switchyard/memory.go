package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Of the collector's memory, this much is its own, the stacks' and garbage's; and of what lives, garbage may be as much
// again as a half. The runtime's own rule, as much garbage as there is life, and what it keeps for later, would let a
// sidecar grow by a third.
const (
	fixedRest   = 16 << 20
	leastMemory = 36 << 20
)

// tuneMemory keeps the soft limit of the collector's memory in step with what lives, unless the operator has set one. The
// limit is soft, so that a burst is served, and follows within a second, so that the collector never has to run for
// nothing. Bodies are not in it: they have server.memory, outside the heap.
func tuneMemory(ctx context.Context) {
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		metrics.Read(live)
		debug.SetMemoryLimit(max(leastMemory, fixedRest+int64(live[0].Value.Uint64())*3/2))
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
