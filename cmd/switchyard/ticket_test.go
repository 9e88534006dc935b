package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/zap"

	"switchyard"
	"switchyard/ledger"
	"switchyard/proxy"
	"switchyard/sim"
	"switchyard/ticket"
)

// prediction is what apps read of one.
type prediction struct {
	ID     string            `json:"id"`
	Status string            `json:"status"`
	Output []string          `json:"output"`
	Error  string            `json:"error"`
	URLs   map[string]string `json:"urls"`
	Model  string            `json:"model"`
}

func (a answer) prediction(t testing.TB) prediction {
	t.Helper()
	var p prediction
	if err := json.Unmarshal(a.body, &p); err != nil {
		t.Fatalf("%d %.300s: %v", a.status, a.body, err)
	}
	return p
}

const createPath = "/replicate/v1/models/black-forest-labs/flux-schnell/predictions"

const behindReplicate = `
providers:
  openai: {<openai>}
  replicate: {<replicate>}
targets:
  gpt: {provider: openai, model: gpt-image-1-mini}
  schnell: {provider: replicate, model: black-forest-labs/flux-schnell}
routes:
  - {name: schnell, when: 'headers["x-only"] == "schnell"', targets: [schnell]}
  - {name: all, targets: [gpt]}
keys:
  - {name: one, secret: first-key}
  - {name: two, secret: second-key}
`

// TestTicketTells: the answer that has a job's result says what that of a request that was waited for would, after a restart, too; one of a
// job under way cannot yet, nor can one of several jobs.
func TestTicketTells(t *testing.T) {
	k := startKit(t, behindReplicate)
	first := []string{"Authorization", "Bearer first-key"}
	a := k.post(createPath, `{"input":{"prompt":"a red fox","num_outputs":2,"num_inference_steps":3}}`, first...)
	if target := a.header.Get("X-Switchyard-Target"); a.status != http.StatusCreated || target != "" {
		t.Fatalf("%d, by %s: %s", a.status, target, a.body)
	}
	get := strings.TrimPrefix(a.prediction(t).URLs["get"], k.url)
	ended := func() answer {
		return eventually(t, func() (answer, bool) {
			a := k.do(t.Context(), http.MethodGet, get, "", first...)
			p := a.prediction(t)
			return a, p.Status == "succeeded" || p.Status == "failed"
		})
	}
	a = ended()
	told := map[string]string{}
	for _, name := range []string{"Route", "Target", "Provider", "Model", "Attempts", "Cost-Usd", "Cost-Basis", "Cache", "Fidelity"} {
		told[name] = a.header.Get("X-Switchyard-" + name)
	}
	want := map[string]string{
		"Route": "all", "Target": "gpt", "Provider": "openai", "Model": "gpt-image-1-mini", "Attempts": "1",
		"Cost-Usd": told["Cost-Usd"], "Cost-Basis": "reported", "Cache": "off", "Fidelity": "dropped=steps",
	}
	if !maps.Equal(told, want) || told["Cost-Usd"] == "" || told["Cost-Usd"] == "0" {
		t.Errorf("it is told %v, want %v", told, want)
	}
	k = k.restart()
	for name, value := range want {
		if got := ended().header.Get("X-Switchyard-" + name); got != value {
			t.Errorf("after a restart %s is %q, want %q", name, got, value)
		}
	}
	if list := k.do(t.Context(), http.MethodGet, "/replicate/v1/predictions", "", first...); list.status != http.StatusOK || list.header.Get("X-Switchyard-Target") != "" {
		t.Errorf("a list of jobs is %d, by %q", list.status, list.header.Get("X-Switchyard-Target"))
	}
}

