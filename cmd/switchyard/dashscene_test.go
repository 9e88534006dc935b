package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"switchyard"
	"switchyard/ledger"
	"switchyard/sim"
)

// badHourConfig is a config under which much can be wrong at once: a budget for each tenant, prices that nobody knows, a target
// that may have charged.
const badHourConfig = `
providers:
  google: {<google>}
  openai: {<openai>, breaker: off}
  fal: {<fal>}
targets:
  nano: {provider: google, model: gemini-nano-banana-2.1, price: {image: 0.025}}
  flux: {provider: fal, model: fal-ai/flux/dev}
budgets:
  - {name: daily, scope: all, usd: 100, per: day}
  - {name: each-tenant, scope: tenant, usd: 0.025, per: day}
routes:
  - {name: cut, when: 'headers["x-tier"] == "cut"', targets: [nano]}
  - {name: everybody-with-flux-in-front-of-nano, when: 'headers["x-tier"] == "flux"', targets: [flux, nano]}
  - {name: everybody, targets: [native, nano]}
`

// badHour is a sidecar after a bad hour, and a browser before it.
func badHour(t *testing.T) *browser {
	t.Helper()
	k := startKit(t, badHourConfig)
	now := time.Now()
	k.history(now)
	ask := func(tier, tenant string) {
		k.post(openaiPath, `{"model":"gpt-image-1-mini","prompt":"a cat"}`, "X-Tier", tier, "Authorization", "Bearer "+tenant)
	}
	for i := range 3 {
		ask("flux", fmt.Sprint("flux-", i))
		ask("all", fmt.Sprint("all-", i))
	}
	k.riddles(now, 2)
	k.world.Google.Update(func(b *sim.Behavior) { b.Fault = sim.ResetLate })
	for i := range 5 {
		ask("cut", fmt.Sprint("cut-", i))
	}
	k.world.OpenAI.Update(func(b *sim.Behavior) { b.Fault = sim.Fail })
	for i := range 6 {
		ask("all", fmt.Sprint("failed-", i))
	}
	k.look(now)
	k.look(now.Add(time.Second))
	b := k.browse()
	b.login()
	return b
}

// riddles puts generations into the ledger that cost what nobody knows.
func (k *kit) riddles(now time.Time, n int) {
	k.Helper()
	var records []ledger.Record
	for i := range n {
		a := switchyard.Attempt{
			ID: fmt.Sprint("riddle-", i), Generation: fmt.Sprint("of-riddle-", i), Number: 1, Target: "nano", Provider: "google", Started: now, Latency: time.Second,
			Stage: switchyard.Answered, Outcome: switchyard.OK, Images: 1, Cost: switchyard.Cost{Basis: switchyard.BasisUnknown, Charge: switchyard.ChargeSettled},
		}
		g := switchyard.Generation{ID: a.Generation, Kind: "generation", Route: "cut", Started: now, Latency: time.Second, Outcome: switchyard.OK, Attempts: 1, Asked: 1, Delivered: 1, Cost: a.Cost}
		records = append(records, ledger.OpenRecord(a), ledger.SettleRecord(a), ledger.BeginRecord(g), ledger.EndRecord(g))
	}
	if err := k.side.store.Apply(context.Background(), ledger.Batch{Journal: "riddles", Last: uint64(len(records)), Records: records}); err != nil {
		k.Fatal(err)
	}
}

// TestDashboardInTrouble: what matters comes first, and nothing is cut off, on a desk and on a phone.
func TestDashboardInTrouble(t *testing.T) {
	b := badHour(t)
	b.open("/admin/ai-metrics")
	if text := b.text(".problems"); !strings.Contains(text, "budgets are spent: each-tenant of tenant credential-") || strings.Count(text, "each-tenant of") != 3 {
		t.Errorf("the problems are %s", text)
	}
	b.until(`[...document.querySelectorAll(".u-legend")].every((l) => l.textContent.includes("the last 24 hours") && !l.textContent.includes("—"))`)
	if ended := b.text("[data-chart=traffic] .u-series:nth-child(2) .u-value"); ended != b.text("#sum-generations") {
		t.Errorf("nobody points at the chart, and it says %s", ended)
	}
	b.open("/admin/ai-metrics/alerts")
	states := eval[[]string](b, `[...document.querySelectorAll("#live-alerts .state")].map((s) => s.textContent)`)
	if !slices.IsSorted(states) || len(states) < 3 || states[0] != "firing" || states[len(states)-1] != "pending" {
		t.Errorf("the alerts are %v", states)
	}
	if eval[bool](b, `document.querySelector("#live-quiet").checkVisibility()`) {
		t.Error("quiet alerts are in sight")
	}
	b.click("summary")
	b.until(`document.querySelector("#live-quiet").checkVisibility()`)
	b.open("/admin/ai-metrics/budgets")
	if first := b.text("#live-budgets tbody .state"); first != "spent" {
		t.Errorf("first there is a budget that is %s", first)
	}
	b.open("/admin/ai-metrics/generations")
	b.click("#older")
	tryTo(b, chromedp.WaitVisible(chromedp.CSS("#newest")))
	if rows := eval[[]string](b, `[...document.querySelectorAll("#live-generations tbody tr")].map((r) => r.id)`); len(rows) != 50 || slices.Contains(rows, "g-of-riddle-0") {
		t.Errorf("the second page has %v", rows)
	}
	b.click("#newest")
	tryTo(b, chromedp.WaitVisible(chromedp.CSS("#g-of-riddle-0")))
	for _, scheme := range []string{"light", "dark"} {
		b.lights(scheme)
		for _, page := range []string{"", "/generations", "/budgets", "/alerts"} {
			name := "trouble-" + strings.TrimPrefix(page, "/") + "-" + scheme
			b.open("/admin/ai-metrics" + page)
			b.shoot(name, 1366, 1500)
			b.shoot(name+"-phone", 375, 3600)
			b.fits(name)
			if page == "/generations" {
				if tall := eval[float64](b, `document.querySelector("#live-generations").offsetHeight`); tall > 8000 {
					t.Errorf("50 generations are %v pixels on a phone", tall)
				}
			}
		}
	}
}

// fits fails for each text that ends beyond the edge of what it is in.
func (b *browser) fits(name string) {
	b.Helper()
	for _, text := range eval[[]string](b, `[...document.querySelectorAll("header, .panel, .verdict, .figures")].flatMap((box) => {
		const edge = (e) => e.getBoundingClientRect().right + 0.5;
		const texts = document.createTreeWalker(box, NodeFilter.SHOW_TEXT, (text) =>
			text.data.trim() && !text.parentElement.closest(".sr, thead, details:not([open])") ? NodeFilter.FILTER_ACCEPT : NodeFilter.FILTER_SKIP);
		const out = [];
		const range = document.createRange();
		while (texts.nextNode()) {
			range.selectNodeContents(texts.currentNode);
			const end = edge(texts.currentNode.parentElement.closest("td, th") || box);
			if ([...range.getClientRects()].some((r) => r.right > end)) out.push(texts.currentNode.data.trim());
		}
		return out;
	})`) {
		b.Errorf("%s: cut off: %s", name, text)
	}
}
