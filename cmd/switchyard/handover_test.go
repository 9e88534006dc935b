package main

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"switchyard"
	"switchyard/sim"
)

// TestTheNextProcessHasTheJob: of two pictures that are asked for one by one, the first is a job at its provider when the
// second is refused. A process that ends then leaves the job to the next one, which has the picture, and what it cost is what
// the provider wants for it: the refused one was told of, too.
func TestTheNextProcessHasTheJob(t *testing.T) {
	w := slowWorld(t, 0)
	w.Replicate.Update(func(b *sim.Behavior) {
		b.Latency, b.Quirks.WaitRunsOut = sim.Latency{Min: 4 * time.Second, Max: 4 * time.Second}, true
	})
	k := startKitWith(t, w, `
server: {listen: 127.0.0.1:0, fetch_allow: [127.0.0.1], temp_dir: "{dir}/tmp", drain_timeout: 100ms}
providers:
  replicate: {<replicate>, limit: {rate: 1/s, burst: 1}}
targets:
  pro: {provider: replicate, model: black-forest-labs/flux-1.1-pro}
routes:
  - {name: all, targets: [pro]}
keys:
  - {name: one, secret: first-key}
`)
	auth := []string{"Authorization", "Bearer first-key"}
	p := k.post(createPath, `{"input":{"prompt":"a red fox","num_outputs":2}}`, auth...).prediction(t)
	asked := func(status int) {
		eventually(t, func() ([]sim.Call, bool) {
			calls := w.Replicate.Calls()
			return calls, slices.ContainsFunc(calls, func(c sim.Call) bool { return c.Method == http.MethodPost && c.Status == status })
		})
	}
	asked(http.StatusCreated)
	w.Replicate.Update(func(b *sim.Behavior) { b.Fault = sim.RateLimit })
	asked(http.StatusTooManyRequests)
	k.restart()
	p = eventually(t, func() (prediction, bool) {
		p := k.do(t.Context(), http.MethodGet, "/replicate/v1/predictions/"+p.ID, "", auth...).prediction(t)
		return p, p.Status != "starting" && p.Status != "processing"
	})
	if p.Status != "succeeded" || len(p.Output) != 1 {
		t.Errorf("%s %s %.40v", p.Status, p.Error, p.Output)
	}
	var cost switchyard.Money
	for _, row := range k.rows() {
		cost += row.Cost.Amount
	}
	if cost != w.Replicate.Total() {
		t.Errorf("the ledger has %v: %+v; the provider wants %v", cost, k.rows(), w.Replicate.Total())
	}
}
