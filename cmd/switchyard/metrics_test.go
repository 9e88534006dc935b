package main

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"switchyard/breaker"
	"switchyard/sim"
)

// metrics are the program's own page, as a scraper asks for it.
func (k *kit) metrics(accept string) string {
	k.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://"+k.admin+"/metrics", nil)
	if err != nil {
		k.Fatal(err)
	}
	req.Header.Set("Accept", accept)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		k.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		k.Fatal(resp.Status, err)
	}
	return string(b)
}

// busyConfig has something of everything that metrics tell of.
const busyConfig = `
providers:
  google: {<google>, breaker: {failures: 1, cooldown: 60s}, probe: {path: /v1beta/models, every: 1h}}
  openai: {<openai>, limit: {concurrent: 10}}
targets:
  nano: {provider: google, model: gemini-nano-banana-2.1}
  gpt: {provider: openai, model: gpt-image-1-mini}
keys:
  - {name: web, secret: app-secret, tenant: acme, budget: {usd: 5}}
budgets:
  - {name: daily, scope: all, usd: 10}
  - {name: tenants, scope: tenant, usd: 10}
routes:
  - {name: quick, when: 'headers["x-quick"] == "1"', targets: [nano, gpt], hedge: {after: 1ms, max_extra: 100%}}
  - {name: all, targets: [nano, gpt], cache: {ttl: 10m, unseeded: true}}
`

// missing is what of all that an operator needs is not in a page of metrics.
func missing(text string) (list []string) {
	for _, line := range []string{
		`switchyard_requests_total{code="2xx",dialect="gemini",kind="generation"} 2`,
		`switchyard_requests_total{code="4xx",dialect="none",kind="none"} 1`,
		`switchyard_request_duration_seconds_count{dialect="gemini",kind="generation"} 2`,
		`switchyard_generations_total{outcome="ok",route="all"} 2`,
		`switchyard_generation_duration_seconds_count{route="all"} 2`,
		`switchyard_attempts_total{outcome="overloaded",provider="google",target="nano"} 1`,
		`switchyard_attempts_total{outcome="ok",provider="openai",target="gpt"} 1`,
		`switchyard_attempt_duration_seconds_count{provider="openai",target="gpt"} 1`,
		`switchyard_images_total{provider="openai",target="gpt"} 1`,
		`switchyard_cache_requests_total{result="hit",route="all"} 1`,
		`switchyard_cache_requests_total{result="miss",route="all"} 1`,
		`switchyard_fallbacks_total{route="all"} 1`,
		`switchyard_breaker_state{phase="open",target="nano"} 1`,
		`switchyard_breaker_state{phase="closed",target="gpt"} 1`,
		`switchyard_breaker_state{phase="closed",target="native:openai"} 1`,
		`switchyard_provider_in_flight{provider="openai"} 0`,
		`switchyard_target_waiting{target="gpt"} 0`,
		`switchyard_kills_in_force{scope="provider"} 1`,
		`switchyard_provider_stopped{provider="google"} 1`,
		`switchyard_provider_stopped{provider="openai"} 0`,
		`switchyard_target_stopped{target="nano"} 1`,
		`switchyard_target_stopped{target="gpt"} 0`,
		`switchyard_journal_lag_records 0`,
		`switchyard_ledger_stuck 0`,
		`switchyard_journal_failing 0`,
		`switchyard_config_reloads_total{result="ok"} 1`,
		`switchyard_config_reloads_total{result="refused"} 0`,
		`switchyard_config_last_reload_successful 1`,
		`switchyard_requests_in_flight 0`,
		`switchyard_tickets_in_flight 0`,
		`switchyard_spool_memory_bytes 0`,
		`switchyard_provider_healthy{provider="openai"} 1`,
	} {
		if !strings.Contains(text, "\n"+line+"\n") {
			list = append(list, line)
		}
	}
	for _, part := range []string{
		`switchyard_cost_dollars_total{charge="settled",provider="openai",target="gpt"} 0.`, `switchyard_budget_used_ratio{budget="daily"} 0.0`,
		`switchyard_budget_used_ratio{budget="key:web"} 0.0`, `switchyard_build_info{goversion="go1.`, `switchyard_spool_memory_limit_bytes 2.5`,
		`switchyard_probe_success{provider="google"}`, `switchyard_config_last_reload_success_timestamp_seconds 1.`, `switchyard_trace_spans_total{result="sent"}`,
	} {
		if !strings.Contains(text, "\n"+part) {
			list = append(list, part+"…")
		}
	}
	return list
}

