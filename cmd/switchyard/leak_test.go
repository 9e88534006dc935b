package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"switchyard/sim"
)

// openThings is how many goroutines and descriptors this process has.
type openThings struct{ goroutines, files int }

func countOpen(t *testing.T) openThings {
	t.Helper()
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("no way to count descriptors here")
	}
	return openThings{ours(), len(files)}
}

// ours is how many goroutines there are but for River's, which begin some seconds after the start.
func ours() (n int) {
	stacks := make([]byte, 4<<20)
	for s := range strings.SplitSeq(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
		if !strings.Contains(s, "riverqueue/river") {
			n++
		}
	}
	return n
}

// TestNothingLeft: after every fault, with apps that stay and apps that leave, as many goroutines and descriptors are
// open as before.
func TestNothingLeft(t *testing.T) {
	k := startKit(t, strings.NewReplacer("attempt: 60s", "attempt: 300ms, idle: 200ms", "failures: 5", "failures: 1000, ratio: 0").Replace(twoProviders))
	round := func(fault sim.Fault) {
		for _, p := range k.world.Providers() {
			p.Update(func(b *sim.Behavior) { b.Fault = sim.None })
		}
		k.world.Google.Update(func(b *sim.Behavior) { b.Fault = fault })
		for range 3 {
			k.post(imagenPath, predict("a", 1))
			k.post("/v1beta/models/gemini-3-pro-image:streamGenerateContent?alt=sse", `{"contents":[{"parts":[{"text":"a"}]}]}`, "X-Only", "nano")
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			k.do(ctx, http.MethodPost, imagenPath, predict("a", 1))
			cancel()
		}
	}
	settled := func() openThings {
		for name := range k.side.limits.Loads() {
			eventually(t, func() (int, bool) {
				n := k.side.limits.Load(name).InFlight
				return n, n == 0
			})
		}
		for _, p := range k.world.Providers() {
			if tr, ok := k.side.transports.of(p.Name).(*http.Transport); ok {
				tr.CloseIdleConnections()
			}
		}
		return countOpen(t)
	}
	round(sim.None)
	before := settled()
	waits := func(f sim.Fault) bool { return f == sim.RateLimit || f == sim.Quota } // nobody is asked for a while then
	faults := append(slices.DeleteFunc(sim.Faults(), waits), sim.RateLimit)
	for _, fault := range faults {
		k.world.Google.Reset()
		round(fault)
		if len(k.world.Google.Calls()) == 0 {
			t.Errorf("%s: nothing was sent", fault)
		}
		eventually(t, func() (openThings, bool) {
			now := settled()
			// A few belong to the runtime, the database and the ledger, and come and go.
			return now, now.goroutines <= before.goroutines+5 && now.files <= before.files+5
		})
	}
	eventually(t, func() (string, bool) { // work gives its place back before it lets go of its bodies
		n := k.side.handler.Runner.Pool.Memory()
		return fmt.Sprintf("%d spooled bytes are held", n), n == 0
	})
}
