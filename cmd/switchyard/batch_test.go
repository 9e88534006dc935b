package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"switchyard/ledger"
	"switchyard/proxy"
	"switchyard/sim"
)

const batching = `
keys:
  - {name: one, secret: key-one, tenant: acme}
  - {name: two, secret: key-two, tenant: other}
providers:
  google: {<google>, breaker: off}
  fal: {<fal>, breaker: off}
targets:
  google-image: {provider: google, model: gemini-3-pro-image, price: {image: 0.04}}
  flux: {provider: fal, model: fal-ai/flux/dev, price: {image: 0.025}}
routes:
  - {name: both, targets: [google-image, flux]}
`

const batchesPath = "/switchyard/v1/batches"

// aBatch asks for n portraits.
func aBatch(n int) string {
	var items []string
	for i := range n {
		items = append(items, fmt.Sprintf(`{"path":"/v1/images/generations","body":{"model":"gpt-image-1","prompt":"portrait %d","size":"1024x1024"}}`, i))
	}
	return `{"requests":[` + strings.Join(items, ",") + `]}`
}

type batchState struct {
	ID, Status string
	Totals     struct {
		Requests, Done, Succeeded, Failed, Images int
		CostUSD                                   json.Number `json:"cost_usd"`
		KnownUSD                                  json.Number `json:"known_cost_usd"`
		MeanSeconds                               float64     `json:"mean_seconds"`
		Providers                                 map[string]struct {
			Attempts, OK, Images int
			CostUSD              json.Number `json:"cost_usd"`
		}
	}
	Results []struct {
		Index, Status, Images int
		Generation, Answer    string
		Error                 json.RawMessage
	}
}

// batch begins one and follows its events to the end; results are the events told before.
func (k *kit) batch(body string, headers ...string) (b batchState, results int) {
	k.Helper()
	a := k.post(batchesPath, body, headers...)
	if err := json.Unmarshal(a.body, &b); err != nil || a.status != http.StatusAccepted {
		k.Fatalf("%d %s", a.status, a.body)
	}
	events := k.do(k.Context(), http.MethodGet, batchesPath+"/"+b.ID+"/events", "", headers...)
	lines, last := bufio.NewScanner(strings.NewReader(string(events.body))), ""
	for lines.Scan() {
		if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			if last = name; name == "result" {
				results++
			}
		}
	}
	if last != "done" {
		k.Errorf("the events end with %q", last)
	}
	a = k.do(k.Context(), http.MethodGet, batchesPath+"/"+b.ID, "", headers...)
	b = batchState{}
	if err := json.Unmarshal(a.body, &b); err != nil || b.Status != "done" {
		k.Fatalf("%d %s", a.status, a.body)
	}
	return b, results
}

// TestBatch: 23 prompts, and a first provider that fails at 8 % of them: all are delivered, and the totals are the ledger's.
func TestBatch(t *testing.T) {
	k := startKit(t, batching)
	k.world.Google.Update(func(b *sim.Behavior) { b.FailRatio = 0.08 })
	b, results := k.batch(aBatch(23), "Authorization", "Bearer key-one")
	tot := b.Totals
	if results != 23 || tot.Done != 23 || tot.Succeeded != 23 || tot.Images != 23 || len(b.Results) != 23 {
		t.Fatalf("%d results, %+v", results, tot)
	}
	images, cost := map[string]int{}, map[string]float64{}
	for _, r := range k.rows() {
		images[r.Provider] += r.Images
		cost[r.Provider] += r.Cost.Amount.Dollars()
	}
	all := 0.0
	for name, p := range tot.Providers {
		if dollars, _ := p.CostUSD.Float64(); p.Images != images[name] || dollars-cost[name] > 1e-12 || cost[name]-dollars > 1e-12 {
			t.Errorf("%s: the batch tells %+v, the ledger %d images for $%v", name, p, images[name], cost[name])
		}
		all += cost[name]
	}
	if dollars, _ := tot.CostUSD.Float64(); dollars-all > 1e-12 || all-dollars > 1e-12 || tot.MeanSeconds < 0 || len(tot.Providers) != len(images) {
		t.Errorf("totals are %+v, the ledger has %v and %v", tot, images, cost)
	}
	a := k.do(t.Context(), http.MethodGet, b.Results[22].Answer, "", "Authorization", "Bearer key-one")
	if a.status != http.StatusOK || len(a.images(t)) != 1 || a.header.Get("X-Switchyard-Id") != b.Results[22].Generation {
		t.Errorf("the answer is %d %v", a.status, a.header)
	}
	for _, path := range []string{batchesPath + "/" + b.ID, b.Results[0].Answer, batchesPath + "/" + b.ID + "/events"} {
		if a := k.do(t.Context(), http.MethodGet, path, "", "Authorization", "Bearer key-two"); a.status != http.StatusNotFound {
			t.Errorf("a stranger is told of %s: %d", path, a.status)
		}
	}
}

