package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"switchyard"
	"switchyard/sim"
)

// offline is a config with addresses that nobody asks.
func offline(text string) string {
	return strings.NewReplacer("{google}", "http://127.0.0.1:1", "{openai}", "http://127.0.0.1:1", "{fal}", "http://127.0.0.1:1",
		"{fal-queue}", "http://127.0.0.1:1", "{replicate}", "http://127.0.0.1:1").Replace(text)
}

// planning writes a config and a request, and is the command line that plans the two.
func planning(t *testing.T, text, body string) []string {
	t.Helper()
	dir := t.TempDir()
	config, request := filepath.Join(dir, "config.yaml"), filepath.Join(dir, "request.json")
	for name, text := range map[string]string{config: offline(simulated.Replace(text)), request: body} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return []string{"plan", request, "--config", config}
}

// A portrait to begin with, for the tier that needs one.
var portrait = sim.Picture(switchyard.Size{Width: 64, Height: 64}, "png", sim.Art{})

// tierRequest is one picture of a tier: its path and body.
func tierRequest(tier string, i int) (path, body string) {
	if tier != "premium" {
		return openaiPath, fmt.Sprintf(`{"model":"gpt-image-1-mini","prompt":"portrait %d","n":1,"size":"1024x1024"}`, i)
	}
	link := "data:image/png;base64," + base64.StdEncoding.EncodeToString(portrait)
	return "/v1/images/edits", fmt.Sprintf(`{"model":"gpt-image-1-mini","prompt":"portrait %d","n":1,"images":[{"image_url":%q}]}`, i, link)
}

// tierCosts are what 23 pictures cost.
var tierCosts = map[string]struct{ target, total string }{
	"preview": {"fast", "0.345"}, "standard": {"flux", "0.575"}, "pro": {"google-image", "0.92"}, "premium": {"face", "3.45"},
}

// TestPlanTiers: what 23 portraits would cost in each tier, from a file, with nobody running.
func TestPlanTiers(t *testing.T) {
	for tier, want := range tierCosts {
		path, body := tierRequest(tier, 0)
		args := append(planning(t, tiers, body), "--path", path, "-H", "x-tier: "+tier, "--times", "23")
		o := command(t, append(args, "--json"))
		var p planned
		if err := json.Unmarshal([]byte(o.out), &p); err != nil || o.code != 0 {
			t.Fatalf("%s: %+v", tier, o)
		}
		if p.Route != tier || p.Targets[0].Target != want.target || p.Totals[0].Target != want.target || p.Totals[0].Cost.String() != want.total || p.Times != 23 {
			t.Errorf("%s: %s", tier, o.out)
		}
		if o := command(t, args); o.code != 0 || !strings.Contains(o.out, "route "+tier) || !strings.Contains(o.out, "$"+want.total) {
			t.Errorf("%s: %+v", tier, o)
		}
	}
}

// TestPlanTells: the order with its reasons, who is passed over and why, and what a target cannot say.
func TestPlanTells(t *testing.T) {
	args := planning(t, tiers, `{"model":"gpt-image-1-mini","prompt":"a portrait","n":3,"size":"1024x1024","background":"transparent"}`)
	o := command(t, args)
	for _, want := range []string{"route cheapest, picked by cost", "1.  fast", "costs $0.045", "2.  flux", "3.  google-image", "$0.12", "dropped=background"} {
		if o.code != 0 || !strings.Contains(o.out, want) {
			t.Errorf("the plan does not say %q: %+v\n%s", want, o, o.out)
		}
	}
	o = command(t, append(args, "-H", "X-Tier: premium"))
	if o.code != 0 || !strings.Contains(o.out, "passed over:") || !strings.Contains(o.out, "reference") {
		t.Errorf("premium without a face: %+v", o)
	}
	unpriced := strings.Replace(strings.Replace(tiers, ", price: {image: 0.04}", "", 1), "gemini-3-pro-image", "nobody-knows", 1)
	args = planning(t, strings.Replace(unpriced, ", require: {max_cost: 0.5}", "", 1), `{"prompt":"a portrait"}`)
	if o := command(t, args); o.code != 0 || !strings.Contains(o.out, "unknown") || !strings.Contains(o.out, "its price is not known") {
		t.Errorf("without a price: %+v", o)
	}
	if o := command(t, append(args, "--json")); o.code != 0 || !strings.Contains(o.out, `"estimate_usd": null`) {
		t.Errorf("without a price, for machines: %+v", o)
	}
}