// TestPrediction: a ticket from its creation to its result, made by somebody else; a stranger's id is none.
func TestPrediction(t *testing.T) {
	k := startKit(t, behindReplicate)
	first := []string{"Authorization", "Bearer first-key"}
	a := k.post(createPath, `{"input":{"prompt":"a red fox","num_outputs":2}}`, first...)
	p := a.prediction(t)
	if a.status != http.StatusCreated || p.Status != "starting" || p.Output != nil || len(p.ID) != 26 ||
		p.URLs["get"] != k.url+"/replicate/v1/predictions/"+p.ID {
		t.Fatalf("%d %s", a.status, a.body)
	}
	get := strings.TrimPrefix(p.URLs["get"], k.url)
	p = eventually(t, func() (prediction, bool) {
		p := k.do(t.Context(), http.MethodGet, get, "", first...).prediction(t)
		return p, p.Status != "starting" && p.Status != "processing"
	})
	if p.Status != "succeeded" || len(p.Output) != 2 || !strings.HasPrefix(p.Output[0], "data:image/") {
		t.Errorf("%s %s %.40v", p.Status, p.Error, p.Output)
	}
	if a := k.do(t.Context(), http.MethodGet, get, "", "Authorization", "Bearer second-key"); a.status != http.StatusNotFound {
		t.Errorf("a stranger's prediction: %d %.200s", a.status, a.body)
	}
	if a := k.post(get+"/cancel", "", "Authorization", "Bearer second-key"); a.status != http.StatusNotFound {
		t.Errorf("a stranger's cancellation: %d", a.status)
	}
	if rows := k.rows(); len(rows) != 1 || rows[0].Provider != "openai" || rows[0].Cost.Amount != k.world.OpenAI.Total() {
		t.Errorf("the ledger has %+v", rows)
	}
}

// TestAskingIsNotLimited: an app that has used up its key's limit is told how its tickets stand, and can cancel them: the place that
// a job takes is given back no sooner.
func TestAskingIsNotLimited(t *testing.T) {
	world := newWorld(t)
	world.Replicate.Set(sim.Behavior{Fault: sim.Stuck})
	for name, limit := range map[string]string{"concurrent": "concurrent: 1", "rate": "rate: 1/h, burst: 1"} {
		t.Run(name, func(t *testing.T) {
			k := startKitWith(t, world, strings.Replace(behindReplicate, "secret: first-key", "secret: first-key, limit: {"+limit+"}", 1))
			first := []string{"Authorization", "Bearer first-key", "X-Only", "schnell"}
			p := k.post(createPath, `{"input":{"prompt":"a red fox"}}`, first...).prediction(t)
			if a := k.post(createPath, `{"input":{"prompt":"a second fox"}}`, first...); a.status != http.StatusTooManyRequests {
				t.Fatalf("the limit does not hold: %d %s", a.status, a.body)
			}
			const list = "/replicate/v1/predictions"
			for range 3 {
				for _, path := range []string{list + "/" + p.ID, list} {
					if a := k.do(t.Context(), http.MethodGet, path, "", first...); a.status != http.StatusOK {
						t.Errorf("%s: %d %s", path, a.status, a.body)
					}
				}
			}
			if a := k.post(list+"/"+p.ID+"/cancel", "", first...); a.status != http.StatusOK {
				t.Errorf("the cancellation: %d %s", a.status, a.body)
			}
		})
	}
}

// TestATicketsAnswersNameItsGeneration: whatever an app asks about its ticket, the id in the answer is that of the generation, which it
// rates and operators find; also that of the same submission once more.
func TestATicketsAnswersNameItsGeneration(t *testing.T) {
	k := startKit(t, behindReplicate)
	keyed := []string{"Authorization", "Bearer first-key", "Idempotency-Key", "order-1", "Prefer", "wait"}
	first := k.post(createPath, `{"input":{"prompt":"a red fox"}}`, keyed...)
	want := first.header.Get("X-Switchyard-Id")
	path := "/replicate/v1/predictions/" + first.prediction(t).ID
	for name, a := range map[string]answer{
		"status": k.do(t.Context(), http.MethodGet, path, "", keyed[:2]...),
		"cancel": k.post(path+"/cancel", "", keyed[:2]...),
		"again":  k.post(createPath, `{"input":{"prompt":"a red fox"}}`, keyed...),
		"rating": k.post("/switchyard/v1/generations/"+want+"/rating", `{"rating":"thumbs_up"}`, keyed[:2]...),
	} {
		if got := a.header.Get("X-Switchyard-Id"); a.status >= 300 || name != "rating" && got != want {
			t.Errorf("%s: %d of %q, want %q", name, a.status, got, want)
		}
	}
}

