package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
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
