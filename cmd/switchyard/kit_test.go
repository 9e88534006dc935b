package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"switchyard/ledger"
	"switchyard/sim"
)

// kit is a sidecar that serves on a real port, with simulated providers behind it.
type kit struct {
	*testing.T
	world *sim.World
	side  *sidecar
	url   string
	admin string // address of the operator's side
	next  atomic.Pointer[string]
	logs  *observer.ObservedLogs
	stop  func()

	opened func() // before it serves; nil for nothing
}

// simulated says of a provider what every test needs, so that a config shows what matters to its own.
var simulated = strings.NewReplacer(
	"<google>", `dialect: gemini, key: AIzaSySIMKEY, base_url: "{google}"`,
	"<vertex>", `dialect: vertex, key: AIzaSySIMKEY, project: sim-project, base_url: "{vertex}"`,
	"<openai>", `dialect: openai, key: sk-sim, base_url: "{openai}"`,
	"<fal>", `dialect: fal, key: "sim:key", base_url: "{fal}", queue_url: "{fal-queue}"`,
	"<replicate>", `dialect: replicate, key: r8_sim, base_url: "{replicate}"`,
)

// startKit serves with a config in which {google}, {vertex}, {openai}, {fal}, {fal-queue} and {replicate} are the providers'
// addresses, and <google> and so on all that it takes to use them. server, admin and store are added.
func startKit(t *testing.T, text string) *kit {
	t.Helper()
	world, err := sim.Start(sim.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = world.Close() })
	return startKitWith(t, world, text)
}

func startKitWith(t *testing.T, world *sim.World, text string) *kit {
	t.Helper()
	k := &kit{T: t, world: world}
	dir := t.TempDir()
	head := "admin: {listen: 127.0.0.1:0, token: admin-token}\n"
	if !strings.Contains(text, "store:") {
		head += fmt.Sprintf("store: {database: \"sqlite:%[1]s/db\", journal: \"%[1]s/journal\", assets: {url: \"file:%[1]s/assets\"}}\n", dir)
	}
	if !strings.Contains(text, "server:") {
		head += "server: {listen: 127.0.0.1:0, fetch_allow: [127.0.0.1], temp_dir: \"" + dir + "/tmp\"}\n"
	}
	text = strings.NewReplacer("{google}", world.Google.URL, "{vertex}", world.Google.CloudURL, "{openai}", world.OpenAI.URL, "{fal}", world.Fal.URL,
		"{fal-queue}", world.Fal.QueueURL, "{replicate}", world.Replicate.URL, "{dir}", dir).Replace(head + simulated.Replace(text))
	k.next.Store(&text)
	k.run()
	return k
}

// restart ends the sidecar as an operator does, and starts it again on the same data, with another address.
func (k *kit) restart() *kit {
	k.stop()
	k.run()
	return k
}

func (k *kit) run() {
	t := k.T
	t.Helper()
	f := k.mustLoad(*k.next.Load())
	core, logs := observer.New(zap.DebugLevel)
	k.logs = logs
	next := func() (*file, error) { return load("test.yaml", []byte(*k.next.Load()), noEnv) }
	side, err := open(t.Context(), f, next, logger{zap.New(core), zap.NewAtomicLevel()})
	if err != nil {
		t.Fatal(err)
	}
	k.side = side
	if k.opened != nil {
		k.opened()
	}
	side.alerts.ticks = make(chan time.Time) // tests say when
	l, err := listen(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	k.url, k.admin = "http://"+l.app.Addr().String(), l.admin.Addr().String()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- side.serve(ctx, f, l) }()
	k.stop = sync.OnceFunc(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
		side.close()
		if n := side.handler.Runner.Pool.Memory(); n != 0 {
			t.Errorf("%d spooled bytes were not given back", n)
		}
	})
	t.Cleanup(func() { k.stop() })
}

// openOnce opens a sidecar that nobody reloads, or fails to.
func openOnce(t *testing.T, f *file) (*sidecar, error) {
	t.Helper()
	return open(t.Context(), f, func() (*file, error) { return f, nil }, noLog())
}

func noEnv(string) (string, bool) { return "", false }

func (k *kit) mustLoad(text string) *file {
	k.Helper()
	f, err := load("test.yaml", []byte(text), noEnv)
	if err != nil {
		k.Fatal(err)
	}
	return f
}

// answer is what an app got.
type answer struct {
	status int
	header http.Header
	body   []byte
	err    error
}

// post sends JSON as an app does; headers are name, value, name, value.
func (k *kit) post(path, body string, headers ...string) answer {
	return k.do(context.Background(), http.MethodPost, path, body, headers...)
}

func (k *kit) do(ctx context.Context, method, path, body string, headers ...string) answer {
	req, err := http.NewRequestWithContext(ctx, method, k.url+path, strings.NewReader(body))
	if err != nil {
		return answer{err: err}
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, b, err}
}

// rows are the ledger's attempts, oldest first, once all that was written has been applied.
func (k *kit) rows() []ledger.Row {
	k.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := k.side.applier.Flush(ctx); err != nil {
		k.Fatal(err)
	}
	rows, err := k.side.store.Rows(ctx, time.Time{}, 10_000)
	if err != nil {
		k.Fatal(err)
	}
	for i, j := 0, len(rows)-1; i < j; i, j = i+1, j-1 {
		rows[i], rows[j] = rows[j], rows[i]
	}
	return rows
}

// images are the pictures of an Imagen or OpenAI answer.
func (a answer) images(t testing.TB) [][]byte {
	t.Helper()
	var doc struct {
		Predictions []struct{ BytesBase64Encoded []byte }
		Data        []struct {
			B64 []byte `json:"b64_json"`
		}
	}
	if err := json.Unmarshal(a.body, &doc); err != nil {
		t.Fatalf("%d %s: %v", a.status, bytes.TrimSpace(a.body[:min(len(a.body), 300)]), err)
	}
	var out [][]byte
	for _, p := range doc.Predictions {
		out = append(out, p.BytesBase64Encoded)
	}
	for _, d := range doc.Data {
		out = append(out, d.B64)
	}
	return out
}

func predict(prompt string, n int) string {
	return fmt.Sprintf(`{"instances":[{"prompt":%q}],"parameters":{"sampleCount":%d}}`, prompt, n)
}

const (
	imagenPath = "/v1beta/models/imagen-4.0-generate-001:predict"
	openaiPath = "/v1/images/generations"
)

// twoProviders is Google first, OpenAI behind it.
const twoProviders = `
providers:
  google: {<google>, breaker: {failures: 5, cooldown: 60s}, timeouts: {attempt: 60s}}
  openai: {<openai>}
targets:
  nano: {provider: google, model: gemini-nano-banana-2.1}
  gpt: {provider: openai, model: gpt-image-1-mini}
routes:
  - {name: only-nano, when: 'headers["x-only"] == "nano"', targets: [nano]}
  - {name: only-gpt, when: 'headers["x-only"] == "gpt"', targets: [gpt]}
  - {name: all, targets: [nano, gpt]}
`
