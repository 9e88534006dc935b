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

// Many small requests make garbage faster than that leaves time for: a collector that runs often each second gets more
// room, and gives it back when it runs seldom. Large bodies make none: they have server.memory, outside the heap.
const (
	often    = 16
	seldom   = 4
	roomStep = 4 << 20
	mostRoom = 16 << 20
)

// tuneMemory keeps the soft limit of the collector's memory in step with what lives and with how often it runs, below one
// that the operator has set: GOMEMLIMIT knows nothing of server.memory, nor of the program's own text. The limit is soft, so
// that a burst is served, and follows within a second.
func tuneMemory(ctx context.Context) {
	most := debug.SetMemoryLimit(-1)
	read := []metrics.Sample{
		{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}, {Name: "/gc/cycles/total:gc-cycles"},
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var room int64
	for before := uint64(0); ; {
		metrics.Read(read)
		live, stacks, cycles := int64(read[0].Value.Uint64()), int64(read[1].Value.Uint64()), read[2].Value.Uint64()
		room = roomFor(cycles-before, room)
		before = cycles
		debug.SetMemoryLimit(min(most, max(leastMemory, fixedRest+live*3/2+stacks)+room))
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// roomFor is the room that a collector gets which had some, and ran so often in the last second.
func roomFor(cycles uint64, room int64) int64 {
	switch {
	case cycles > often:
		return min(room+roomStep, mostRoom)
	case cycles < seldom:
		return max(room-roomStep, 0)
	}
	return room
}
