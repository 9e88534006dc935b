package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"switchyard"
	"switchyard/proxy"
	"switchyard/sim"
)

const hedging = `
providers:
  google: {<google>}
  fal: {<fal>}
targets:
  google-image: {provider: google, model: gemini-3-pro-image, price: {image: 0.04}}
  flux: {provider: fal, model: fal-ai/flux/dev, price: {image: 0.025}}
routes:
  - {name: raced, targets: [google-image, flux], hedge: {after: 50ms, max_extra: 100%}}
`

// TestHedge: the second target serves, the first one's picture is awaited without the app, and the ledger has both.
func TestHedge(t *testing.T) {
	world, err := sim.Start(sim.Config{Speed: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = world.Close() })
	k := startKitWith(t, world, hedging)
	const long = 400 * time.Millisecond
	world.Google.Update(func(b *sim.Behavior) { b.Latency = sim.Latency{Min: long, Max: long} })
	a := k.post(openaiPath, `{"model":"gpt-image-1","prompt":"a portrait","size":"1024x1024"}`, "Authorization", "Bearer x")
	if a.status != http.StatusOK || a.header.Get("X-Switchyard-Target") != "flux" || a.header.Get("X-Switchyard-Cost-Usd") != "0.065" {
		t.Fatalf("%d %v %.200s", a.status, a.header, a.body)
	}
	k.side.handler.Drain(t.Context())
	told := k.logs.FilterMessage("request").FilterField(zap.String("id", a.header.Get("X-Switchyard-Id"))).All()
	if len(told) != 1 || told[0].ContextMap()["attempts"] != int64(2) || a.header.Get("X-Switchyard-Attempts") != "2" {
		t.Errorf("two were asked by then; the header says %q, the log %v", a.header.Get("X-Switchyard-Attempts"), told)
	}
	var sum switchyard.Money
	for _, r := range k.rows() {
		sum += r.Cost.Amount
		if r.Outcome != switchyard.OK || r.Cost.Charge != switchyard.ChargeSettled {
			t.Errorf("%+v", r)
		}
	}
	if sum != 65*switchyard.Dollar/1000 {
		t.Errorf("the ledger has %v", sum)
	}
	if g, err := k.side.store.Generation(t.Context(), a.header.Get("X-Switchyard-Id")); err != nil || g.Generation.Attempts != 2 {
		t.Errorf("the generation has %d attempts: %v", g.Generation.Attempts, err)
	}
	check, err := k.side.store.Check(t.Context())
	if err != nil || len(check.Wrong) > 0 || check.Generations != sum {
		t.Errorf("the generation does not have what its attempts cost: %+v %v", check, err)
	}
}

// TestHedgeUnheard: that an app leaves in the middle of its answer changes nothing in how the generation ended, neither in its row,
// which is written once more when the loser has ended, nor in the metrics.
func TestHedgeUnheard(t *testing.T) {
	k := startKitWith(t, slowWorld(t, 0), hedging)
	left := make(chan struct{})
	k.world.Google.Update(func(b *sim.Behavior) { b.Delay = func(string, int) time.Duration { <-left; return 0 } })
	k.world.Fal.Update(func(b *sim.Behavior) { b.Bytes = 12 << 20 }) // more than lies in sockets
	resp := k.events(openaiPath, `{"model":"gpt-image-1","prompt":"a portrait","size":"1024x1024"}`, "Authorization", "Bearer x")
	_ = resp.Body.Close()
	close(left)
	k.side.handler.Drain(t.Context())
	k.rows()
	acc, err := k.side.store.Generation(t.Context(), resp.Header.Get("X-Switchyard-Id"))
	if err != nil || len(acc.Attempts) != 2 || acc.Generation.Outcome != switchyard.OK {
		t.Errorf("%v: %+v", err, acc)
	}
	if told := k.logs.FilterMessage("request").All(); len(told) != 1 || told[0].Level != zap.WarnLevel {
		t.Errorf("the app had it all: %v", told)
	}
	if page := k.metrics(""); !strings.Contains(page, `switchyard_generations_total{outcome="ok",route="raced"} 1`) {
		t.Error("the metrics have it otherwise")
	}
}

// TestHedgeTellsHowLongTheLoserTook: a target that always loses is not asked first for ever, as one of which nothing is known.
func TestHedgeTellsHowLongTheLoserTook(t *testing.T) {
	k := startKitWith(t, slowWorld(t, 0), strings.Replace(hedging, "hedge:", "pick: latency, hedge:", 1))
	const long = 400 * time.Millisecond
	k.world.Google.Update(func(b *sim.Behavior) { b.Latency = sim.Latency{Min: long, Max: long} })
	const portrait = `{"model":"gpt-image-1","prompt":"a portrait","size":"1024x1024"}`
	if a := k.post(openaiPath, portrait, "Authorization", "Bearer x"); a.header.Get("X-Switchyard-Target") != "flux" {
		t.Fatalf("%d, by %q", a.status, a.header.Get("X-Switchyard-Target"))
	}
	k.settledRows(2)
	plan := k.post(openaiPath, portrait, "Authorization", "Bearer x", "X-Switchyard-Dry-Run", "true")
	var doc proxy.PlanDoc
	if err := json.Unmarshal(plan.body, &doc); err != nil || len(doc.Targets) != 2 || doc.Targets[0].Target != "flux" {
		t.Errorf("%v, %s", err, plan.body)
	}
}