// TestPlanKey: the labels of a virtual key decide, whether its secret is at hand or not.
func TestPlanKey(t *testing.T) {
	text := strings.Replace(tiers, `headers["x-tier"] == "pro"`, `key.labels.tier == "pro"`, 1) +
		"keys:\n  - {name: web-pro, secret: \"${WEB_PRO_KEY:-}\", labels: {tier: pro}}\n  - {name: web, secret: s}\n"
	args := planning(t, text, `{"prompt":"a portrait"}`)
	for key, want := range map[string]string{"web-pro": "route pro", "web": "route cheapest"} {
		if o := command(t, append(args, "--key", key)); o.code != 0 || !strings.Contains(o.out, want) {
			t.Errorf("%s: %+v", key, o)
		}
	}
	for _, more := range [][]string{nil, {"--key", "nobody"}} {
		if o := command(t, append(args, more...)); o.code != exitUsage || !strings.Contains(o.errors, "it has: web-pro, web") {
			t.Errorf("%q: %+v", more, o)
		}
	}
}

// TestPlanMistakes: what is wrong is said, and by the exit status whose it is.
func TestPlanMistakes(t *testing.T) {
	good := planning(t, tiers, `{"prompt":"a portrait"}`)
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{append(good, "--path", "/v1/models"), exitFailed, "POST /v1/models asks for no images"},
		{append(good, "--path", "/nowhere"), exitFailed, "asks for no images"},
		{append(good, "--path", "http://x/v1"), exitUsage, "want a path"},
		{append(good, "-H", "nonsense"), exitUsage, "NAME: VALUE"},
		{append(good, "--times", "0"), exitUsage, "1 or more"},
		{planning(t, tiers, `{"contents":[{"parts":[{"text":"a portrait"}]}]}`), exitFailed, "as a request to /v1/images/generations (--path): bad_request: Missing"},
		{planning(t, tiers, `{"prompt":7}`), exitFailed, "prompt"},
		{planning(t, tiers+"more: 1\n", `{}`), exitUsage, "more"},
		{append(planning(t, tiers, `{"prompt":"a portrait"}`), "-H", "x-tier: none", "--config", good[3]), 0, ""},
		{planning(t, "providers:\n  openai: {dialect: openai}\n", `{"prompt":"a portrait"}`), exitFailed, "nobody would serve it"},
	} {
		if o := command(t, c.args); o.code != c.code || !strings.Contains(o.errors, c.says) {
			t.Errorf("%q: %+v, want %d and %s", c.args, o, c.code, c.says)
		}
	}
}

// TestTiersSpend: 23 portraits in each tier cost what the plan says, by header and by the label of a key.
func TestTiersSpend(t *testing.T) {
	byKey := tiers
	for tier := range tierCosts {
		byKey = strings.Replace(byKey, fmt.Sprintf(`headers["x-tier"] == %q`, tier), fmt.Sprintf(`key.labels.tier == %q`, tier), 1)
		byKey += map[bool]string{true: "keys:\n"}[!strings.Contains(byKey, "keys:")]
		byKey += fmt.Sprintf("  - {name: %[1]s, secret: %[1]s-key, labels: {tier: %[1]s}}\n", tier)
	}
	for name, text := range map[string]string{"header": tiers, "key": byKey} {
		t.Run(name, func(t *testing.T) {
			k := startKit(t, strings.NewReplacer("google: {dialect: gemini, key: k,", "google: {dialect: gemini, key: AIzaSySIMKEY,",
				"fal: {dialect: fal, key: k,", "fal: {dialect: fal, key: \"sim:key\",",
				"replicate: {dialect: replicate, key: k,", "replicate: {dialect: replicate, key: r8_sim,").Replace(text))
			for tier, want := range tierCosts {
				before := k.spent()
				for i := range 23 {
					path, body := tierRequest(tier, i)
					headers := []string{"Authorization", "Bearer " + tier + "-key"}
					if name == "header" {
						headers = append(headers, "X-Tier", tier)
					}
					if a := k.post(path, body, headers...); a.status != http.StatusOK || a.header.Get("X-Switchyard-Target") != want.target {
						t.Fatalf("%s: %d %.300s %v\n%v", tier, a.status, a.body, a.header, k.logs.All())
					}
				}
				if got := (k.spent() - before).String(); got != want.total {
					t.Errorf("%s: the ledger has $%s, want $%s", tier, got, want.total)
				}
			}
		})
	}
}

// spent is the sum of the ledger.
func (k *kit) spent() (sum switchyard.Money) {
	for _, r := range k.rows() {
		sum += r.Cost.Amount
	}
	return sum
}

