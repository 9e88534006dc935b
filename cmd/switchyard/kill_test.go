package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap/zaptest/observer"

	"switchyard"
	"switchyard/admin"
	"switchyard/breaker"
	"switchyard/ledger"
	"switchyard/limit"
	"switchyard/sim"
)

// operate asks the admin API as an operator does.
func (k *kit) operate(method, path, body string) answer {
	k.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer admin-token")
	w := httptest.NewRecorder()
	k.side.admin.ServeHTTP(w, r)
	return answer{w.Code, w.Header(), w.Body.Bytes(), nil}
}

// mustKill pulls the switch.
func (k *kit) mustKill(body string) {
	k.Helper()
	if a := k.operate(http.MethodPost, "/api/kill", body); a.status != http.StatusOK || strings.Contains(string(a.body), "warning") {
		k.Fatalf("kill: %d %s", a.status, a.body)
	}
}

// gptFor asks for one picture under X-Only.
func (k *kit) gptFor(only string) answer {
	return k.post(openaiPath, `{"model":"gpt-image-1-mini","prompt":"a signal box"}`, "X-Only", only, "Authorization", "Bearer x")
}

// slowGoogle is a world in which Google takes a second.
func slowGoogle(t *testing.T) *sim.World {
	t.Helper()
	w := slowWorld(t, 0)
	w.Google.Update(func(b *sim.Behavior) { b.Latency = sim.Latency{Min: time.Second, Max: time.Second} })
	return w
}

// TestKillInFlight: with a hundred requests in flight at a provider, those finish there; of those that come after the
// switch not one reaches it.
func TestKillInFlight(t *testing.T) {
	k := startKitWith(t, slowGoogle(t), twoProviders)
	var all sync.WaitGroup
	makers := sync.Map{} // :: prompt → who made it
	ask := func(prompt string) {
		all.Go(func() {
			a := k.post(imagenPath, predict(prompt, 1))
			if a.status != http.StatusOK {
				t.Errorf("%s: %d %s %v", prompt, a.status, a.body, a.err)
				return
			}
			makers.Store(prompt, mark(t, a.images(t)[0]).Provider)
		})
	}
	for i := range 100 {
		ask(fmt.Sprintf("before %d", i))
	}
	eventually(t, func() (int, bool) { n := len(k.world.Google.Calls()); return n, n == 100 })
	k.mustKill(`{"scope":"provider","name":"google","reason":"wrong faces"}`)
	killed := time.Now()
	for i := range 100 {
		ask(fmt.Sprintf("after %d", i))
	}
	all.Wait()
	made := map[string]int{}
	makers.Range(func(prompt, maker any) bool {
		made[strings.Fields(prompt.(string))[0]+" "+maker.(string)]++
		return true
	})
	if made["before google"] != 100 || made["after openai"] != 100 || len(made) != 2 {
		t.Errorf("made: %v", made)
	}
	for _, c := range k.world.Google.Calls() {
		if c.Time.After(killed) {
			t.Errorf("a call reached google %v after the switch", c.Time.Sub(killed))
		}
	}
}

// TestKillInLine: a request that waits for its place at a provider is not sent there when its turn comes after the switch.
func TestKillInLine(t *testing.T) {
	k := startKitWith(t, slowGoogle(t), strings.Replace(strings.Replace(twoProviders, "breaker: {failures: 5", "limit: {concurrent: 1}, breaker: {failures: 5", 1),
		"name: all,", "name: all, patience: 60s,", 1))
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			if a := k.post(imagenPath, predict(fmt.Sprintf("picture %d", i), 1)); a.status != http.StatusOK {
				t.Errorf("%d %s", a.status, a.body)
			}
		})
	}
	eventually(t, func() (limit.Load, bool) {
		load := k.side.limits.Load(limit.Name{Scope: limit.Provider, Name: "google"})
		return load, load.InFlight == 1 && load.Waiting == 3
	})
	k.mustKill(`{"scope":"target","name":"nano"}`)
	all.Wait()
	if n := len(k.world.Google.Calls()); n != 1 {
		t.Errorf("google was called %d times", n)
	}
	if n := len(k.world.OpenAI.Calls()); n != 3 {
		t.Errorf("openai was called %d times", n)
	}
}

