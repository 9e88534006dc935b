package main

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"switchyard/sim"
)

var crashes = flag.Int("crashes", 5, "how often TestCrash kills the process")

// TestCrash kills the process at random moments while apps hand in tickets for synchronous and asynchronous providers,
// and starts it again. Every accepted ticket ends, every generation that a provider charged for is in the ledger, and no
// prompt was submitted twice.
func TestCrash(t *testing.T) {
	w, err := sim.Start(sim.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	for _, p := range w.Providers() {
		p.Update(func(b *sim.Behavior) {
			b.Latency = sim.Latency{Min: 100 * time.Millisecond, Max: 1500 * time.Millisecond}
		})
	}
	dir := t.TempDir()
	file, app := crashConfig(t, w, dir), freePort(t)
	text, _ := os.ReadFile(file)
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(string(text), "{app}", app)), 0o600); err != nil {
		t.Fatal(err)
	}
	l := &ticketLoad{app: app, hook: newReceiver(t)}
	stop := l.start(4)
	dice := rand.New(rand.NewPCG(1, uint64(*crashes)))
	for range *crashes {
		p := startProcess(t, file, app)
		<-time.After(time.Duration(200+dice.IntN(1200)) * time.Millisecond)
		p.end(syscall.SIGKILL)
	}
	p := startProcess(t, file, app)
	stop()
	ended := map[string]int{}
	for _, tk := range l.tickets {
		ended[tk.to+" "+l.await(t, tk)]++
	}
	arrived := l.awaitHooks(t)
	if code := p.end(syscall.SIGTERM); code != 0 {
		t.Errorf("exit status %d", code)
	}
	t.Logf("%d webhooks arrived for %d tickets", arrived, len(l.tickets))
	t.Logf("%d kills, %d tickets accepted, ended as %v, %d submissions unanswered", *crashes, len(l.tickets), ended, l.refused.Load())
	checkBills(t, w, filepath.Join(dir, "db"))
}

func crashConfig(t *testing.T, w *sim.World, dir string) string {
	t.Helper()
	file := filepath.Join(dir, "config.yaml")
	text := fmt.Sprintf(`
server: {listen: "{app}", temp_dir: "%[1]s/tmp", fetch_allow: [127.0.0.1]}
admin: {listen: 127.0.0.1:0, token: admin-token}
store: {database: "sqlite:%[1]s/db", journal: "%[1]s/journal", assets: {url: "file:%[1]s/assets"}}
providers:
  openai: {dialect: openai, key: sk-sim, base_url: %[2]q}
  replicate: {dialect: replicate, key: %[6]q, base_url: %[3]q}
  fal: {dialect: fal, key: %[7]q, base_url: %[4]q, queue_url: %[5]q}
targets:
  openai: {provider: openai, model: gpt-image-1-mini}
  replicate: {provider: replicate, model: black-forest-labs/flux-schnell}
  fal: {provider: fal, model: fal-ai/flux/dev}
routes:
  - {name: openai, when: 'headers["x-to"] == "openai"', targets: [openai]}
  - {name: replicate, when: 'headers["x-to"] == "replicate"', targets: [replicate]}
  - {name: fal, when: 'headers["x-to"] == "fal"', targets: [fal]}
keys:
  - {name: app, secret: app-key}
`, dir, w.OpenAI.URL, w.Replicate.URL, w.Fal.URL, w.Fal.QueueURL, w.Replicate.Key(), w.Fal.Key())
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// ticketLoad is apps that hand in tickets, and remember those they got.
type ticketLoad struct {
	app     string
	hook    *receiver
	refused atomic.Int64 // submissions without an answer: the process had died

	mu      sync.Mutex
	tickets []handedIn
}

type handedIn struct{ to, id, url, auth string }

// start has callers hand in tickets until stop is called.
func (l *ticketLoad) start(callers int) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				l.submit(ctx, []string{"openai", "replicate", "fal"}[n%3], fmt.Sprintf("picture %d of caller %d", n, i), (n+i)%2 == 0)
				select {
				case <-ctx.Done():
				case <-time.After(30 * time.Millisecond):
				}
			}
		})
	}
	return func() { cancel(); all.Wait() }
}

