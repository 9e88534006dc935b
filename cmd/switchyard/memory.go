package main

import (
	"context"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// The collector's memory may be what lives and half as much again of garbage, the stacks, and fixedRest for all else, but in any
// case leastMemory. By the runtime's own rule, as much garbage as there is life, a sidecar would be a third larger.
const (
	fixedRest   = 8 << 20
	leastMemory = 20 << 20
)

// Many small requests would fill that many times a second. So there is room besides, of at most mostRoom, for the garbage that
// is made in garbageTime. Large bodies make none: they have server.memory, outside the heap.
const (
	garbageTime = time.Second / 4
	mostRoom    = 32 << 20
)

// tuneMemory keeps the soft limit of the collector's memory in step with what lives and with how much is made, below one
// that the operator has set: GOMEMLIMIT knows nothing of server.memory, nor of the program's own text. The limit is soft, so
// that a burst is served; it follows each cycle of the collector, and goes down within a second.
func tuneMemory(ctx context.Context) {
	most := debug.SetMemoryLimit(-1)
	read := []metrics.Sample{
		{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}, {Name: "/gc/heap/allocs:bytes"},
	}
	cycles := make(chan struct{}, 1)
	eachCycle(ctx, cycles)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for room := newRoom(time.Now()); ; {
		metrics.Read(read)
		live, stacks, made := int64(read[0].Value.Uint64()), int64(read[1].Value.Uint64()), int64(read[2].Value.Uint64())
		limit := max(leastMemory, fixedRest+live*3/2+stacks) + room.after(made, time.Now())
		debug.SetMemoryLimit(min(most, limit))
		select {
		case <-cycles:
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// keepUnmapped has unmap let go of the pages of the program that are in nobody's use, now and once a minute.
func keepUnmapped(ctx context.Context, unmap func()) {
	for tick := time.NewTicker(time.Minute); ; {
		unmap()
		select {
		case <-tick.C:
		case <-ctx.Done():
			tick.Stop()
			return
		}
	}
}

// eachCycle leaves a signal after each cycle of the collector, until ctx ends.
func eachCycle(ctx context.Context, cycles chan struct{}) {
	type mark struct{ _ *byte } // with a pointer, so that it has a block of its own
	runtime.AddCleanup(&mark{}, func(cycles chan struct{}) {
		select {
		case cycles <- struct{}{}:
		default:
		}
		if ctx.Err() == nil {
			eachCycle(ctx, cycles)
		}
	}, cycles)
}

// room is what the collector gets for garbage. It is looked at now and then: what has been made since then in less than
// garbageTime can only add to it.
type room struct {
	bytes int64
	made  int64     // bytes, since the process began
	since time.Time // when so much had been made
}

func newRoom(now time.Time) *room { return &room{since: now} }

// after is the room when so many bytes have been made since the process began.
func (r *room) after(made int64, now time.Time) int64 {
	fresh, took := made-r.made, now.Sub(r.since)
	if took < garbageTime {
		r.bytes = min(max(r.bytes, fresh), mostRoom)
		return r.bytes
	}
	r.bytes = min(int64(float64(fresh)*float64(garbageTime)/float64(took)), mostRoom)
	r.made, r.since = made, now
	return r.bytes
}
