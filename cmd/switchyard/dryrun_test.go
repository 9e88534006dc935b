package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"switchyard"
	"switchyard/proxy"
)

// tiers are an app's four: each image has the price that the operator wrote down.
const tiers = `
providers:
  google: {dialect: gemini, key: k, base_url: "{google}"}
  fal: {dialect: fal, key: k, base_url: "{fal}", queue_url: "{fal-queue}"}
  replicate: {dialect: replicate, key: k, base_url: "{replicate}"}
targets:
  fast: {provider: fal, model: fal-ai/fast-sdxl, price: {image: 0.015}}
  flux: {provider: fal, model: fal-ai/flux/dev, price: {image: 0.025}}
  google-image: {provider: google, model: gemini-3-pro-image, price: {image: 0.04}}
  face: {provider: replicate, model: fofr/face-to-many, price: {image: 0.15}}
routes:
  - {name: preview, when: 'headers["x-tier"] == "preview"', targets: [fast]}
  - {name: standard, when: 'headers["x-tier"] == "standard"', targets: [flux]}
  - {name: pro, when: 'headers["x-tier"] == "pro"', targets: [google-image]}
  - {name: premium, when: 'headers["x-tier"] == "premium"', targets: [face, google-image]}
  - {name: cheapest, targets: [google-image, flux, fast], pick: cost, require: {max_cost: 0.5}}
`

type plan struct {
	Route   string
	Targets []struct {
		Target   string
		Estimate json.Number `json:"estimate_usd"`
	}
	Passed []struct{ Target, Reason string }
}

// TestDryRunInOtherWords: whoever does not say no, and does not quite say yes either, does not pay.
func TestDryRunInOtherWords(t *testing.T) {
	k := startKit(t, twoProviders)
	for _, word := range []string{"yes", "on", "2", "TRUE", "ture"} {
		if a := k.post(openaiPath, `{"prompt":"a portrait"}`, "X-Switchyard-Dry-Run", word, "Authorization", "Bearer x"); a.status != http.StatusOK || !strings.Contains(string(a.body), `"targets"`) {
			t.Errorf("%s: %d %.80s", word, a.status, a.body)
		}
	}
	for _, word := range []string{"false", "0", "No", "off"} {
		if a := k.post(openaiPath, `{"prompt":"a portrait"}`, "X-Switchyard-Dry-Run", word, "Authorization", "Bearer x"); a.status != http.StatusOK || len(a.images(t)) != 1 {
			t.Errorf("%s: %d %.80s", word, a.status, a.body)
		}
	}
	if n := len(k.rows()); n != 4 {
		t.Errorf("%d were paid for", n)
	}
}

// TestDryRun: the plan says who would be asked and what 23 pictures would cost, and nobody is asked.
func TestDryRun(t *testing.T) {
	k := startKit(t, tiers)
	body := `{"model":"gpt-image-1","prompt":"a portrait","n":10,"size":"1024x1024"}`
	ask := func(tier string) plan {
		a := k.post(openaiPath, body, "X-Tier", tier, "X-Switchyard-Dry-Run", "true", "Authorization", "Bearer x")
		var p plan
		if err := json.Unmarshal(a.body, &p); err != nil || a.status != http.StatusOK {
			t.Fatalf("%s: %d %s", tier, a.status, a.body)
		}
		return p
	}
	for tier, want := range map[string]struct{ target, estimate string }{
		"preview": {"fast", "0.15"}, "standard": {"flux", "0.25"}, "pro": {"google-image", "0.4"},
	} {
		p := ask(tier)
		if p.Route != tier || len(p.Targets) != 1 || p.Targets[0].Target != want.target || p.Targets[0].Estimate.String() != want.estimate {
			t.Errorf("%s: %+v", tier, p)
		}
	}
	if p := ask("premium"); len(p.Passed) != 1 || p.Passed[0].Target != "face" || !strings.Contains(p.Passed[0].Reason, "reference") {
		t.Errorf("without a face: %+v", p)
	}
	if p := ask(""); p.Targets[0].Target != "fast" || p.Targets[2].Target != "google-image" {
		t.Errorf("by cost: %+v", p)
	}
	for _, p := range k.world.Providers() {
		if n := len(p.Calls()); n != 0 {
			t.Errorf("%s was called %d times", p.Name, n)
		}
	}
	if rows := k.rows(); len(rows) != 0 {
		t.Errorf("the ledger has %+v", rows)
	}
}

// TestDryRunKnowsBreakers: a target that its breaker keeps out just now is not told as the one that would be asked, unless the route tries
// them all the same when all are out.
func TestDryRunKnowsBreakers(t *testing.T) {
	k := startKit(t, `
providers: {google: {<google>}, openai: {<openai>}}
targets: {nano: {provider: google, model: gemini-nano-banana-2.1}, gpt: {provider: openai, model: gpt-image-1-mini}}
routes:
  - {name: alone, when: 'headers["x-only"] == "nano"', targets: [nano]}
  - {name: tried, when: 'headers["x-only"] == "tried"', targets: [nano], when_all_open: try}
  - {name: both, targets: [nano, gpt]}
`)
	done, err := k.side.breakers.Allow("nano")
	if err != nil {
		t.Fatal(err)
	}
	done(switchyard.RateLimited, time.Hour)
	for only, want := range map[string]string{"": "gpt", "nano": "", "tried": "nano"} {
		a := k.post(openaiPath, `{"prompt":"a cat"}`, "Authorization", "Bearer x", "X-Only", only, "X-Switchyard-Dry-Run", "1")
		var doc proxy.PlanDoc
		if err := json.Unmarshal(a.body, &doc); err != nil {
			t.Fatalf("%v: %s", err, a.body)
		}
		first := ""
		if len(doc.Targets) > 0 {
			first = doc.Targets[0].Target
		}
		out := want != "nano"
		if first != want || out != (len(doc.Passed) == 1 && strings.Contains(doc.Passed[0].Reason, "breaker is open for another ")) {
			t.Errorf("%q: %q would be asked, want %q: %s", only, first, want, a.body)
		}
	}
}