// TestKillOutlives: what is stopped is so after a restart, until it is revived; the audit record tells of both.
func TestKillOutlives(t *testing.T) {
	k := startKit(t, twoProviders)
	k.mustKill(`{"scope":"provider","name":"google","reason":"wrong faces"}`)
	k.restart()
	if a := k.gptFor("nano"); a.status != http.StatusServiceUnavailable || len(k.world.Google.Calls()) != 0 {
		t.Errorf("after a restart: %d, %d calls", a.status, len(k.world.Google.Calls()))
	}
	var list struct{ Kills []breaker.Kill }
	if err := json.Unmarshal(k.operate(http.MethodGet, "/api/kill", "").body, &list); err != nil || len(list.Kills) != 1 {
		t.Fatalf("list: %+v, %v", list, err)
	}
	if got := list.Kills[0]; got.Name != "google" || got.Reason != "wrong faces" || got.Since.IsZero() || !strings.HasPrefix(got.By, "api ") || !got.Until.IsZero() {
		t.Errorf("listed as %+v", got)
	}
	if a := k.operate(http.MethodDelete, "/api/kill/provider/google", ""); a.status != http.StatusOK {
		t.Errorf("revive: %d %s", a.status, a.body)
	}
	if a := k.gptFor("nano"); a.status != http.StatusOK {
		t.Errorf("revived: %d %s", a.status, a.body)
	}
	k.restart()
	if a := k.gptFor("nano"); a.status != http.StatusOK {
		t.Errorf("revived, after a restart: %d %s", a.status, a.body)
	}
	var record struct{ Entries []admin.Entry }
	if err := json.Unmarshal(k.operate(http.MethodGet, "/api/audit?limit=2", "").body, &record); err != nil || len(record.Entries) != 2 {
		t.Fatalf("audit: %+v, %v", record, err)
	}
	if e := record.Entries[0]; e.Action != admin.ActionRevive || e.Subject != "provider google" {
		t.Errorf("the latest is %+v", e)
	}
	if e := record.Entries[1]; e.Action != admin.ActionKill || e.Subject != "provider google" || e.Detail != "wrong faces" || !strings.HasPrefix(e.Actor, "api ") {
		t.Errorf("the first is %+v", e)
	}
}

// TestDamagedKills: a start that does not know what was stopped is none.
func TestDamagedKills(t *testing.T) {
	k := startKit(t, twoProviders)
	k.mustKill(`{"scope":"provider","name":"google"}`)
	k.stop()
	f := k.mustLoad(*k.next.Load())
	path := filepath.Join(f.data(), "kills.json")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, damaged := range []string{string(whole[:len(whole)/2]), "", string(whole) + "x", `{"kills":[{"scope":"model","name":"x"}]}`, `{"kills":[],"more":1}`} {
		if err := os.WriteFile(path, []byte(damaged), 0o600); err != nil {
			t.Fatal(err)
		}
		if s, err := openOnce(t, f); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: %v", damaged, err)
			if s != nil {
				s.close()
			}
		}
	}
}

// TestKillAborts: an attempt in flight is cut, and booked as possible; the app gets its picture from the next target.
func TestKillAborts(t *testing.T) {
	k := startKit(t, twoProviders)
	k.world.Google.Update(func(b *sim.Behavior) { b.Fault = sim.Stall })
	got := make(chan answer, 1)
	go func() { got <- k.post(imagenPath, predict("a cat", 1)) }()
	eventually(t, func() (int, bool) { n := len(k.world.Google.Calls()); return n, n == 1 })
	k.mustKill(`{"scope":"provider","name":"google","abort":true}`)
	a := <-got
	if a.status != http.StatusOK || a.header.Get("X-Switchyard-Target") != "gpt" {
		t.Errorf("%d %s %v", a.status, a.body, a.header)
	}
	rows := k.rows()
	if len(rows) != 2 || rows[0].Outcome != switchyard.Canceled || rows[0].Cost.Charge != switchyard.ChargePossible || rows[0].Cost.Amount == 0 {
		t.Errorf("the ledger has %+v", rows)
	}
	if s := k.side.breakers.State("nano"); s.Counts.Failed != 0 {
		t.Errorf("its breaker counts %+v", s.Counts)
	}
}