// TestPlanOfAnExperiment tells the arm from who stands behind it, which may be the other arm, or whoever the app asked for.
func TestPlanOfAnExperiment(t *testing.T) {
	args := planning(t, `
providers: {openai: {<openai>}, fal: {<fal>}}
targets: {flux: {provider: fal, model: fal-ai/flux/dev}, fast: {provider: fal, model: fal-ai/fast-sdxl}}
experiments: {x: {unit: 'headers["x-user-id"]', arms: {flux: 1, fast: 0}}}
routes: [{name: trial, experiment: x, fallback: [flux, fast, native]}]
`, `{"model":"gpt-image-2","prompt":"a portrait"}`)
	for _, user := range []string{"u", ""} {
		o := command(t, append(args, "--json", "-H", "x-user-id: "+user))
		var p planned
		if err := json.Unmarshal([]byte(o.out), &p); err != nil {
			t.Fatalf("%v: %+v", err, o)
		}
		var reasons []string
		for _, target := range p.Targets {
			reasons = append(reasons, target.Target+": "+target.Reason)
		}
		const want = "flux: arm of the experiment, fast: fallback of the experiment, native:openai: fallback of the experiment"
		if got := strings.Join(reasons, ", "); got != want {
			t.Errorf("user %q: %s", user, got)
		}
	}
}

// TestEstimateForOwnKeys: what an app asks for with its own credential has a price, too; and a target that cannot serve says why.
func TestEstimateForOwnKeys(t *testing.T) {
	const rest = `
providers:
  google: {dialect: gemini, base_url: "{google}"}
  fal: {<fal>}
targets:
  nano: {provider: google, model: gemini-3-pro-image, price: {image: 0.04}}
  flux: {provider: fal, model: fal-ai/flux/dev, price: {image: 0.025}, enabled: false}
routes:
  - {name: all, targets: [nano, flux]}
`
	for name, c := range map[string]struct{ keys, ask, want string }{
		"of a route":   {"", `{"images":2}`, `"route":"all","target":"nano","estimate_usd":0.08,`},
		"of a target":  {"", `{"images":2,"target":"nano"}`, `"target":"nano","estimate_usd":0.08,"alternatives"`},
		"without keys": {"keys: [{name: one, secret: x}]", `{"images":2,"target":"nano"}`, `"target":"nano","estimate_usd":0.08,"reason":"no key"`},
		"switched off": {"", `{"target":"flux"}`, `"target":"flux","estimate_usd":0.025,"reason":"`},
		"the others":   {"", `{"target":"nano"}`, `[{"target":"flux","provider":"fal","model":"fal-ai/flux/dev","estimate_usd":0.025,"reason":"`},
	} {
		t.Run(name, func(t *testing.T) {
			k := startKit(t, c.keys+rest)
			if a := k.post("/switchyard/v1/estimate", c.ask, "Authorization", "Bearer x"); !strings.Contains(string(a.body), c.want) {
				t.Errorf("%d %s", a.status, a.body)
			}
		})
	}
}

// TestEstimateOfNative: a model that is named is asked for in its provider's dialect, so that native serves it, as it would the request.
func TestEstimateOfNative(t *testing.T) {
	k := startKit(t, `
providers: {fal: {<fal>}, google: {<google>}, openai: {<openai>}}
targets: {flux: {provider: fal, model: fal-ai/flux/dev, price: {image: 0.025}}}
routes: [{name: all, targets: [native, flux]}]
`)
	for ask, want := range map[string]string{
		`{"model":"gemini-3-pro-image","images":2}`: `"route":"all","target":"native:google","estimate_usd":0.2`,
		`{"model":"gpt-image-2","quality":"low"}`:   `"route":"all","target":"native:openai","estimate_usd":0.0`,
		`{"model":"house","images":2}`:              `"route":"all","target":"flux","estimate_usd":0.05,`,
		`{"images":"2"}`:                            `"images: want a whole number, got string"`,
		`{"requests":[{"size":1024}]}`:              `"size: want a string, got number"`,
		`{"requests":{}}`:                           `"requests: want an array, got object"`,
		`[]`:                                        `"want JSON such as {\"images\":23,\"target\":\"flux\",\"size\":\"1024x1024\"}"`,
	} {
		if a := k.post("/switchyard/v1/estimate", ask, "Authorization", "Bearer x"); !strings.Contains(string(a.body), want) {
			t.Errorf("%s: %s", ask, a.body)
		}
	}
}
