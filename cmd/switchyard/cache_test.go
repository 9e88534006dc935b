package main

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"switchyard"
	"switchyard/sim"
)

const caching = `
keys:
  - {name: one, secret: key-one, tenant: acme}
  - {name: two, secret: key-two, tenant: other}
providers:
  fal: {<fal>, breaker: off}
targets:
  flux: {provider: fal, model: fal-ai/flux/dev, price: {image: 0.025}}
routes:
  - {name: shared, targets: [flux], cache: {ttl: 10m}}
`

const falPath = "/fal/run/fal-ai/flux/dev"

// TestCache: the same seeded request of the same tenant is made once, whoever waits for it has it too, and a hit is a
// generation that cost nothing.
func TestCache(t *testing.T) {
	k := startKit(t, caching)
	const seeded = `{"prompt":"a signal box","seed":7}`
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if a := k.post(falPath, seeded, "Authorization", "Key key-one"); a.status != http.StatusOK {
				t.Errorf("%d %s", a.status, a.body)
			}
		})
	}
	all.Wait()
	if n := len(k.world.Fal.Bill()); n != 1 {
		t.Fatalf("8 times the same request cost %d pictures", n)
	}
	a := k.post(falPath, seeded, "Authorization", "Key key-one")
	for name, want := range map[string]string{
		"Cache": "hit", "Cost-Usd": "0", "Cost-Basis": "cached", "Target": "flux", "Route": "shared", "Fidelity": "exact", "Attempts": "0",
	} {
		if got := a.header.Get("X-Switchyard-" + name); got != want {
			t.Errorf("X-Switchyard-%s of a hit is %q, want %q", name, got, want)
		}
	}
	k.side.settled(t.Context())
	acc, err := k.side.store.Generation(context.Background(), a.header.Get("X-Switchyard-Id"))
	g := acc.Generation
	if err != nil || g.Cost != (switchyard.Cost{Charge: switchyard.ChargeNone, Basis: switchyard.BasisCached}) || g.Delivered != 1 || g.Provider != "fal" || g.Tenant != "acme" {
		t.Errorf("the ledger has %+v, %v", g, err)
	}
	if bytes.Count(a.body, []byte(`"url"`)) != 1 {
		t.Error("a hit has no picture")
	}
	for name, ask := range map[string]func() answer{
		"another tenant": func() answer { return k.post(falPath, seeded, "Authorization", "Key key-two") },
		"another prompt": func() answer {
			return k.post(falPath, `{"prompt":"a station","seed":7}`, "Authorization", "Key key-one")
		},
		"no seed":        func() answer { return k.post(falPath, `{"prompt":"a signal box"}`, "Authorization", "Key key-one") },
		"no seed, again": func() answer { return k.post(falPath, `{"prompt":"a signal box"}`, "Authorization", "Key key-one") },
	} {
		before := len(k.world.Fal.Bill())
		if a := ask(); a.header.Get("X-Switchyard-Cache") == "hit" || len(k.world.Fal.Bill()) != before+1 {
			t.Errorf("%s: answered from the cache", name)
		}
	}
}

// TestCacheKeepsNoFailure: what failed, was refused or came in part is made anew.
func TestCacheKeepsNoFailure(t *testing.T) {
	for _, fault := range []sim.Fault{sim.Refuse, sim.Filter, sim.FilterSome, sim.NotImage} {
		k := startKit(t, caching)
		const two = `{"prompt":"a signal box","seed":7,"num_images":2}`
		k.world.Fal.Update(func(b *sim.Behavior) { b.Fault, b.Times = fault, 1 })
		k.post(falPath, two, "Authorization", "Key key-one")
		a := k.post(falPath, two, "Authorization", "Key key-one")
		if a.status != http.StatusOK || a.header.Get("X-Switchyard-Cache") != "miss" || bytes.Count(a.body, []byte(`"url"`)) != 2 {
			t.Errorf("after %s: %d %v", fault, a.status, a.header)
		}
		if a := k.post(falPath, two, "Authorization", "Key key-one"); a.header.Get("X-Switchyard-Cache") != "hit" {
			t.Errorf("after %s, and a success: %v", fault, a.header)
		}
	}
}

// cachingJobs shares what a provider makes as a job, which it cancels when it is told to.
const cachingJobs = `
keys:
  - {name: one, secret: key-one, tenant: acme}
providers:
  fal: {<fal>, breaker: off}
targets:
  banana: {provider: fal, model: fal-ai/nano-banana, price: {image: 0.04}}
routes:
  - {name: shared, targets: [banana], cache: {ttl: 10m, unseeded: true}}
`

// TestCacheMakesRoom: an answer that is gone by the time that it is read is made anew, since nothing is wrong with the request.
func TestCacheMakesRoom(t *testing.T) {
	k := startKit(t, caching+"store: {database: \"sqlite:{dir}/db\", journal: \"{dir}/journal\", assets: {url: \"file:{dir}/assets\"}, cache: 1B}\n")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if a := k.post(falPath, `{"prompt":"a signal box","seed":7}`, "Authorization", "Key key-one"); a.status != http.StatusOK {
				t.Errorf("%d %s", a.status, a.body)
			}
		})
	}
	all.Wait()
}

// TestCacheOutlivesItsMaker: what others wait for is not cancelled because the first of them has left.
func TestCacheOutlivesItsMaker(t *testing.T) {
	world, err := sim.Start(sim.Config{Speed: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = world.Close() })
	k := startKitWith(t, world, cachingJobs)
	answer := make(chan struct{})
	world.Fal.Update(func(b *sim.Behavior) { b.Latency = sim.Latency{Min: time.Second, Max: time.Second} })
	const path, body = "/v1/images/generations", `{"model":"gpt-image-1","prompt":"a signal box"}`
	first, leave := context.WithCancel(t.Context())
	go func() {
		r, _ := http.NewRequestWithContext(first, http.MethodPost, k.url+path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer key-one")
		if resp, err := http.DefaultClient.Do(r); err == nil {
			_ = resp.Body.Close()
		}
	}()
	eventually(t, func() (int, bool) { n := len(world.Fal.Calls()); return n, n > 0 })
	go func() {
		defer close(answer)
		if a := k.post(path, body, "Authorization", "Bearer key-one"); a.status != http.StatusOK {
			t.Errorf("%d %s", a.status, a.body)
		}
	}()
	<-time.After(200 * time.Millisecond) // by then the other waits, too
	leave()
	<-answer
	if rows := k.rows(); len(rows) != 1 || rows[0].Outcome != switchyard.OK {
		t.Errorf("attempts are %+v", rows)
	}
}

// TestRuleTroubleOfAHit: what is answered from the cache has taken a route as well, and its rules may have failed.
func TestRuleTroubleOfAHit(t *testing.T) {
	k := startKit(t, strings.Replace(caching, "routes:\n", "routes:\n  - {name: bad, when: 'int(headers[\"x-number\"]) > 1', targets: [flux]}\n", 1))
	for range 2 {
		k.post(falPath, `{"prompt":"a signal box","seed":7}`, "Authorization", "Key key-one", "X-Number", "many")
	}
	page := string(k.operate(http.MethodGet, "/metrics", "").body)
	for _, want := range []string{`switchyard_rule_errors_total{of="route \"bad\""} 2`, `switchyard_cache_requests_total{result="hit",route="shared"} 1`} {
		if !strings.Contains(page, want) {
			t.Errorf("the metrics have no %s", want)
		}
	}
}
