package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"switchyard/admin"
	"switchyard/sim"
)

const probed = `
providers:
  google: {<google>, probe: {path: /v1beta/models, every: 1s}}
  openai: {<openai>, probe: {path: /v1/models, every: 1s}}
  keyless: {dialect: openai, base_url: "{openai}", probe: {path: /v1/keyless, every: 1s}}
targets:
  nano: {provider: google, model: gemini-nano-banana-2.1}
routes:
  - {name: bad, when: 'int(headers["x-number"]) > 7', targets: [native]}
  - {name: all, targets: [nano]}
`

// health asks as anybody may.
func (k *kit) health() admin.Health {
	k.Helper()
	w := httptest.NewRecorder()
	k.side.admin.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/health", nil))
	var h admin.Health
	if err := json.Unmarshal(w.Body.Bytes(), &h); err != nil {
		k.Fatal(err)
	}
	return h
}

// TestProbe: a provider that nobody asks is asked for a page that costs nothing, with our key, unless it is stopped.
func TestProbe(t *testing.T) {
	k := startKit(t, probed)
	eventually(t, func() (int, bool) { n := len(k.world.Google.Calls()); return n, n > 1 })
	c := k.world.Google.Calls()[0]
	if c.Method != http.MethodGet || c.Path != "/v1beta/models" || c.Header.Get("X-Goog-Api-Key") != "AIzaSySIMKEY" || c.Status != http.StatusOK {
		t.Errorf("google got %+v", c)
	}
	if h := k.health(); !h.Providers["google"].Healthy || h.Status != "healthy" {
		t.Errorf("health: %+v", h)
	}
	k.world.Google.Update(func(b *sim.Behavior) { b.Fault = sim.Refuse })
	h := eventually(t, func() (admin.Health, bool) { h := k.health(); return h, !h.Providers["google"].Healthy })
	if p := h.Providers["google"].Problem; h.Status != "degraded" || p != "probe: status 503" {
		t.Errorf("refused: %+v", h)
	}
	if s := k.side.breakers.State("nano"); s.Counts.Failed != 0 {
		t.Errorf("its breaker counts %+v", s.Counts)
	}
	k.mustKill(`{"scope":"provider","name":"google"}`)
	k.restart()
	before := len(k.world.Google.Calls())
	eventually(t, func() (int, bool) { n := len(k.world.OpenAI.Calls()); return n, n > 5 })
	if n := len(k.world.Google.Calls()) - before; n != 0 {
		t.Errorf("stopped by hand, it was probed %d times", n)
	}
	if h := k.health(); h.Providers["google"].Healthy || len(h.Problems) != 1 || h.Problems[0] != `stopped by hand: provider "google"` {
		t.Errorf("stopped by hand: %+v", h)
	}
	for _, c := range k.world.OpenAI.Calls() {
		if c.Path == "/v1/keyless" {
			t.Error("a provider without a key was probed")
		}
	}
	if rows := k.rows(); len(rows) != 0 {
		t.Errorf("the ledger has %+v", rows)
	}
}

// TestProbeOfALocation: each location of Google Cloud's is asked at its own address.
func TestProbeOfALocation(t *testing.T) {
	asked := make(chan string, 1)
	way := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case asked <- r.Method + " " + r.Host:
		default:
		}
		w.WriteHeader(http.StatusBadGateway)
	}))
	defer way.Close()
	startKit(t, `providers: {cloud: {dialect: vertex, key: k, project: p, location: us-east4, proxy: "`+way.URL+`",
  probe: {path: /v1/projects/p/locations/us-east4/publishers/google/models/gemini-3-pro-image}}}`)
	if got := <-asked; got != "CONNECT us-east4-aiplatform.googleapis.com:443" {
		t.Errorf("got %s", got)
	}
}

// TestRuleTrouble: a rule that cannot be worked out for a request is named, and counted.
func TestRuleTrouble(t *testing.T) {
	k := startKit(t, probed)
	if a := k.post(openaiPath, `{"prompt":"a cat"}`, "X-Number", "many", "Authorization", "Bearer x"); a.status != http.StatusOK || a.header.Get("X-Switchyard-Route") != "all" {
		t.Errorf("%d %s", a.status, a.body)
	}
	h := eventually(t, func() (admin.Health, bool) { h := k.health(); return h, len(h.Problems) > 0 })
	if h.Status != "degraded" || !strings.HasPrefix(h.Problems[0], `the rule of route "bad" failed for 1 requests`) {
		t.Errorf("health: %+v", h)
	}
	if a := k.operate(http.MethodGet, "/metrics", ""); !strings.Contains(string(a.body), `switchyard_rule_errors_total{of="route \"bad\""} 1`) {
		t.Error("it is not counted")
	}
}

// TestProbeFaults: what is wrong with a probe is told with its place.
func TestProbeFaults(t *testing.T) {
	_, err := load("test.yaml", []byte("providers:\n  a: {dialect: openai, probe: {path: models}}\n  b: {dialect: openai, probe: {path: /v1/models, every: 10ms}}\n"), noEnv)
	for _, want := range []string{`want a path such as /v1beta/models, got "models"`, "want 1s or more, got 10ms", "test.yaml:2", "test.yaml:3"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %s", err, want)
		}
	}
}
