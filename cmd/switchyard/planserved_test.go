package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
)

// TestPlansComeTrue: whatever the config and the request, whom a dry run puts first serves it, by the route and the variant that
// it names, and at its estimate where the price is by the image; what it gives to nobody, nobody serves.
func TestPlansComeTrue(t *testing.T) {
	world := newWorld(t)
	served, refused := 0, 0
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 1))
		text := randomConfig(r)
		k := startKitWith(t, world, text)
		for range 12 {
			path, body, headers := randomRequest(r)
			dry := k.post(path, body, append(headers, "X-Switchyard-Dry-Run", "true")...)
			var p struct {
				plan
				Variant string
			}
			if err := json.Unmarshal(dry.body, &p); err != nil || dry.status != http.StatusOK {
				t.Fatalf("seed %d: %d %s", seed, dry.status, dry.body)
			}
			before := len(k.rows())
			a := k.post(path, body, headers...)
			told := func(name string) string { return a.header.Get("X-Switchyard-" + name) }
			switch {
			case len(p.Targets) == 0:
				refused++
				if a.status/100 == 2 || len(k.rows()) != before {
					t.Errorf("seed %d: nobody was to serve, and %s did: %s\n%s", seed, told("Target"), body, text)
				}
			case a.status != http.StatusOK:
				t.Errorf("seed %d: %d %.300s, planned %+v: %s %v\n%s", seed, a.status, a.body, p, body, headers, text)
			case told("Target") != p.Targets[0].Target || told("Route") != p.Route || told("Variant") != p.Variant ||
				told("Cost-Usd") != p.Targets[0].Estimate.String() && !strings.HasPrefix(told("Target"), nativeName("")): // which is paid by its tokens
				t.Errorf("seed %d: served %v, planned %+v: %s %v\n%s", seed, a.header, p, body, headers, text)
			default:
				served++
			}
		}
		k.stop()
	}
	if served < 20 || refused < 3 {
		t.Errorf("only %d were served and %d refused: the test sees too little", served, refused)
	}
}

func choice[T any](r *rand.Rand, list ...T) T { return list[r.IntN(len(list))] }

func randomConfig(r *rand.Rand) string {
	var b strings.Builder
	b.WriteString("providers:\n")
	for _, name := range []string{"google", "openai", "fal"} {
		fmt.Fprintf(&b, "  %s: {<%s>, enabled: %v, price: {image: 0.0%d}}\n", name, name, r.IntN(12) > 0, 1+r.IntN(9))
	}
	b.WriteString("targets:\n")
	models := map[string][]string{
		"google": {"gemini-nano-banana-2.1", "gemini-2.5-flash-image"}, "openai": {"gpt-image-1-mini", "gpt-image-2"}, "fal": {"fal-ai/flux/dev", "fal-ai/fast-sdxl"},
	}
	names := []string{"native"}
	for i := range 5 {
		provider := choice(r, "google", "openai", "fal")
		name := fmt.Sprintf("t%d", i)
		names = append(names, name)
		fmt.Fprintf(&b, "  %s: {provider: %s, model: %s, enabled: %v, quality: %d, price: {image: 0.0%d}}\n",
			name, provider, choice(r, models[provider]...), r.IntN(8) > 0, r.IntN(3), 1+r.IntN(9))
	}
	fmt.Fprintf(&b, "experiments: {x: {unit: 'headers[\"x-user-id\"]', arms: {t0: %d, t1: 1}}}\nroutes:\n", r.IntN(3))
	for i := range 3 {
		when := choice(r, `request.images > 1`, `request.dialect == "gemini"`, `headers["x-user-id"] != "" && request.model != "m"`, `estimate_usd.exists(t, estimate_usd[t] > 0.08)`, `request.model in ["gpt-image-2", "dall-e-3"]`, `true`)
		var list []string
		for range 2 + r.IntN(4) {
			list = append(list, choice(r, names...))
		}
		if r.IntN(4) == 0 {
			fmt.Fprintf(&b, "  - {name: r%d, when: '%s', experiment: x, fallback: [%s], fidelity: %s}\n", i, strings.ReplaceAll(when, "'", "''"), strings.Join(list, ", "), choice(r, "strict", "report", "report", "report"))
			continue
		}
		fmt.Fprintf(&b, "  - {name: r%d, when: '%s', targets: [%s], pick: %s, fidelity: %s, require: {max_cost: %s, min_quality: %d}}\n",
			i, strings.ReplaceAll(when, "'", "''"), strings.Join(list, ", "), choice(r, "order", "cost", "quality"), choice(r, "strict", "report", "report", "report"),
			choice(r, "0", "0", "0", "0.1"), choice(r, 0, 0, 0, 1))
	}
	return b.String()
}

func randomRequest(r *rand.Rand) (path, body string, headers []string) {
	if r.IntN(2) == 0 {
		headers = append(headers, "X-User-Id", fmt.Sprint("u", r.IntN(5)))
	}
	prompt := fmt.Sprint("a signal box ", r.Uint64())
	if r.IntN(3) == 0 {
		model := choice(r, "imagen-4.0-generate-001", "imagen-4.0-fast-generate-001")
		return "/v1beta/models/" + model + ":predict", fmt.Sprintf(`{"instances":[{"prompt":%q}],"parameters":{"sampleCount":%d,"aspectRatio":%q}}`, prompt, 1+r.IntN(4), choice(r, "1:1", "16:9", "3:4")), headers
	}
	return openaiPath, fmt.Sprintf(`{"model":%q,"prompt":%q,"n":%d,"size":%q%s}`, choice(r, "dall-e-3", "gpt-image-2", "gpt-image-1-mini", "gpt-image-1"), prompt, 1+r.IntN(3),
		choice(r, "1024x1024", "1536x1024", "1024x1536"), choice(r, "", `,"quality":"low"`, `,"output_format":"jpeg"`, `,"background":"transparent"`)), headers
}