// heldTicket has a job accepted by Replicate that does not end by itself.
func heldTicket(k *kit) (get string) {
	k.Helper()
	k.world.Replicate.Update(func(b *sim.Behavior) { b.Fault = sim.Stuck })
	p := k.post(createPath, `{"input":{"prompt":"a red fox"}}`, "Authorization", "Bearer first-key", "X-Only", "schnell").prediction(k)
	eventually(k.T, func() (int, bool) {
		polls := 0
		for _, c := range k.world.Replicate.Calls() {
			if c.Method == http.MethodGet {
				polls++
			}
		}
		return polls, polls > 0
	})
	return strings.TrimPrefix(p.URLs["get"], k.url)
}

// ended waits for the end of a ticket.
func (k *kit) ended(get string) prediction {
	k.Helper()
	return eventually(k.T, func() (prediction, bool) {
		p := k.do(k.Context(), http.MethodGet, get, "", "Authorization", "Bearer first-key").prediction(k)
		return p, p.Status != "starting" && p.Status != "processing"
	})
}

// cancels is how often jobs were taken back.
func cancels(p *sim.Provider) (n int) {
	for _, c := range p.Calls() {
		if strings.HasSuffix(c.Path, "/cancel") {
			n++
		}
	}
	return n
}

// TestKillAbortsJob: a job that an asynchronous provider has accepted is cancelled there.
func TestKillAbortsJob(t *testing.T) {
	k := startKit(t, behindReplicate)
	get := heldTicket(k)
	k.mustKill(`{"scope":"provider","name":"replicate","abort":true}`)
	if p := k.ended(get); p.Status != "failed" {
		t.Errorf("the ticket ended as %s", p.Status)
	}
	rows := k.rows()
	if len(rows) != 1 || rows[0].Outcome != switchyard.Canceled || rows[0].Cost.Charge != switchyard.ChargePossible {
		t.Errorf("the ledger has %+v", rows)
	}
	if n := cancels(k.world.Replicate); n != 1 {
		t.Errorf("%d jobs were cancelled", n)
	}
}

// TestKillLetsJobsFinish: without abort a job that was accepted before is asked for until it ends, by the next process, too;
// a new one is not taken on.
func TestKillLetsJobsFinish(t *testing.T) {
	k := startKit(t, "server: {listen: 127.0.0.1:0, temp_dir: \"{dir}/tmp\", drain_timeout: 100ms}\n"+behindReplicate)
	get := heldTicket(k)
	k.mustKill(`{"scope":"provider","name":"replicate"}`)
	k.restart()
	if a := k.post(createPath, `{"input":{"prompt":"a second fox"}}`, "Authorization", "Bearer first-key", "X-Only", "schnell"); a.status != http.StatusServiceUnavailable {
		t.Errorf("a new ticket: %d %s", a.status, a.body)
	}
	asked := len(k.world.Replicate.Calls())
	eventually(t, func() (int, bool) { n := len(k.world.Replicate.Calls()); return n, n > asked })
	if n := cancels(k.world.Replicate); n != 0 {
		t.Errorf("%d jobs were cancelled", n)
	}
	k.mustKill(`{"scope":"provider","name":"replicate","abort":true}`)
	if p := k.ended(get); p.Status != "failed" || cancels(k.world.Replicate) != 1 {
		t.Errorf("aborted after all: the ticket ended as %s, %d jobs were cancelled", p.Status, cancels(k.world.Replicate))
	}
	for _, c := range k.world.Replicate.Calls() {
		if c.Method == http.MethodPost && strings.HasSuffix(c.Path, "/predictions") && strings.Contains(fmt.Sprint(c.Body), "second") {
			t.Error("the new one was sent")
		}
	}
}