// TestAModelThatIsNotThere: an app that queues a request for one is told so, as it is when it waits for the answer; its input is not at
// fault. Of a model that a route has chosen it knows nothing.
func TestAModelThatIsNotThere(t *testing.T) {
	k := startKit(t, `
providers:
  fal: {<fal>}
targets:
  typo: {provider: fal, model: fal-ai/fluks}
routes:
  - {name: typo, when: 'headers["x-only"] == "typo"', targets: [typo]}
  - {name: all, targets: [native]}
keys:
  - {name: one, secret: first-key}
`)
	key := []string{"Authorization", "Key first-key"}
	waited := k.post("/fal/run/fal-ai/none-such", `{"prompt":"a red fox"}`, key...)
	if !strings.Contains(string(waited.body), `none-such\" not found`) {
		t.Errorf("who waits is told %s", waited.body)
	}
	for only, c := range map[string]struct {
		status int
		text   string
	}{
		"":     {http.StatusNotFound, string(waited.body)},
		"typo": {http.StatusUnprocessableEntity, `"msg":"The input was not accepted."`},
	} {
		var queued struct {
			ID string `json:"request_id"`
		}
		if a := k.post("/fal/queue/fal-ai/none-such", `{"prompt":"a red fox"}`, append(key, "X-Only", only)...); json.Unmarshal(a.body, &queued) != nil {
			t.Fatalf("%d %s", a.status, a.body)
		}
		a := eventually(t, func() (answer, bool) {
			a := k.do(t.Context(), http.MethodGet, "/fal/queue/fal-ai/none-such/requests/"+queued.ID, "", key...)
			return a, !strings.Contains(string(a.body), "in progress")
		})
		if a.status != c.status || !strings.Contains(string(a.body), c.text) {
			t.Errorf("%q: %d %s, want %d with %s", only, a.status, a.body, c.status, c.text)
		}
	}
}

// TestWait: with Prefer: wait the answer is the result, if it is there by then; else starting, never processing.
func TestWait(t *testing.T) {
	world := slowWorld(t, 0)
	k := startKitWith(t, world, behindReplicate)
	first := []string{"Authorization", "Bearer first-key", "Prefer", "wait"}
	p := k.post(createPath, `{"input":{"prompt":"a red fox"}}`, first...).prediction(t)
	if p.Status != "succeeded" || len(p.Output) != 1 || p.Model != "black-forest-labs/flux-schnell" {
		t.Errorf("%+v", p)
	}
	world.OpenAI.Update(func(b *sim.Behavior) {
		b.Latency = sim.Latency{Min: 1500 * time.Millisecond, Max: 1500 * time.Millisecond}
	})
	first[3] = "wait=1"
	p = k.post(createPath, `{"input":{"prompt":"a red fox"}}`, first...).prediction(t)
	if p.Status != "starting" {
		t.Errorf("when the wait runs out: %+v", p)
	}
}

// TestWhenToComeBack: who waits for a prediction that a provider puts off is told for how long, as it would be by the provider.
func TestWhenToComeBack(t *testing.T) {
	k := startKit(t, behindReplicate)
	k.world.Replicate.Update(func(b *sim.Behavior) { b.Fault, b.RetryAfter = sim.RateLimit, 100*time.Second })
	a := k.post(createPath, `{"input":{"prompt":"later"}}`, "Authorization", "Bearer first-key", "Prefer", "wait", "X-Only", "schnell")
	if wait, err := strconv.Atoi(a.header.Get("Retry-After")); a.status != http.StatusTooManyRequests || err != nil || wait < 70 || wait > 100 {
		t.Errorf("%d, Retry-After %q: %s", a.status, a.header.Get("Retry-After"), a.body)
	}
}

// TestAWrongKeyIsToldAtOnce: who waits for a prediction with a key that Replicate does not take is told so by the status that SDKs
// have a type for, and not by a prediction that failed.
func TestAWrongKeyIsToldAtOnce(t *testing.T) {
	k := startKit(t, `providers: {replicate: {dialect: replicate, base_url: "{replicate}"}}`)
	wrong := []string{"Authorization", "Bearer r8_wrong", "Prefer", "wait"}
	if a := k.post(createPath, `{"input":{"prompt":"a"}}`, wrong...); a.status != http.StatusUnauthorized || a.header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%d %s", a.status, a.body)
	}
	k.world.Replicate.Update(func(b *sim.Behavior) { b.Fault = sim.Quota })
	wrong[1] = "Bearer r8_sim"
	if a := k.post(createPath, `{"input":{"prompt":"b"}}`, wrong...); a.status != http.StatusPaymentRequired {
		t.Errorf("an empty account: %d %s", a.status, a.body)
	}
}

