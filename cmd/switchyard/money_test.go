package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"switchyard"
	"switchyard/ledger"
	"switchyard/ledger/sqlite"
	"switchyard/sim"
)

var lives = flag.Int("lives", 400, "how many requests TestMoney makes")

// TestMoney leads requests through random lives: failures at every stage of an exchange, retries, fallback, hedges, apps that
// leave, cancelled tickets, repeated Idempotency-Keys, and a process that is killed in between. The providers keep bills of
// their own. For each request and provider the ledger has settled what was billed, to the nano-dollar, and where it has not, a
// row says that it was possibly charged, and no less than it was.
func TestMoney(t *testing.T) {
	n := *lives
	if raceEnabled {
		n /= 4 // pictures are drawn ten times as slowly
	}
	w, err := sim.Start(sim.Config{Speed: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	for _, p := range w.Providers() {
		p.Update(func(b *sim.Behavior) {
			b.Latency = sim.Latency{Min: 5 * time.Millisecond, Max: 60 * time.Millisecond}
			b.FailRatio = 0.1
		})
	}
	dir, app := t.TempDir(), freePort(t)
	file := moneyConfig(t, w, dir, app)
	m := &moneyLoad{app: app, dice: rand.New(rand.NewPCG(uint64(n), 3))}
	stop := m.start(n)
	for kills := max(n/200, 1); kills > 0 && !m.over(); kills-- {
		p := startProcess(t, file, app)
		<-time.After(time.Duration(1000+100*kills%7) * time.Millisecond)
		p.end(syscall.SIGKILL)
	}
	p := startProcess(t, file, app)
	stop()
	if code := p.end(syscall.SIGTERM); code != 0 {
		t.Errorf("exit status %d", code)
	}
	p = startProcess(t, file, app) // what was left undone is found and ended
	if code := p.end(syscall.SIGTERM); code != 0 {
		t.Errorf("exit status %d", code)
	}
	compareBills(t, w, filepath.Join(dir, "db"))
	t.Logf("%d lives, answered with %v", n, m.statuses())
}

func moneyConfig(t *testing.T, w *sim.World, dir, app string) string {
	t.Helper()
	file := filepath.Join(dir, "config.yaml")
	text := fmt.Sprintf(`
server: {listen: %[1]q, temp_dir: "%[2]s/tmp", fetch_allow: [127.0.0.1], request_timeout: 4s, drain_timeout: 20s}
admin: {listen: "127.0.0.1:0", token: admin-token}
store: {database: "sqlite:%[2]s/db", journal: "%[2]s/journal", assets: {url: "file:%[2]s/assets"}}
defaults: {retries: 1, breaker: off, timeouts: {connect: 1s, first_byte: 1s, idle: 500ms, attempt: 2s}}
providers:
  google: {dialect: gemini, key: %[7]q, base_url: %[8]q}
  openai: {dialect: openai, key: sk-sim, base_url: %[3]q}
  replicate: {dialect: replicate, key: %[6]q, base_url: %[4]q}
  fal: {dialect: fal, key: "sim:key", base_url: %[5]q, queue_url: %[9]q}
targets:
  google: {provider: google, model: gemini-nano-banana-2.1}
  openai: {provider: openai, model: gpt-image-1-mini}
  replicate: {provider: replicate, model: black-forest-labs/flux-schnell}
  fal: {provider: fal, model: fal-ai/flux/dev}
routes:
  - {name: raced, when: 'headers["x-way"] == "raced"', targets: [openai, fal, google], hedge: {after: 20ms, max_extra: 100%%}}
  - {name: once, when: 'headers["x-way"] == "once"', targets: [google, replicate], pay_twice: never}
  - {name: cached, when: 'headers["x-way"] == "cached"', targets: [fal, replicate], cache: {ttl: 1h, unseeded: true}}
  - {name: any, targets: [replicate, google, fal, openai], pick: weight, weights: {replicate: 1, google: 1, fal: 1, openai: 1}}
keys:
  - {name: app, secret: app-key}
budgets:
  - {name: enough, scope: tenant, usd: 100000, per: month, unknown: allow}
`, app, dir, w.OpenAI.URL, w.Replicate.URL, w.Fal.URL, w.Replicate.Key(), w.Google.Key(), w.Google.URL, w.Fal.QueueURL)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// moneyLoad is apps that make requests without order.
type moneyLoad struct {
	app  string
	done atomic.Bool

	mu   sync.Mutex // guards the rest
	dice *rand.Rand
	seen map[int]int // :: status → how often; 0 for no answer
}

func (m *moneyLoad) over() bool { return m.done.Load() }

// start has callers lead n lives; stop waits for the last of them.
func (m *moneyLoad) start(n int) (stop func()) {
	m.seen = map[int]int{}
	turns := make(chan int)
	var all sync.WaitGroup
	for range 12 {
		all.Go(func() {
			for i := range turns {
				m.live(i)
			}
		})
	}
	ended := make(chan struct{})
	go func() {
		for i := range n {
			turns <- i
		}
		close(turns)
		all.Wait()
		m.done.Store(true)
		close(ended)
	}()
	return func() { <-ended }
}

// life is one request with what happens to it.
type life struct {
	path, body, way, auth, key string
	patience                   time.Duration // of the app; 0: as long as it takes
	times                      int           // how often it is sent
}

// draw makes up the life of request i.
func (m *moneyLoad) draw(i int) life {
	m.mu.Lock()
	defer m.mu.Unlock()
	prompt := fmt.Sprintf("picture %d", i)
	if m.dice.IntN(2) == 0 {
		faults := append(sim.Faults(), "poll:cut", "poll:html", "delivery:cut", "delivery:empty")
		prompt += fmt.Sprintf(" [sim:%s]", faults[m.dice.IntN(len(faults))])
	}
	n := 1 + m.dice.IntN(3)
	l := []life{
		{path: openaiPath, body: fmt.Sprintf(`{"model":"gpt-image-1-mini","prompt":%q,"n":%d,"size":"1024x1024","quality":"low"}`, prompt, n), auth: "Bearer app-key"},
		{path: imagenPath, body: predict(prompt, n), auth: "Bearer app-key"},
		{path: falPath, body: fmt.Sprintf(`{"prompt":%q,"num_images":%d,"image_size":{"width":256,"height":256}}`, prompt, n), auth: "Key app-key"},
		{path: "/fal/queue/fal-ai/flux/dev", body: fmt.Sprintf(`{"prompt":%q,"num_images":%d,"image_size":{"width":256,"height":256}}`, prompt, n), auth: "Key app-key"},
		{path: createPath, body: fmt.Sprintf(`{"input":{"prompt":%q,"num_outputs":%d,"megapixels":"0.25"}}`, prompt, n), auth: "Bearer app-key"},
	}[m.dice.IntN(5)]
	l.way = []string{"raced", "once", "cached", "any", ""}[m.dice.IntN(5)]
	l.times = 1
	switch m.dice.IntN(5) {
	case 0:
		l.patience = time.Duration(1+m.dice.IntN(80)) * time.Millisecond
		l.times = 1 + m.dice.IntN(2)
	case 1:
		l.key, l.times = fmt.Sprintf("key-%d", i), 2
	}
	return l
}

// live leads one life to its end. A process that is not there is waited for.
func (m *moneyLoad) live(i int) {
	l := m.draw(i)
	for range l.times {
		status := m.send(l)
		for try := 0; status < 0 && try < 200; try++ {
			<-time.After(25 * time.Millisecond)
			status = m.send(l)
		}
		m.mu.Lock()
		m.seen[max(status, 0)]++
		m.mu.Unlock()
	}
}

// send is the status of an answer; 0 if there was none, and less if nobody took the request.
func (m *moneyLoad) send(l life) int {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if l.patience > 0 {
		ctx, cancel = context.WithTimeout(ctx, l.patience)
		defer cancel()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+m.app+l.path, strings.NewReader(l.body))
	if err != nil {
		return 0
	}
	req.Header = http.Header{"Authorization": {l.auth}, "Content-Type": {"application/json"}, "X-Way": {l.way}}
	if strings.HasPrefix(l.path, "/v1beta") {
		req.Header = http.Header{"X-Goog-Api-Key": {"app-key"}, "Content-Type": {"application/json"}, "X-Way": {l.way}}
	}
	if l.key != "" {
		req.Header.Set("Idempotency-Key", l.key)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		if strings.Contains(err.Error(), "connection refused") {
			return -1
		}
		return 0
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

func (m *moneyLoad) statuses() map[int]int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.seen
}

// money is what one provider did for one prompt.
type money struct{ prompt, provider string }

// sides are what the two books say of it.
type sides struct{ billed, settled, possible switchyard.Money }

// compareBills holds the providers' bills against the ledger, prompt by prompt.
func compareBills(t *testing.T, w *sim.World, path string) {
	t.Helper()
	store, err := sqlite.Open(t.Context(), sqlite.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	all := map[money]*sides{}
	of := func(prompt, provider string) *sides {
		k := money{prompt, provider}
		if all[k] == nil {
			all[k] = &sides{}
		}
		return all[k]
	}
	var billed, settled, possible switchyard.Money
	for _, p := range w.Providers() {
		for _, c := range p.Bill() {
			of(c.Prompt, p.Name).billed += c.Amount
			billed += c.Amount
		}
	}
	generations, err := store.Generations(t.Context(), ledger.Page{Limit: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range generations {
		for _, a := range attemptsOf(t, store, g.Generation.ID) {
			side := of(g.Generation.Prompt, a.Provider)
			switch {
			case a.Outcome == "":
				t.Errorf("an attempt has not ended: %+v", a)
			case a.Cost.Charge == switchyard.ChargeSettled:
				side.settled += a.Cost.Amount
				settled += a.Cost.Amount
			case a.Cost.Charge == switchyard.ChargePossible:
				side.possible += a.Cost.Amount
				possible += a.Cost.Amount
			}
		}
	}
	differ := 0
	for k, s := range all {
		if s.billed != s.settled {
			differ++
		}
		if s.possible == 0 && s.billed != s.settled {
			t.Errorf("%s billed $%v for %.8s…, the ledger has $%v settled and nothing possible", k.provider, s.billed, k.prompt, s.settled)
		}
		if s.billed < s.settled {
			t.Errorf("%s billed $%v for %.8s…, the ledger has more settled: $%v", k.provider, s.billed, k.prompt, s.settled)
		}
	}
	check, err := store.Check(t.Context())
	if err != nil || len(check.Wrong) > 0 || check.Running > 0 {
		t.Errorf("the ledger does not add up: %+v %v", check, err)
	}
	t.Logf("billed $%v; settled $%v, possible $%v; of %d sums %d differ, each with a row that says so", billed, settled, possible, len(all), differ)
	if differ == len(all) || billed == 0 {
		t.Error("nothing was compared")
	}
}

func attemptsOf(t *testing.T, s ledger.Reader, generation string) []switchyard.Attempt {
	t.Helper()
	acc, err := s.Generation(t.Context(), generation)
	if err != nil {
		t.Fatal(err)
	}
	return acc.Attempts
}

// TestADeadModelPaysNobodyTwice: a target that may have been paid when the next one's model turns out to be dead is not asked again where
// the successor is.
func TestADeadModelPaysNobodyTwice(t *testing.T) {
	k := startKit(t, `
providers: {openai: {<openai>}, google: {<google>}}
targets: {gpt: {provider: openai, model: gpt-image-1-mini}}
routes: [{name: all, targets: [gpt, native]}]
`)
	k.world.OpenAI.Update(func(b *sim.Behavior) { b.Fault = sim.Cut })
	k.world.Google.Update(func(b *sim.Behavior) { b.Gone = []string{"gemini-2.5-flash-image"} })
	a := k.post("/v1beta/models/gemini-2.5-flash-image:generateContent", `{"contents":[{"parts":[{"text":"a cat"}]}]}`)
	if n := len(k.world.OpenAI.Bill()); n != 1 || a.status != http.StatusOK || a.header.Get("X-Switchyard-Provider") != "google" {
		t.Errorf("%d pictures were billed by the first target; %d %v", n, a.status, a.header)
	}
}
