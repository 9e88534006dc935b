package main

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestRoom: the collector gets what a quarter of a second makes, at once when that is more, later when it is less, and
// within bounds.
func TestRoom(t *testing.T) {
	const mib = 1 << 20
	now := time.Unix(0, 0)
	r, made := newRoom(now), int64(0)
	for _, step := range []struct {
		after      time.Duration
		made, want int64 // MiB
	}{
		{0, 4, 4},
		{100 * time.Millisecond, 6, 10},
		{100 * time.Millisecond, 2, 12},
		{50 * time.Millisecond, 0, 12},
		{100 * time.Millisecond, 1, 12},
		{time.Second - 100*time.Millisecond, 7, 2},
		{time.Second, 0, 0},
		{time.Second, 16, 4},
		{time.Second, 4000, 32},
		{10 * time.Millisecond, 0, 32},
	} {
		now, made = now.Add(step.after), made+step.made*mib
		if got := r.after(made, now); got != step.want*mib {
			t.Fatalf("%v later, with %d MiB more: room for %d MiB, want %d", step.after, step.made, got/mib, step.want)
		}
	}
}

// TestEachCycle is told of one cycle after another.
func TestEachCycle(t *testing.T) {
	cycles := make(chan struct{}, 1)
	eachCycle(t.Context(), cycles)
	for range 3 {
		eventually(t, func() (string, bool) { // a cycle that begins while the next is prepared leaves none
			runtime.GC()
			select {
			case <-cycles:
				return "", true
			default:
				return "no signal", false
			}
		})
	}
}

// TestKeepUnmapped: at once, once a minute, and until the end.
func TestKeepUnmapped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		var at []time.Duration
		began := time.Now()
		var kept sync.WaitGroup
		kept.Go(func() { keepUnmapped(ctx, func() { at = append(at, time.Since(began)) }) })
		time.Sleep(2*time.Minute + time.Second)
		stop()
		kept.Wait()
		if want := []time.Duration{0, time.Minute, 2 * time.Minute}; !slices.Equal(at, want) {
			t.Errorf("at %v, want %v", at, want)
		}
	})
}