// TestMetrics: what an operator needs is there, by names that Prometheus's linter likes.
func TestMetrics(t *testing.T) {
	c := collect(t)
	k := startKit(t, busyConfig+"tracing: {otlp: \""+c.url+"\", sample: 1}\n")
	k.world.Google.Update(func(b *sim.Behavior) { b.Fault = sim.Refuse })
	body := predict("a cat", 1)
	for range 2 { // the first falls back, the second is in the cache
		if a := k.post(imagenPath, body, "X-Goog-Api-Key", "app-secret", "User-Agent", "hostile-agent", "X-Request-Id", "hostile-id"); a.status != http.StatusOK {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	k.do(context.Background(), http.MethodGet, "/hostile/path", "")
	if err := k.side.switches.Set(breaker.Kill{Scope: breaker.Provider, Name: "google", By: "test"}); err != nil {
		t.Fatal(err)
	}
	if err := k.side.reload(); err != nil {
		t.Fatal(err)
	}
	k.rows() // the journal has been applied
	text := k.metrics("text/plain")
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %+v", err, problems)
	}
	eventually(t, func() ([]string, bool) { // a handler may return after its app has the answer, and a probe takes a moment
		text = k.metrics("text/plain")
		list := missing(text)
		return list, len(list) == 0
	})
	for _, never := range []string{"hostile", "imagen", "gpt-image", "acme", "app-secret", "sk-sim", "a cat"} {
		if strings.Contains(text, never) {
			t.Errorf("%q is in the metrics", never)
		}
	}
}

// TestMetricsBeginAtZero: what a config can count is there before it happens, so that the first time shows as a change; what
// a reload brings, too.
func TestMetricsBeginAtZero(t *testing.T) {
	k := startKit(t, busyConfig)
	for _, line := range []string{
		`switchyard_fallbacks_total{route="all"} 0`,
		`switchyard_hedges_total{route="quick"} 0`,
		`switchyard_cache_requests_total{result="hit",route="all"} 0`,
		`switchyard_generations_total{outcome="bad_reply",route="all"} 0`,
		`switchyard_generations_total{outcome="ok",route="default"} 0`,
		`switchyard_rule_errors_total{of="route \"quick\""} 0`,
		`switchyard_rule_errors_total{of="alert slow"} 0`,
		`switchyard_attempts_total{outcome="timeout",provider="google",target="nano"} 0`,
		`switchyard_attempts_total{outcome="ok",provider="openai",target="native:openai"} 0`,
		`switchyard_cost_dollars_total{charge="possible",provider="openai",target="gpt"} 0`,
		`switchyard_unknown_price_attempts_total{provider="openai",target="gpt"} 0`,
		`switchyard_images_total{provider="openai",target="gpt"} 0`,
	} {
		if text := k.metrics("text/plain"); !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("no %s", line)
		}
	}
	reloadWith(t, k, strings.Replace(*k.next.Load(), "{name: all,", "{name: every,", 1))
	if text := k.metrics("text/plain"); !strings.Contains(text, "\nswitchyard_fallbacks_total{route=\"every\"} 0\n") {
		t.Error("nothing of a new route")
	}
}

// TestExemplars: a scraper that can read them is told of a trace that took as long as others in its bucket; one whose
// trace is not kept anywhere is told of none.
func TestExemplars(t *testing.T) {
	c := collect(t)
	k := startKit(t, twoProviders+"tracing: {otlp: \""+c.url+"\", sample: 0}\n")
	const openMetrics = "application/openmetrics-text; version=1.0.0"
	k.post(openaiPath, `{"prompt":"a"}`, "X-Only", "gpt")
	if text := k.metrics(openMetrics); strings.Contains(text, "trace_id") || !strings.HasSuffix(text, "# EOF\n") {
		t.Errorf("a trace that nobody kept: %s", text)
	}
	k.post(openaiPath, `{"prompt":"b"}`, "X-Only", "gpt", "Traceparent", appSampled)
	text := k.metrics(openMetrics)
	for _, name := range []string{"request", "generation", "attempt"} {
		found := false
		for line := range strings.Lines(text) {
			found = found || strings.HasPrefix(line, "switchyard_"+name+"_duration_seconds_bucket") && strings.Contains(line, `# {trace_id="`+appTrace+`"}`)
		}
		if !found {
			t.Errorf("no exemplar of a %s", name)
		}
	}
}

// TestMetricsCountRows: a ticket that is not taken on has no row in the ledger, and is no generation in the metrics either; nor is
// what passed through.
func TestMetricsCountRows(t *testing.T) {
	k := startKit(t, busyConfig)
	chat := `{"model":"gpt-5.5-mini","messages":[{"role":"user","content":"hi"}]}`
	if a := k.post("/v1/chat/completions", chat, "Authorization", "Bearer app-secret"); a.status != http.StatusOK || len(k.rows()) != 1 {
		t.Fatalf("%d %s, %v", a.status, a.body, k.rows())
	}
	k.mustKill(`{"scope":"all"}`)
	if a := k.post("/fal/queue/fal-ai/flux/dev", `{"prompt":"a cat"}`, "Authorization", "Key app-secret"); a.status != http.StatusServiceUnavailable {
		t.Fatalf("%d %s", a.status, a.body)
	}
	page := k.metrics("")
	if !strings.Contains(page, `switchyard_generations_total{outcome="overloaded",route="all"} 0`) || strings.Contains(page, `,route="none"} 1`) || len(k.rows()) > 1 {
		t.Error("the metrics have a generation that the ledger has not")
	}
}