// TestAnUnreadableTicketHidesNoOther: a row whose documents cannot be read is told as failed, and logged, and the list of
// tickets has all the others.
func TestAnUnreadableTicketHidesNoOther(t *testing.T) {
	k := startKit(t, behindReplicate)
	first := []string{"Authorization", "Bearer first-key", "Prefer", "wait"}
	var ids [3]string
	for i := range ids {
		ids[i] = k.post(createPath, `{"input":{"prompt":"a red fox"}}`, first...).prediction(t).ID
	}
	for column, id := range map[string]string{"request": ids[0], "result": ids[1]} {
		_, err := k.side.db.ExecContext(t.Context(), `UPDATE tickets SET `+column+` = CAST('{"images":' AS BLOB) WHERE id = ?`, id)
		if err != nil {
			t.Fatal(err)
		}
	}
	list := k.do(t.Context(), http.MethodGet, "/replicate/v1/predictions", "", first...)
	var doc struct{ Results []prediction }
	if err := json.Unmarshal(list.body, &doc); err != nil || list.status != http.StatusOK || len(doc.Results) != 3 {
		t.Fatalf("%d %.300s, %v", list.status, list.body, err)
	}
	for i, p := range doc.Results { // newest first
		if bad := i > 0; p.ID != ids[2-i] || bad != (p.Status == "failed" && p.Error != "" && len(p.Output) == 0) {
			t.Errorf("%d is %+v", i, p)
		}
	}
	for _, id := range ids[:2] {
		if n := k.logs.FilterMessage("ticket damaged").FilterField(zap.String("id", id)).Len(); n == 0 {
			t.Errorf("nothing is logged of %s", id)
		}
	}
}

// TestAnUnreadableTicketIsOver: whoever polls for a ticket whose row cannot be read is told so in the words of its protocol, by its
// name, and stops. The log has what is wrong with the row.
func TestAnUnreadableTicketIsOver(t *testing.T) {
	for _, column := range []string{"request", "result"} {
		t.Run(column, func(t *testing.T) {
			k := startKit(t, behindReplicate)
			key := []string{"Authorization", "Bearer first-key", "Prefer", "wait"}
			prediction := k.post(createPath, `{"input":{"prompt":"a red fox"}}`, key...).prediction(t)
			falKey := []string{"Authorization", "Key first-key"}
			const queue = "/fal/queue/fal-ai/flux"
			var queued struct {
				ID string `json:"request_id"`
			}
			if a := k.post(queue+"/dev", `{"prompt":"a red fox"}`, falKey...); json.Unmarshal(a.body, &queued) != nil {
				t.Fatalf("%d %s", a.status, a.body)
			}
			status := queue + "/requests/" + queued.ID + "/status"
			eventually(t, func() (string, bool) {
				a := k.do(t.Context(), http.MethodGet, status, "", falKey...)
				return string(a.body), strings.Contains(string(a.body), "COMPLETED")
			})
			if _, err := k.side.db.ExecContext(t.Context(), `UPDATE tickets SET `+column+` = CAST('{"images":' AS BLOB)`); err != nil {
				t.Fatal(err)
			}
			for _, c := range []struct {
				path   string
				key    []string
				status int
				want   []string
			}{
				{"/replicate/v1/predictions/" + prediction.ID, key, 200, []string{`"status":"failed"`, `"output":null`, `"error":"Prediction ` + prediction.ID}},
				{status, falKey, 200, []string{`"status":"COMPLETED"`, queued.ID}},
				{status + "/stream", falKey, 200, []string{`data: {"status":"COMPLETED"`, queued.ID}},
				{queue + "/requests/" + queued.ID, falKey, 500, []string{`{"detail":"Request ` + queued.ID, `"error_type":"internal_error"`}},
			} {
				a := k.do(t.Context(), http.MethodGet, c.path, "", c.key...)
				for _, want := range c.want {
					if a.status != c.status || !strings.Contains(string(a.body), want) {
						t.Errorf("%s: %d %s, want %d with %s", c.path, a.status, a.body, c.status, want)
					}
				}
			}
			for _, id := range []string{prediction.ID, queued.ID} {
				logged := k.logs.FilterMessage("ticket damaged").FilterField(zap.String("id", id)).All()
				if len(logged) == 0 || !strings.Contains(fmt.Sprint(logged[0].ContextMap()["error"]), "the row's "+column+": unexpected end of JSON input") {
					t.Errorf("of %s is logged: %v", id, logged)
				}
			}
		})
	}
}