func (l *ticketLoad) submit(ctx context.Context, to, prompt string, falFront bool) {
	path, body, auth := createPath, `{"input":{"prompt":"`+prompt+`"},"webhook":"`+l.hook.URL+`","webhook_events_filter":["completed"]}`, "Bearer app-key"
	if falFront {
		path, body, auth = "/fal/queue/fal-ai/flux/dev?fal_webhook="+url.QueryEscape(l.hook.URL), `{"prompt":"`+prompt+`"}`, "Key app-key"
	}
	status, doc, err := l.ask(ctx, http.MethodPost, "http://"+l.app+path, body, auth, to)
	if err != nil || status >= 300 {
		l.refused.Add(1)
		return
	}
	tk := handedIn{to: to, auth: auth, id: doc.RequestID, url: doc.StatusURL}
	if !falFront {
		tk.id, tk.url = doc.ID, doc.URLs["get"]
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tickets = append(l.tickets, tk)
}

type ticketState struct {
	ID        string            `json:"id"`
	RequestID string            `json:"request_id"`
	Status    string            `json:"status"`
	Error     string            `json:"error"`
	StatusURL string            `json:"status_url"`
	URLs      map[string]string `json:"urls"`
}

func (l *ticketLoad) ask(ctx context.Context, method, address, body, auth, to string) (int, ticketState, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return 0, ticketState{}, err
	}
	req.Header = http.Header{"Authorization": {auth}, "Content-Type": {"application/json"}, "X-To": {to}}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, ticketState{}, err
	}
	defer resp.Body.Close()
	var doc ticketState
	text, err := io.ReadAll(resp.Body)
	if err == nil {
		err = json.Unmarshal(text, &doc)
	}
	return resp.StatusCode, doc, err
}

// await is how a ticket ended.
func (l *ticketLoad) await(t *testing.T, tk handedIn) string {
	t.Helper()
	return eventually(t, func() (string, bool) {
		status, doc, err := l.ask(t.Context(), http.MethodGet, tk.url, "", tk.auth, "")
		if err != nil || status >= 300 {
			t.Fatalf("ticket %s: %d, %v", tk.url, status, err)
		}
		switch doc.Status {
		case "succeeded", "failed", "COMPLETED":
			return doc.Status, true
		}
		return doc.Status, false
	})
}

// awaitHooks waits until the end of every ticket has been told, and is how many notices arrived.
func (l *ticketLoad) awaitHooks(t *testing.T) int {
	t.Helper()
	return eventually(t, func() (int, bool) {
		told := map[string]bool{}
		calls := l.hook.got()
		for _, c := range calls {
			var doc ticketState
			if err := json.Unmarshal(c.body, &doc); err != nil {
				t.Fatal(err)
			}
			told[cmp.Or(doc.RequestID, doc.ID)] = true
		}
		for _, tk := range l.tickets {
			if !told[tk.id] {
				return len(calls), false
			}
		}
		return len(calls), true
	})
}

// checkBills compares what the providers charged for with what the ledger has.
func checkBills(t *testing.T, w *sim.World, path string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	charges, times := 0, map[string]int{}
	for _, p := range w.Providers() {
		for _, c := range p.Bill() {
			charges++
			if times[c.Prompt]++; times[c.Prompt] > 1 {
				t.Errorf("%s was asked twice for the prompt %.8s…", p.Name, c.Prompt)
			}
			var charge string
			err := db.QueryRowContext(t.Context(), `SELECT charge FROM generations WHERE prompt = ?`, c.Prompt).Scan(&charge)
			if err != nil || charge != "settled" && charge != "possible" {
				t.Errorf("%s charged for %.8s…; the ledger says %q, %v", p.Name, c.Prompt, charge, err)
			}
		}
	}
	var open int
	if err := db.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM attempts WHERE outcome = ''`).Scan(&open); err != nil || open != 0 {
		t.Errorf("%d attempts are open, %v", open, err)
	}
	t.Logf("%d generations were charged for, all of them in the ledger", charges)
}