// TestBypass: every request goes to its app's own provider as it is, with our key, past all rules; it is in the ledger.
func TestBypass(t *testing.T) {
	k := startKit(t, twoProviders)
	if a := k.post(openaiPath, `{"model":"gpt-image-1-mini","prompt":"a cat"}`, "X-Only", "nano"); a.header.Get("X-Switchyard-Provider") != "google" {
		t.Fatalf("by the rules: %d %v", a.status, a.header)
	}
	k.mustKill(`{"scope":"all","bypass":true,"reason":"the way back"}`)
	a := k.post(openaiPath, `{"model":"gpt-image-1-mini","prompt":"a dog","user":"anna"}`, "X-Only", "nano", "Authorization", "Bearer x")
	if a.status != http.StatusOK || len(a.images(t)) != 1 || a.header.Get("X-Switchyard-Provider") != "openai" {
		t.Fatalf("bypassed: %d %s %v", a.status, a.body, a.header)
	}
	call := k.world.OpenAI.Calls()[0]
	if call.Header.Get("Authorization") != "Bearer sk-sim" || !strings.Contains(fmt.Sprint(call.Body), "anna") {
		t.Errorf("openai got %v %v", call.Header, call.Body)
	}
	rows := eventually(t, func() ([]ledger.Row, bool) {
		rows := k.rows()
		return rows, len(rows) == 2 && rows[1].Outcome != ""
	})
	if rows[1].Provider != "openai" || rows[1].Cost.Basis != switchyard.BasisUnknown || rows[1].Cost.Charge != switchyard.ChargeSettled {
		t.Errorf("the ledger has %+v", rows)
	}
	k.mustKill(`{"scope":"provider","name":"openai"}`)
	if a := k.gptFor("nano"); a.status != http.StatusServiceUnavailable {
		t.Errorf("a killed provider in a bypass: %d %s", a.status, a.body)
	}
	if a := k.operate(http.MethodDelete, "/api/kill/all/all", ""); a.status != http.StatusOK {
		t.Errorf("revive: %d %s", a.status, a.body)
	}
	if a := k.gptFor("nano"); a.header.Get("X-Switchyard-Provider") != "google" {
		t.Errorf("by the rules again: %d %v", a.status, a.header)
	}
}

// TestKillExpires: Retry-After says when, and then it is over by itself.
func TestKillExpires(t *testing.T) {
	k := startKit(t, twoProviders)
	k.mustKill(`{"scope":"target","name":"nano","for":"30m"}`)
	a := k.gptFor("nano")
	if after := a.header.Get("Retry-After"); a.status != http.StatusServiceUnavailable || len(after) != 4 || after > "1800" {
		t.Errorf("stopped: %d, Retry-After %q", a.status, after)
	}
	k.mustKill(`{"scope":"target","name":"nano","for":"1s"}`)
	eventually(t, func() (answer, bool) { a := k.gptFor("nano"); return a, a.status == http.StatusOK })
	if a := k.operate(http.MethodGet, "/api/kill", ""); strings.TrimSpace(string(a.body)) != `{"kills":[]}` {
		t.Errorf("still listed: %s", a.body)
	}
}

// TestKillRoute: a request whose route is stopped does not fall to the next one.
func TestKillRoute(t *testing.T) {
	k := startKit(t, twoProviders)
	k.mustKill(`{"scope":"route","name":"only-nano"}`)
	if a := k.gptFor("nano"); a.status != http.StatusServiceUnavailable {
		t.Errorf("stopped: %d %s", a.status, a.body)
	}
	if a := k.gptFor("gpt"); a.status != http.StatusOK {
		t.Errorf("another route: %d %s", a.status, a.body)
	}
	if n := len(k.world.Google.Calls()); n != 0 {
		t.Errorf("google was called %d times", n)
	}
}