// TestBatchOnceMore: the same batch under the same key pays for nothing twice, also after a restart.
func TestBatchOnceMore(t *testing.T) {
	k := startKit(t, batching)
	headers := []string{"Authorization", "Bearer key-one", "Idempotency-Key", "session-7"}
	k.batch(aBatch(5), headers...)
	billed := len(k.world.Google.Bill())
	k.restart()
	b, _ := k.batch(aBatch(5), headers...)
	if n := len(k.world.Google.Bill()); n != billed || b.Totals.Succeeded != 5 || b.Totals.Images != 5 || b.Totals.CostUSD != "0" {
		t.Errorf("%d pictures were billed, then %d: %+v", billed, n, b.Totals)
	}
	for _, res := range b.Results { // the generation is the one that was paid for: there is no other
		if a := k.post("/switchyard/v1/generations/"+res.Generation+"/rating", `{"rating":"thumbs_up"}`, headers...); a.status >= 300 {
			t.Errorf("rating %q: %d %s", res.Generation, a.status, a.body)
		}
	}
}

// TestBatchAnswersWithoutPictures: an answer that its dialect gives for a picture that was withheld can be asked for as any other, though
// no key finds it again.
func TestBatchAnswersWithoutPictures(t *testing.T) {
	k := startKit(t, batching)
	k.world.Google.Update(func(b *sim.Behavior) { b.Fault = sim.FilterOutput })
	key := []string{"Authorization", "Bearer key-one"}
	b, _ := k.batch(`{"requests":[
		{"path":"/v1beta/models/imagen-4.0-generate-001:predict","body":{"instances":[{"prompt":"a"}],"parameters":{"sampleCount":2,"includeRaiReason":true}}}]}`, key...)
	res := b.Results[0]
	a := k.do(t.Context(), http.MethodGet, res.Answer, "", key...)
	if res.Status != http.StatusOK || a.status != http.StatusOK || !strings.Contains(string(a.body), "raiFilteredReason") {
		t.Errorf("%+v, and at %q %d %s", res, res.Answer, a.status, a.body)
	}
}

// TestBatchesAtOnce: a hundred of them, with failures: nearly all is delivered.
func TestBatchesAtOnce(t *testing.T) {
	n := 100
	if testing.Short() || raceEnabled {
		n = 2
	}
	k := startKit(t, batching)
	k.world.Google.Update(func(b *sim.Behavior) { b.FailRatio = 0.08 })
	var delivered atomic.Int64
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			b, _ := k.batch(aBatch(23), "Authorization", "Bearer key-one")
			delivered.Add(int64(b.Totals.Images))
		})
	}
	all.Wait()
	t.Logf("%d of %d delivered", delivered.Load(), 23*n)
	if delivered.Load() < int64(23*n*99/100) {
		t.Errorf("%d of %d delivered", delivered.Load(), 23*n)
	}
}

// TestBatchLimited: a request that a limit of ours refuses waits for its turn instead of failing.
func TestBatchLimited(t *testing.T) {
	text := strings.Replace(batching, "routes:\n", "routes:\n  - {name: tight, patience: 1ms, targets: [google-image]}\n", 1)
	text = strings.Replace(text, "<google>, breaker: off", "<google>, breaker: off, limit: {rate: 3/s, burst: 3}", 1)
	k := startKit(t, text)
	if b, _ := k.batch(aBatch(6), "Authorization", "Bearer key-one"); b.Totals.Succeeded != 6 {
		t.Errorf("%+v", b)
	}
}

