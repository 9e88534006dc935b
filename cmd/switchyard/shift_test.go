package main

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"switchyard/sim"
)

const shifting = `
providers:
  fal: {<fal>, breaker: off}
targets:
  fast: {provider: fal, model: fal-ai/flux/dev}
  slow: {provider: fal, model: fal-ai/fast-sdxl}
routes:
  - {name: by-latency, when: 'headers["x-pick"] == "latency"', targets: [slow, fast], pick: latency}
  - {name: by-load, when: 'headers["x-pick"] == "load"', targets: [slow, fast], pick: load}
`

// TestTrafficMoves: when the fast target's latency goes from 0.3 to 5 s, picks by latency and by load leave it within 20
// requests, and come back after it has healed. The providers' clock runs six times as fast as ours.
func TestTrafficMoves(t *testing.T) {
	const speed = 6
	for _, pick := range []string{"latency", "load"} {
		t.Run(pick, func(t *testing.T) {
			t.Parallel()
			world, err := sim.Start(sim.Config{Speed: speed})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = world.Close() })
			takes := func(fast time.Duration) {
				world.Fal.Update(func(b *sim.Behavior) {
					b.Delay = func(model string, _ int) time.Duration {
						if model == "fal-ai/flux/dev" {
							return fast
						}
						return time.Second
					}
				})
			}
			takes(300 * time.Millisecond)
			k := startKitWith(t, world, shifting)
			var later atomic.Int64 // what our clock is ahead
			k.side.handler.Now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
			if share := k.fast(t, pick, 20); share < 12 {
				t.Errorf("at first %d of 20 went to the fast target", share)
			}
			takes(5 * time.Second)
			k.fast(t, pick, 20)
			if share := k.fast(t, pick, 20); share > 6 {
				t.Errorf("20 requests after it became slow, %d of 20 still went there", share)
			}
			takes(300 * time.Millisecond)
			later.Add(int64(time.Minute)) // nobody has been asked for a while
			k.fast(t, pick, 20)
			if share := k.fast(t, pick, 20); share < 12 {
				t.Errorf("after it healed %d of 20 went there", share)
			}
		})
	}
}

// fast makes n requests, four at a time, and is how many the fast target served.
func (k *kit) fast(t *testing.T, pick string, n int) int {
	t.Helper()
	var fast atomic.Int64
	turns := make(chan struct{})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range turns {
				a := k.post(falPath, `{"prompt":"a portrait","image_size":{"width":256,"height":256}}`, "Authorization", "Key x", "X-Pick", pick)
				if a.status != http.StatusOK {
					t.Errorf("%d %s", a.status, a.body)
				}
				if a.header.Get("X-Switchyard-Target") == "fast" {
					fast.Add(1)
				}
			}
		})
	}
	for range n {
		turns <- struct{}{}
	}
	close(turns)
	all.Wait()
	return int(fast.Load())
}