// TestKillAll: whatever the app speaks, it is told so in its own words; a plan says why.
func TestKillAll(t *testing.T) {
	k := startKit(t, `
providers:
  google: {dialect: gemini, key: k, base_url: "{google}"}
  openai: {dialect: openai, key: k, base_url: "{openai}"}
  fal: {dialect: fal, key: k, base_url: "{fal}", queue_url: "{fal-queue}"}
  replicate: {dialect: replicate, key: k, base_url: "{replicate}"}
  voices: {dialect: passthrough, prefix: /voices, base_url: "{openai}"}
`)
	k.mustKill(`{"scope":"all","reason":"spending without end"}`)
	for _, c := range []struct{ method, path, body, says string }{
		{"POST", imagenPath, predict("a cat", 1), `"UNAVAILABLE"`},
		{"POST", openaiPath, `{"prompt":"a cat"}`, `"service_unavailable_error"`},
		{"POST", "/fal/run/fal-ai/flux/dev", `{"prompt":"a cat"}`, `"detail"`},
		{"POST", "/fal/queue/fal-ai/flux/dev", `{"prompt":"a cat"}`, `"detail"`},
		{"POST", createPath, `{"input":{"prompt":"a cat"}}`, `"detail"`},
		{"GET", "/v1beta/models", "", `"UNAVAILABLE"`},
		{"GET", "/voices/v1/models", "", `"message"`},
	} {
		a := k.do(t.Context(), c.method, c.path, c.body, "Authorization", "Bearer x")
		if a.status != http.StatusServiceUnavailable || !strings.Contains(string(a.body), c.says) || strings.Contains(string(a.body), "spending") {
			t.Errorf("%s %s: %d %s", c.method, c.path, a.status, a.body)
		}
	}
	var p plan
	a := k.post(openaiPath, `{"prompt":"a cat"}`, "X-Switchyard-Dry-Run", "true", "Authorization", "Bearer x")
	if err := json.Unmarshal(a.body, &p); err != nil || len(p.Targets) != 0 || len(p.Passed) != 1 || p.Passed[0].Reason != "stopped by hand: all: spending without end" {
		t.Errorf("the plan is %s", a.body)
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

// TestNativeAndSwitch: a thing is on only if the file and the switch both say so, for the choice of the native one, too.
func TestNativeAndSwitch(t *testing.T) {
	k := startKit(t, `
providers:
  off: {dialect: openai, key: k, base_url: "{google}", enabled: false}
  first: {dialect: openai, key: k, base_url: "{google}"}
  second: {<openai>}
`)
	k.mustKill(`{"scope":"provider","name":"first"}`)
	for _, path := range []string{openaiPath, "/v1/models"} {
		method := map[bool]string{true: http.MethodPost, false: http.MethodGet}[path == openaiPath]
		a := k.do(t.Context(), method, path, `{"prompt":"a cat"}`, "Authorization", "Bearer x")
		if a.header.Get("X-Switchyard-Provider") != "second" {
			t.Errorf("%s: %d %v", path, a.status, a.header)
		}
	}
	if n := len(k.world.Google.Calls()); n != 0 {
		t.Errorf("those that are off were called %d times", n)
	}
}

// TestKillFaults: what is wrong with an order is said, and nothing is stopped by it.
func TestKillFaults(t *testing.T) {
	k := startKit(t, twoProviders)
	for _, c := range []struct {
		method, path, body string
		status             int
		says               string
	}{
		{"POST", "/api/kill", `{"scope":"provider","name":"google","resaon":"x"}`, 400, "resaon"},
		{"POST", "/api/kill", `{"scope":"provider","name":"google"} {}`, 400, "nothing behind it"},
		{"POST", "/api/kill", `{"scope":"provider"}`, 400, "needs a name"},
		{"POST", "/api/kill", `{"scope":"planet","name":"x"}`, 400, "want provider, target, route or all"},
		{"POST", "/api/kill", `{"scope":"provider","name":"google","for":"soon"}`, 400, "such as 30m"},
		{"POST", "/api/kill", `{"scope":"provider","name":"google","for":"-1m"}`, 400, "such as 30m"},
		{"POST", "/api/kill", `{"scope":"provider","name":"google","bypass":true}`, 400, "bypass is for scope all"},
		{"POST", "/api/kill", `{"scope":"provider","name":"gogle"}`, 404, "there are: google, openai"},
		{"POST", "/api/kill", `{"scope":"target","name":"google"}`, 404, "there are: nano, gpt, native:google, native:openai"},
		{"POST", "/api/kill", `{"scope":"route","name":"x"}`, 404, "there are: only-nano, only-gpt, all, default"},
		{"DELETE", "/api/kill/provider/google", "", 404, "provider google is not stopped"},
		{"DELETE", "/api/kill/all/all", "", 404, "all is not stopped"},
		{"GET", "/api/audit?limit=0", "", 400, "1 to 10000"},
	} {
		if a := k.operate(c.method, c.path, c.body); a.status != c.status || !strings.Contains(string(a.body), c.says) {
			t.Errorf("%s %s %s: %d %s", c.method, c.path, c.body, a.status, a.body)
		}
	}
	w := httptest.NewRecorder()
	k.side.admin.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/api/kill", strings.NewReader(`{"scope":"all"}`)))
	if w.Code != http.StatusUnauthorized || len(k.side.switches.List()) != 0 {
		t.Errorf("without a token: %d; stopped: %v", w.Code, k.side.switches.List())
	}
}

// TestARouteCalledDefault has the name to itself, and stands once in what there is to stop.
func TestARouteCalledDefault(t *testing.T) {
	k := startKit(t, "providers: {openai: {<openai>}}\nroutes: [{name: default}]\n")
	if got := k.side.names(breaker.Route); len(got) != 1 || got[0] != "default" {
		t.Errorf("%q", got)
	}
}

// TestStoppedTargetsAreToldOf: whoever asks how targets are, or what one would cost, is told of those that are stopped by hand.
func TestStoppedTargetsAreToldOf(t *testing.T) {
	k := startKit(t, `
providers: {google: {<google>}, fal: {<fal>}}
targets:
  nano: {provider: google, model: gemini-3-pro-image, price: {image: 0.04}}
  flux: {provider: fal, model: fal-ai/flux/dev, price: {image: 0.025}}
routes: [{name: all, targets: [flux, nano]}]
`)
	k.mustKill(`{"scope":"provider","name":"fal"}`)
	for _, c := range []struct{ method, path, ask, want string }{
		{"GET", "providers", "", `"target":"flux","provider":"fal","model":"fal-ai/flux/dev","enabled":false,"healthy":true,"reason":"stopped by hand"`},
		{"POST", "estimate", `{"images":2}`, `"route":"all","target":"nano","estimate_usd":0.08,"alternatives":[{"target":"flux"`},
		{"POST", "estimate", `{"target":"flux"}`, `"estimate_usd":0.025,"reason":"stopped by hand"`},
	} {
		if a := k.do(t.Context(), c.method, "/switchyard/v1/"+c.path, c.ask, "Authorization", "Bearer x"); !strings.Contains(string(a.body), c.want) {
			t.Errorf("%s %s: %s", c.path, c.ask, a.body)
		}
	}
}

// TestTheLogSaysWhoWasPassedOver: the record of a request names the targets that it did not go to, and why, whether somebody served or not.
func TestTheLogSaysWhoWasPassedOver(t *testing.T) {
	k := startKit(t, `
providers:
  openai: {<openai>}
  replicate: {<replicate>}
targets:
  face: {provider: replicate, model: fofr/face-to-many}
  schnell: {provider: replicate, model: black-forest-labs/flux-schnell}
  gpt: {provider: openai, model: gpt-image-1-mini}
routes:
  - {name: all, targets: [face, schnell, gpt]}
`)
	k.mustKill(`{"scope":"target","name":"schnell","reason":"too dear"}`)
	passed := func() []any {
		k.logs.TakeAll()
		k.post(openaiPath, `{"model":"gpt-image-1","prompt":"a red fox"}`, "Authorization", "Bearer x")
		told := eventually(t, func() ([]observer.LoggedEntry, bool) {
			all := k.logs.FilterMessage("request").All()
			return all, len(all) == 1
		})
		list, _ := told[0].ContextMap()["passed_over"].([]any)
		return list
	}
	first, second := "face: needs a reference image", `schnell: stopped by hand: target "schnell": too dear`
	if got := passed(); len(got) != 2 || got[0] != first || got[1] != second {
		t.Errorf("served: %q", got)
	}
	k.mustKill(`{"scope":"target","name":"gpt"}`)
	if got := passed(); len(got) != 3 || got[0] != first || got[1] != second {
		t.Errorf("refused: %q", got)
	}
}