// TestBatchCancel: what has not begun is not begun any more.
func TestBatchCancel(t *testing.T) {
	world, err := sim.Start(sim.Config{Speed: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = world.Close() })
	k := startKitWith(t, world, batching)
	world.Google.Update(func(b *sim.Behavior) {
		b.Latency = sim.Latency{Min: 200 * time.Millisecond, Max: 200 * time.Millisecond}
	})
	text := strings.Replace(aBatch(20), `{"requests"`, `{"concurrency":2,"requests"`, 1)
	a := k.post(batchesPath, text, "Authorization", "Bearer key-one")
	var b batchState
	if err := json.Unmarshal(a.body, &b); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() (int, bool) { n, _ := world.Google.InFlight(); return n, n == 2 })
	k.do(t.Context(), http.MethodDelete, batchesPath+"/"+b.ID, "", "Authorization", "Bearer key-one")
	k.do(t.Context(), http.MethodGet, batchesPath+"/"+b.ID+"/events", "", "Authorization", "Bearer key-one")
	if n := len(world.Google.Calls()); n != 2 {
		t.Errorf("%d requests were sent", n)
	}
}

// TestBatchRefused: bad input is told in the batch's own terms, and costs nothing.
func TestBatchRefused(t *testing.T) {
	k := startKit(t, batching)
	for body, want := range map[string]string{
		aBatch(10_000):              "a batch has at most 1000 requests",
		`{"requests":[]}`:           "requests: a batch has 1 to 1000, got 0",
		`[]`:                        "want JSON such as",
		`{"requests":`:              "the body cannot be read",
		`{"request":[]}`:            `unknown member "request"`,
		`{"requests":[{"path":1}]}`: "requests[0].body: want an object",
		`{"requests":[{"path":"/v1/models","body":{}}]}`:                                                    `requests[0].path: "/v1/models" makes no pictures`,
		`{"requests":[{"path":"http://evil.test/v1","body":{}}]}`:                                           "requests[0].path: want a path",
		`{"requests":[{"path":"/v1/images/generations","body":{},"headers":{"Authorization":"Bearer x"}}]}`: `requests[0].headers: "Authorization" is not`,
		`{"requests":[{"path":"/v1/images/generations","body":{},"headers":{"x-goog-api-key":"x"}}]}`:       `requests[0].headers: "x-goog-api-key" is not`,
		`{"requests":[{"path":"/v1/images/generations","body":{},"method":"GET"}]}`:                         `requests[0]: unknown member "method"`,
		`{"concurrency":100,"requests":[{"path":"/v1/images/generations","body":{}}]}`:                      "concurrency: want 1 to 32",
	} {
		a := k.post(batchesPath, body, "Authorization", "Bearer key-one")
		if a.status != http.StatusBadRequest || !strings.Contains(string(a.body), strings.ReplaceAll(want, `"`, `\"`)) {
			t.Errorf("%.80s: %d %.300s, want %s", body, a.status, a.body, want)
		}
	}
	if a := k.post(batchesPath, aBatch(1), "Authorization", "Bearer nobody"); a.status != http.StatusUnauthorized {
		t.Errorf("a stranger: %d", a.status)
	}
	b, _ := k.batch(`{"requests":[{"path":"/v1/images/generations","body":{"model":"gpt-image-1"}}]}`, "Authorization", "Bearer key-one")
	if b.Totals.Failed != 1 || b.Results[0].Status != http.StatusBadRequest || !strings.Contains(string(b.Results[0].Error), "prompt") {
		t.Errorf("a request without a prompt: %+v %s", b, b.Results[0].Error)
	}
}