// TestCancel: a job at an asynchronous provider is taken back there when its app does not want it any more.
func TestCancel(t *testing.T) {
	world := slowWorld(t, 0)
	world.Replicate.Update(func(b *sim.Behavior) {
		b.Latency = sim.Latency{Min: time.Hour, Max: time.Hour}
		b.Quirks.WaitRunsOut = true
	})
	k := startKitWith(t, world, behindReplicate)
	first := []string{"Authorization", "Bearer first-key", "X-Only", "schnell"}
	p := k.post(createPath, `{"input":{"prompt":"a red fox"}}`, first...).prediction(t)
	eventually(t, func() (int, bool) { n := len(world.Replicate.Calls()); return n, n > 1 }) // it is being polled
	get := strings.TrimPrefix(p.URLs["get"], k.url)
	if p := k.post(get+"/cancel", "", first...).prediction(t); p.Status != "canceled" {
		t.Errorf("%+v", p)
	}
	rows := eventually(t, func() ([]ledger.Row, bool) {
		rows := k.rows()
		return rows, len(rows) == 1 && rows[0].Outcome != ""
	})
	if rows[0].Outcome != switchyard.Canceled {
		t.Errorf("the ledger has %+v", rows[0])
	}
	canceled := false
	for _, c := range world.Replicate.Calls() {
		canceled = canceled || strings.HasSuffix(c.Path, "/cancel")
	}
	if !canceled || world.Replicate.Total() != 0 {
		t.Errorf("the provider was not told; it bills $%s", world.Replicate.Total())
	}
}

// TestCancelAfter: a prediction that takes longer than its app wants is cancelled, also at its provider.
func TestCancelAfter(t *testing.T) {
	world := slowWorld(t, 0)
	world.Replicate.Update(func(b *sim.Behavior) { b.Latency = sim.Latency{Min: time.Hour, Max: time.Hour} })
	k := startKitWith(t, world, behindReplicate)
	first := []string{"Authorization", "Bearer first-key", "X-Only", "schnell", "Cancel-After", "1s"}
	p := k.post(createPath, `{"input":{"prompt":"a red fox"}}`, first...).prediction(t)
	get := strings.TrimPrefix(p.URLs["get"], k.url)
	eventually(t, func() (string, bool) {
		p := k.do(t.Context(), http.MethodGet, get, "", first...).prediction(t)
		return p.Status, p.Status == "canceled"
	})
	eventually(t, func() (int, bool) {
		for _, c := range world.Replicate.Calls() {
			if strings.HasSuffix(c.Path, "/cancel") {
				return 1, true
			}
		}
		return 0, false
	})
}

// fullAssets takes no picture any more.
type fullAssets struct{ proxy.Assets }

func (fullAssets) Put(context.Context, switchyard.Blob) (string, error) {
	return "", errors.New("the disk is full")
}

// crowdedAssets has no room for a picture until there is.
type crowdedAssets struct {
	proxy.Assets
	tries *atomic.Int64
	room  *atomic.Bool
}

func (c crowdedAssets) Put(ctx context.Context, b switchyard.Blob) (string, error) {
	if c.tries.Add(1); !c.room.Load() {
		return "", fmt.Errorf("asset: %w", &fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC})
	}
	return c.Assets.Put(ctx, b)
}

