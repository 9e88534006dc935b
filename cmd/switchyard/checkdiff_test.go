package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"switchyard/admin"
)

const oldConfig = `
server: {listen: "127.0.0.1:8081"}
store: {database: "postgres://me:hunter1@db/x"}
providers:
  fal: {dialect: fal, key: fal-secret-1, limit: {rate: 10/s}}
  google: {dialect: gemini, key: same, breaker: off}
targets:
  flux: {provider: fal, model: fal-ai/flux/dev, price: {megapixel: 0.025}, params: {openai_api_key: sk-hidden, style: 3D}}
routes:
  - {name: pro, targets: [flux]}
  - {name: rest, targets: [native]}
`

const newConfig = `
server: {listen: "127.0.0.1:8082"}
store: {database: "postgres://me:hunter2@db/x"}
providers:
  fal: {dialect: fal, key: fal-secret-2, limit: {rate: 20/s}}
  google: {dialect: gemini, key: same}
targets:
  flux: {provider: fal, model: fal-ai/flux/dev, price: {megapixel: 0.03}, params: {openai_api_key: sk-hidden-2, style: 3D}}
routes:
  - {name: first, targets: [native], patience: 1m30s}
  - {name: pro, targets: [flux]}
  - {name: rest, targets: [native], fallback_on: [timeout]}
`

// wantDiff is what newConfig changes of oldConfig.
const wantDiff = `~ server.listen: 127.0.0.1:8081 → 127.0.0.1:8082  (takes a restart)
~ store.database: another secret in postgres://me:xxxxx@db/x  (takes a restart)
~ providers.fal.limit.rate: 10/s → 20/s
~ providers.fal.key: another secret in <secret>
+ providers.google.breaker.failures: 5
+ providers.google.breaker.ratio: 0.5
+ providers.google.breaker.min_requests: 10
+ providers.google.breaker.window: 1m
+ providers.google.breaker.cooldown: 30s
~ targets.flux.price.megapixel: 0.025 → 0.03
~ targets.flux.params.openai_api_key: another secret in <secret>
~ routes: pro, rest → first, pro, rest
`

func written(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestCheckAgainstFile(t *testing.T) {
	before, after := written(t, oldConfig), written(t, newConfig)
	o := command(t, []string{"check", after, "--against", before})
	if o.code != 0 || !strings.HasPrefix(o.out, wantDiff) {
		t.Errorf("%+v\n%s", o.code, o.out+o.errors)
	}
	for _, want := range []string{"+ routes.first.patience: 1m30s\n", "~ routes.rest.fallback_on: rate_limited, overloaded, timeout, unreachable, bad_reply, unauthorized → timeout\n"} {
		if !strings.Contains(o.out, want) {
			t.Errorf("does not say %q:\n%s", want, o.out)
		}
	}
	if o := command(t, []string{"check", after, "--against", after}); o.code != 0 || !strings.Contains(o.out, ": no change against ") {
		t.Errorf("against itself: %+v", o)
	}
	if o := command(t, []string{"check", after, "--against", "nowhere.yaml"}); o.code != exitFailed {
		t.Errorf("against nothing: %+v", o)
	}
	var doc diffDoc
	if o = command(t, []string{"check", after, "--against", before, "--json"}); json.Unmarshal([]byte(o.out), &doc) != nil || len(doc.Changes) < 12 || !doc.Changes[0].Restart || doc.Changes[0].New != "127.0.0.1:8082" {
		t.Errorf("--json: %+v", o)
	}
	if strings.Contains(o.out, "hunter") || strings.Contains(o.out, "fal-secret") || strings.Contains(o.out, "sk-hidden") {
		t.Errorf("a secret is told: %s", o.out)
	}
}

// TestCheckAgainstRunning: what a sidecar runs with, and what another file would change of it.
func TestCheckAgainstRunning(t *testing.T) {
	k := startKit(t, twoProviders)
	f := k.side.file.Load()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+k.admin+"/api/config", nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := http.DefaultClient.Do(req); err != nil || resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("a stranger may read the config: %v", err)
	} else {
		resp.Body.Close()
	}
	c := k.side.config()
	secrets := 0
	for _, l := range c.Values {
		if l.Value == "<secret>" {
			secrets++
		}
	}
	if secrets == 0 || f.Providers[0].Value.Key.IsZero() {
		t.Fatal("the config has no secret: the test shows nothing")
	}
	text, err := json.Marshal(c)
	if err != nil || strings.Contains(string(text), f.Providers[0].Value.Key.Reveal()) || strings.Contains(string(text), f.Providers[0].Value.Key.Fingerprint()) {
		t.Errorf("a secret is told: %s", text)
	}
	o := command(t, []string{"check", written(t, newConfig), "--against", k.admin, "--token", "admin-token"})
	if o.code != 0 || !strings.Contains(o.out, "+ providers.fal.key: <secret>\n") || !strings.Contains(o.out, "(takes a restart)") || strings.Contains(o.out, "fal-secret") {
		t.Errorf("%+v", o)
	}
	same := command(t, []string{"check", written(t, *k.next.Load()), "--diff", "--against", k.admin, "--token", "admin-token"})
	if same.code != 0 || !strings.Contains(same.out, ": no change against ") {
		t.Errorf("against itself: %+v", same)
	}
	var running admin.Config
	if err := json.Unmarshal(text, &running); err != nil || len(running.Values) != len(c.Values) || running.Loaded.IsZero() {
		t.Errorf("%v, %d values, loaded %v", err, len(running.Values), running.Loaded)
	}
}

// TestWaitingForRestart: what a reload could not bring about is told until a restart does, or the file takes it back.
func TestWaitingForRestart(t *testing.T) {
	k := startKit(t, twoProviders)
	before := *k.next.Load()
	text := strings.NewReplacer("admin-token", "another-token", "fetch_allow:", "max_image: 1MiB, public_url: https://x.example, fetch_allow:").Replace(before)
	text += "tracing: {sample: 0.5}\nlog: {level: warn}\n" // the level is in force at once, and so is public_url
	reloadWith(t, k, text)
	const waiting = "these wait for a restart: server.max_image, admin.token, tracing.sample"
	if problems := k.side.health().Problems; len(problems) != 1 || problems[0] != waiting {
		t.Errorf("health: %q", problems)
	}
	if o := command(t, []string{"status", "--admin", k.admin, "--token", "admin-token"}); !strings.Contains(o.out, "! "+waiting) {
		t.Errorf("status: %+v", o)
	}
	o := command(t, []string{"check", written(t, text), "--against", k.admin, "--token", "admin-token"})
	const want = `~ server.max_image: 64MiB → 1MiB  (takes a restart)
~ admin.token: another secret in <secret>  (takes a restart)
~ tracing.sample: 0.1 → 0.5  (takes a restart)
`
	if o.code != 0 || o.out != want {
		t.Errorf("--diff: %+v", o)
	}
	reloadWith(t, k, before)
	if problems := k.side.health().Problems; len(problems) > 0 {
		t.Errorf("taken back: %q", problems)
	}
	reloadWith(t, k, text)
	k.restart()
	if problems := k.side.health().Problems; len(problems) > 0 {
		t.Errorf("after a restart: %q", problems)
	}
}

func reloadWith(t *testing.T, k *kit, text string) {
	t.Helper()
	k.next.Store(&text)
	if err := k.side.reload(); err != nil {
		t.Fatal(err)
	}
}