// TestBatchDialects: each request speaks the dialect of its path, whichever header the batch's key came in.
func TestBatchDialects(t *testing.T) {
	k := startKit(t, batching)
	text := `{"requests":[
		{"path":"/v1beta/models/imagen-4.0-generate-001:predict","body":{"instances":[{"prompt":"a"}],"parameters":{"sampleCount":2}}},
		{"path":"/fal/run/fal-ai/flux/dev","body":{"prompt":"b"}},
		{"path":"/replicate/v1/models/black-forest-labs/flux-dev/predictions","body":{"input":{"prompt":"c"}},"headers":{"x-tier":"pro"}}]}`
	b, _ := k.batch(text, "Authorization", "Bearer key-one")
	if b.Totals.Succeeded != 3 {
		t.Errorf("%+v", b)
	}
}

// TestBatchTicket: a request that is answered with a ticket leaves it to the app, which alone can ask for what it has paid.
func TestBatchTicket(t *testing.T) {
	k := startKit(t, batching)
	key := []string{"Authorization", "Bearer key-one"}
	b, _ := k.batch(`{"requests":[
		{"path":"/replicate/v1/models/black-forest-labs/flux-dev/predictions","body":{"input":{"prompt":"c"}}},
		{"path":"/fal/queue/fal-ai/flux/dev","body":{"prompt":"b"}}]}`, key...)
	for _, res := range b.Results {
		a := k.do(t.Context(), http.MethodGet, res.Answer, "", key...)
		var doc struct {
			ID        string
			RequestID string `json:"request_id"`
		}
		if json.Unmarshal(a.body, &doc) != nil || a.status >= 300 || doc.ID == "" && doc.RequestID == "" {
			t.Errorf("the answer at %q is %d %s", res.Answer, a.status, a.body)
		}
	}
}