// TestAPictureWaitsForRoom: what has been paid for is not thrown away because the disk is full, not even if the process ends
// meanwhile, as long as its provider has it.
func TestAPictureWaitsForRoom(t *testing.T) {
	for name, c := range map[string]struct {
		target  string
		restart bool
	}{"of whoever": {"gpt", false}, "of a job": {"schnell", false}, "of a job, over a restart": {"schnell", true}} {
		k := startKitWith(t, slowWorld(t, 0), "server: {listen: 127.0.0.1:0, drain_timeout: 50ms, temp_dir: \"{dir}/tmp\", fetch_allow: [127.0.0.1]}\n"+behindReplicate)
		crowded := crowdedAssets{k.side.handler.Assets, new(atomic.Int64), new(atomic.Bool)}
		k.side.handler.Assets = crowded
		first := []string{"Authorization", "Key first-key", "X-Only", c.target}
		var job struct {
			ID string `json:"request_id"`
		}
		if a := k.post("/fal/queue/fal-ai/flux/dev", `{"prompt":"a red fox"}`, first...); json.Unmarshal(a.body, &job) != nil || a.status != http.StatusOK {
			t.Fatalf("%s: %d %s", name, a.status, a.body)
		}
		eventually(t, func() (int64, bool) { n := crowded.tries.Load(); return n, n > 1 })
		if c.restart {
			k.restart()
		}
		crowded.room.Store(true)
		tk := eventually(t, func() (ticket.Ticket, bool) {
			list, _, err := k.side.tickets.List(t.Context(), ticket.Query{Tenant: "one", Dialect: "fal", Limit: 1})
			if err != nil || len(list) != 1 {
				t.Fatalf("%s: %v %v", name, list, err)
			}
			return list[0], list[0].State == ticket.Done
		})
		if tk.ID != job.ID || tk.Outcome != switchyard.OK {
			t.Errorf("%s: it ended as %s", name, tk.Outcome)
		}
		if rows := k.rows(); len(rows) != 1 || rows[0].Outcome != switchyard.OK {
			t.Errorf("%s: rows: %+v", name, rows)
		}
	}
}

// TestTicketEndsAsItsRow: a ticket and its generation in the ledger end alike, also where no attempt says how.
func TestTicketEndsAsItsRow(t *testing.T) {
	k := startKit(t, strings.Replace(budgeting, "usd: 0.05", "usd: 0.001", 1))
	full := k.side.handler.Assets
	for name, c := range map[string]struct {
		key    string
		assets proxy.Assets
		want   switchyard.Outcome
	}{
		"over its budget":   {"key-poor", full, switchyard.RateLimited},
		"made and not kept": {"key-web", fullAssets{full}, switchyard.Overloaded},
	} {
		k.side.handler.Assets = c.assets
		a := k.post("/fal/queue/fal-ai/flux/dev", `{"prompt":"a cat","image_size":"square"}`, "Authorization", "Key "+c.key)
		var queued struct {
			ID string `json:"request_id"`
		}
		if err := json.Unmarshal(a.body, &queued); err != nil {
			t.Fatalf("%s: %d %s", name, a.status, a.body)
		}
		tk := eventually(t, func() (ticket.Ticket, bool) {
			tk, err := k.side.tickets.Get(t.Context(), "acme", queued.ID)
			return tk, err == nil && tk.State == ticket.Done
		})
		k.rows()
		acc, err := k.side.store.Generation(t.Context(), tk.Generation)
		if err != nil || tk.Outcome != c.want || acc.Generation.Outcome != c.want {
			t.Errorf("%s: the ticket ended as %s, its generation as %s, %v; want %s", name, tk.Outcome, acc.Generation.Outcome, err, c.want)
		}
	}
}

// TestAJobThatPassedThrough: a request that is no generation makes a job at its provider, who is asked for it, unless it may be another
// tenant's: of several, none may see what the others have there.
func TestAJobThatPassedThrough(t *testing.T) {
	for tenants, want := range map[string]int{"acme, acme": http.StatusOK, "acme, other": http.StatusNotFound} {
		first, second, _ := strings.Cut(tenants, ", ")
		k := startKit(t, `
providers: {fal: {<fal>}}
keys: [{name: one, secret: first-key, tenant: `+first+`}, {name: two, secret: second-key, tenant: `+second+`}]
`)
		key := []string{"Authorization", "Key first-key"}
		var job struct {
			ID string `json:"request_id"`
		}
		a := k.post("/fal/queue/fal-ai/photomaker", `{"prompt":"a man img","image_archive_url":"https://files.test/faces.zip"}`, key...)
		if err := json.Unmarshal(a.body, &job); err != nil || job.ID == "" {
			t.Fatalf("%d %s", a.status, a.body)
		}
		path := "/fal/queue/fal-ai/photomaker/requests/" + job.ID
		a = eventually(t, func() (answer, bool) {
			a := k.do(t.Context(), http.MethodGet, path+"/status", "", key...)
			return a, a.status != http.StatusAccepted
		})
		if a.status != want {
			t.Errorf("%s: %d %s", tenants, a.status, a.body)
		}
		// The provider itself answers: it could not load the archive.
		if a := k.do(t.Context(), http.MethodGet, path, "", key...); want == http.StatusOK != strings.Contains(string(a.body), "file_download_error") {
			t.Errorf("%s: %d %s", tenants, a.status, a.body)
		}
	}
}