// TestBatchStreams: nobody would see the events, and all would have been paid.
func TestBatchStreams(t *testing.T) {
	k := startKit(t, batching)
	a := k.post(batchesPath, `{"requests":[{"path":"/v1/images/generations","body":{"model":"gpt-image-1","prompt":"a","stream":true}}]}`, "Authorization", "Bearer key-one")
	if a.status != http.StatusBadRequest || !strings.Contains(string(a.body), "requests[0].body") {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// TestBatchPassesNothing: what only passes through is kept nowhere, and would be paid and lost.
func TestBatchPassesNothing(t *testing.T) {
	k := startKit(t, batching)
	key := []string{"Authorization", "Bearer key-one"}
	a := k.post(batchesPath, `{"requests":[{"path":"/v1beta/models/gemini-2.5-flash:generateContent","body":{"contents":[{"parts":[{"text":"a"}]}]}}]}`, key...)
	if a.status != http.StatusBadRequest || !strings.Contains(string(a.body), "requests[0].body: it asks for no pictures") {
		t.Errorf("text: %d %s", a.status, a.body)
	}
	k.mustKill(`{"scope":"all","bypass":true}`)
	b, _ := k.batch(`{"requests":[{"path":"/v1beta/models/imagen-4.0-generate-001:predict","body":{"instances":[{"prompt":"a"}]}}]}`, key...)
	if n := len(k.world.Google.Calls()); n != 0 || b.Totals.Failed != 1 || b.Results[0].Status != http.StatusServiceUnavailable {
		t.Errorf("bypassed: %d requests were sent, %+v", n, b)
	}
}

// TestBatchCredential: without keys of ours a batch's credential goes to no provider but the one it speaks to, and nothing is
// made for nobody.
func TestBatchCredential(t *testing.T) {
	_, text, _ := strings.Cut(batching, "providers:")
	k := startKit(t, "providers:"+text)
	const openai = `{"path":"/v1/images/generations","body":{"model":"gpt-image-1","prompt":"a"}}`
	const fal = `{"path":"/fal/run/fal-ai/flux/dev","body":{"prompt":"b"}}`
	for body, headers := range map[string][]string{
		`{"requests":[` + openai + `,` + fal + `]}`: {"Authorization", "Bearer sk-mine"},
		`{"requests":[` + openai + `]}`:             {"X-Goog-Api-Key", "AIzaMine"},
	} {
		if a := k.post(batchesPath, body, headers...); a.status != http.StatusBadRequest || !strings.Contains(string(a.body), "credential") {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
	if b, _ := k.batch(`{"requests":[`+openai+`,`+openai+`]}`, "Authorization", "Bearer sk-mine"); b.Totals.Succeeded != 2 {
		t.Errorf("%+v", b)
	}
}

// TestEstimate: what 23 pictures cost at the preferred target and at the others, one request or a list.
func TestEstimate(t *testing.T) {
	k := startKit(t, batching)
	ask := func(body string) string {
		a := k.post("/switchyard/v1/estimate", body, "Authorization", "Bearer key-one")
		return fmt.Sprint(a.status, " ", strings.TrimSpace(string(a.body)))
	}
	for body, want := range map[string]string{
		`{"images":23,"target":"flux","size":"1024x1024"}`: `200 {"images":23,"target":"flux","estimate_usd":0.575,"alternatives":[{"target":"google-image","provider":"google","model":"gemini-3-pro-image","estimate_usd":0.92,`,
		`{"images":23}`: `200 {"images":23,"route":"both","target":"google-image","estimate_usd":0.92,"alternatives":[{"target":"flux",`,
		`{"requests":[{"images":2},{"target":"flux"}]}`: `"total_usd":0.105}`,
		`{"target":"nobody"}`:                           `400 {"error":{"message":"target: there is no \"nobody\""}}`,
		`{"size":"large"}`:                              `400 {"error":{"message":"size: want one such as 1024x1024`,
		`{"images":-1}`:                                 `400 {"error":{"message":"images: want 1 to 100000, got -1"}}`,
		`{"imagse":1}`:                                  `unknown field \"imagse\"`,
		`{"requests":[{},{"references":-1}]}`:           `400 {"error":{"message":"requests[1]: references: want`,
	} {
		if got := ask(body); !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", body, got, want)
		}
	}
	a := k.do(t.Context(), http.MethodGet, "/switchyard/v1/providers", "", "Authorization", "Bearer key-one")
	if a.status != http.StatusOK || !strings.Contains(string(a.body), `{"target":"flux","provider":"fal","model":"fal-ai/flux/dev","enabled":true,"healthy":true,"in_flight":0,"waiting":0,"image_usd":0.025,"median_seconds":null,"p95_seconds":null}`) {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// TestProvidersTellOfWhatNeedsAPicture: a model that does nothing without a picture has a price, and nothing is the matter with it.
func TestProvidersTellOfWhatNeedsAPicture(t *testing.T) {
	k := startKit(t, `
providers: {replicate: {<replicate>}}
targets: {face: {provider: replicate, model: fofr/face-to-many, price: {image: 0.15}}}
keys: [{name: one, secret: key-one}]
`)
	a := k.do(t.Context(), http.MethodGet, "/switchyard/v1/providers", "", "Authorization", "Bearer key-one")
	if a.status != http.StatusOK || !strings.Contains(string(a.body), `"healthy":true,"in_flight":0,"waiting":0,"image_usd":0.15,`) {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// TestBatchOutlastsABody: who follows a batch does so to its end, though that takes longer than a request's body may.
func TestBatchOutlastsABody(t *testing.T) {
	k := startKitWith(t, slowWorld(t, 0), strings.Replace(batching, "providers:", "server: {read_body_timeout: 50ms}\nproviders:", 1))
	for _, p := range k.world.Providers() {
		p.Update(func(b *sim.Behavior) {
			b.Latency = sim.Latency{Min: 300 * time.Millisecond, Max: 300 * time.Millisecond}
		})
	}
	if _, results := k.batch(aBatch(2), "Authorization", "Bearer key-one"); results != 2 {
		t.Errorf("%d results were told", results)
	}
}

// TestBatchWaitsForItsTurn: however many of its requests a limit of ours refuses, each is served when it is its turn, and that it had to wait
// is no generation that failed.
func TestBatchWaitsForItsTurn(t *testing.T) {
	const n, rate = 30, `limit: {rate: 8/s, burst: 1}`
	for name, c := range map[string]struct{ key, target string }{"of the key": {key: rate}, "of the target": {target: rate}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // it waits for most of its time
			k := startKitWith(t, slowWorld(t, 0), fmt.Sprintf(`
keys: [{name: one, secret: key-one, %s}]
providers: {google: {<google>, breaker: off}}
targets: {nano: {provider: google, model: gemini-3-pro-image, price: {image: 0.04}, %s}}
routes: [{name: all, targets: [nano], patience: 0s}]
`, c.key, c.target))
			b, _ := k.batch(`{"concurrency":32,`+aBatch(n)[1:], "Authorization", "Bearer key-one")
			if b.Totals.Succeeded != n {
				t.Errorf("%+v", b.Totals)
			}
			if tries := k.logs.FilterMessage("request").Len(); tries > 4*n {
				t.Errorf("%d tries for %d requests", tries, n)
			}
			k.rows()
			lines, err := k.side.store.Report(t.Context(), ledger.Query{By: ledger.ByRoute})
			if err != nil || len(lines) != 1 || lines[0].Generations != n || lines[0].OK != n {
				t.Errorf("the ledger has %+v, %v", lines, err)
			}
		})
	}
}

// TestBatchTellsOfABrokenAnswer: what was paid for a request whose answer then breaks by a mistake of ours is in the totals.
func TestBatchTellsOfABrokenAnswer(t *testing.T) {
	k := startKit(t, `
keys: [{name: one, secret: key-one}]
providers: {google: {<google>}}
targets: {nano: {provider: google, model: gemini-3-pro-image, price: {image: 0.04}}}
routes: [{name: all, targets: [nano]}]
`)
	k.side.handler.Observe = func(*proxy.Record) { panic("a mistake") }
	b, _ := k.batch(aBatch(1), "Authorization", "Bearer key-one")
	if b.Totals.CostUSD != "0.04" || b.Totals.Providers["google"].CostUSD != "0.04" || b.Totals.Failed != 1 {
		t.Errorf("%+v", b.Totals)
	}
}

// TestBatchTellsOfLosers: what the loser of a hedge may have cost is in the batch's totals by provider, as in its total.
func TestBatchTellsOfLosers(t *testing.T) {
	k := startKitWith(t, slowWorld(t, 0), "keys: [{name: one, secret: key-one}]\n"+hedging)
	const long = 400 * time.Millisecond
	k.world.Google.Update(func(b *sim.Behavior) { b.Latency = sim.Latency{Min: long, Max: long} })
	b, _ := k.batch(aBatch(1), "Authorization", "Bearer key-one")
	google, fal := b.Totals.Providers["google"], b.Totals.Providers["fal"]
	if b.Totals.CostUSD != "0.065" || google.CostUSD != "0.04" || google.Attempts != 1 || fal.CostUSD != "0.025" || b.Totals.KnownUSD != b.Totals.CostUSD {
		t.Errorf("%+v", b.Totals)
	}
}

// TestBatchAfterADeadModel: a request that has been sent is in the ledger with its end, also where it then has to wait for its turn.
func TestBatchAfterADeadModel(t *testing.T) {
	k := startKitWith(t, slowWorld(t, 0), `
keys: [{name: one, secret: key-one}]
providers: {google: {<google>, breaker: off, limit: {rate: 8/s, burst: 1}}}
routes: [{name: all, targets: [native], patience: 0s}]
`)
	k.world.Google.Update(func(b *sim.Behavior) { b.Gone = []string{"gemini-2.5-flash-image"} })
	const ask = `{"requests":[{"path":"/v1beta/models/gemini-2.5-flash-image:generateContent","body":{"contents":[{"parts":[{"text":"a cat"}]}]}}]}`
	b, _ := k.batch(ask, "Authorization", "Bearer key-one")
	rows := k.rows()
	if b.Totals.Succeeded != 1 || len(rows) != 2 {
		t.Fatalf("%+v, %d rows", b.Totals, len(rows))
	}
	lines, err := k.side.store.Report(t.Context(), ledger.Query{By: ledger.ByRoute})
	if err != nil || len(lines) != 1 || lines[0].Generations != 2 || lines[0].OK != 1 {
		t.Errorf("%+v, %v", lines, err)
	}
	if c, err := k.side.store.Check(t.Context()); err != nil || len(c.Wrong) != 0 || c.Running != 0 {
		t.Errorf("%+v, %v", c, err)
	}
}
