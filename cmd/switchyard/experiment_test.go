package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"switchyard/ledger"
	"switchyard/sim"
)

// anExperiment is Google against OpenAI, with fal behind both.
const anExperiment = `
keys:
  - {name: one, secret: first-key}
  - {name: two, secret: second-key}
providers:
  google: {<google>, breaker: off}
  openai: {<openai>, breaker: off}
  fal: {<fal>}
targets:
  nano: {provider: google, model: gemini-nano-banana-2.1}
  gpt: {provider: openai, model: gpt-image-1-mini}
  flux: {provider: fal, model: fal-ai/flux/dev}
experiments:
  google-vs-openai:
    unit: headers["x-user-id"]
    arms: {nano: 50, gpt: 50}
routes:
  - {name: trial, experiment: google-vs-openai, fallback: [flux]}
`

// asUser asks for a picture, and tells of the generation.
func (k *kit) asUser(user string) (id, variant, target string) {
	k.Helper()
	a := k.post(openaiPath, `{"model":"gpt-image-1-mini","prompt":"a cat"}`, "Authorization", "Bearer first-key", "X-User-Id", user)
	if a.status != http.StatusOK {
		k.Fatalf("%d %s", a.status, a.body)
	}
	return a.header.Get("X-Switchyard-Id"), a.header.Get("X-Switchyard-Variant"), a.header.Get("X-Switchyard-Target")
}

func (k *kit) rate(id, rating string) answer {
	return k.post("/switchyard/v1/generations/"+id+"/rating", `{"rating":"`+rating+`"}`, "Authorization", "Bearer first-key")
}

// experimentReport is the part of the report that the tests look at.
type experimentReport struct {
	Arms []struct {
		Arm                          string
		Generations, Served, Ratings int
		Success, Satisfaction        struct{ Value, Low, High *float64 }
		Median                       struct{ Value, Low *float64 } `json:"latency_median_ms"`
		Cost                         struct{ Value *float64 }      `json:"cost_per_image_usd"`
		Images                       int
	}
	Verdict struct {
		Winner              *string
		After, Observations int
	}
}

// ask asks the operator's side.
func (k *kit) ask(path string, into any) int {
	k.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Authorization", "Bearer admin-token")
	w := httptest.NewRecorder()
	k.side.admin.ServeHTTP(w, r)
	if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
		k.Fatalf("%d %s", w.Code, w.Body)
	}
	return w.Code
}

// TestExperiment: units keep their arm over a restart, apps rate what they got, and the report says who is better.
func TestExperiment(t *testing.T) {
	k := startKitWith(t, slowWorld(t, 0), anExperiment)
	const users = 12
	arms := map[string]string{} // :: user → variant
	count := map[string]int{}
	for round := range 3 {
		if round == 1 {
			k.restart()
		}
		for i := range users {
			user := fmt.Sprint("user-", i)
			id, variant, target := k.asUser(user)
			if round > 0 && arms[user] != variant {
				t.Errorf("%s had %s, and has %s", user, arms[user], variant)
			}
			if variant != "google-vs-openai:"+target {
				t.Errorf("variant %q, made by %q", variant, target)
			}
			arms[user] = variant
			count[target]++
			thumb := map[string]string{"nano": "thumbs_up", "gpt": "thumbs_down"}[target]
			if a := k.rate(id, thumb); a.status != http.StatusOK || string(a.body) != `{"rating":"`+thumb+`"}`+"\n" {
				t.Fatalf("%d %s", a.status, a.body)
			}
		}
	}
	if count["nano"] == 0 || count["gpt"] == 0 {
		t.Fatalf("all the same: %v", count)
	}
	for _, r := range k.rows() {
		if r.Variant != "google-vs-openai:"+r.Target {
			t.Errorf("the ledger has %q made by %q", r.Variant, r.Target)
		}
	}
	var one experimentReport
	if status := k.ask("/api/experiments/google-vs-openai", &one); status != http.StatusOK || len(one.Arms) != 2 {
		t.Fatalf("%d %+v", status, one)
	}
	for i, want := range []float64{1, 0} {
		a := one.Arms[i]
		if a.Generations != count[a.Arm] || a.Served != count[a.Arm] || a.Ratings != count[a.Arm] || a.Images != count[a.Arm] || *a.Satisfaction.Value != want ||
			*a.Success.Value != 1 || *a.Success.Low >= 1 || *a.Success.High != 1 || a.Median.Value == nil || *a.Cost.Value <= 0 {
			t.Errorf("%+v", a)
		}
	}
	if one.Verdict.Observations != 3*users {
		t.Errorf("%+v", one.Verdict)
	}
	var all struct{ Experiments []experimentReport }
	if status := k.ask("/api/experiments", &all); status != http.StatusOK || len(all.Experiments) != 1 {
		t.Errorf("%d %+v", status, all)
	}
	w := httptest.NewRecorder()
	k.side.admin.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/experiments", nil))
	if w.Code != http.StatusUnauthorized {
		t.Errorf("without the token: %d", w.Code)
	}
	var none struct{ Error string }
	if status := k.ask("/api/experiments/other", &none); status != http.StatusNotFound || none.Error != "no such experiment in the config" {
		t.Errorf("%d %+v", status, none)
	}
}

// TestRatingOfWhatTheDatabaseLacks: while the database is locked a generation that was answered is not said to be missing, or its
// app would not ask again.
func TestRatingOfWhatTheDatabaseLacks(t *testing.T) {
	k := startKitWith(t, slowWorld(t, 0), anExperiment)
	k.rows()
	unlock := lock(t, filepath.Join(k.side.file.Load().data(), "db"))
	id, _, _ := k.asUser("anna")
	auth := []string{"Authorization", "Bearer first-key"}
	if a := k.do(t.Context(), http.MethodGet, "/switchyard/v1/generations/"+id, "", auth...); a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
		t.Errorf("while it is locked: %d %s", a.status, a.body)
	}
	unlock()
	k.rows()
	if a := k.rate(id, "thumbs_up"); a.status != http.StatusOK {
		t.Errorf("afterwards: %d %s", a.status, a.body)
	}
	if a := k.rate("06H2QJLBUA76S8C43098OFCPOS", "thumbs_up"); a.status != http.StatusNotFound {
		t.Errorf("of nobody's: %d %s", a.status, a.body)
	}
}

// TestExperimentCountsForTheAssignedArm: what a fallback makes counts for the arm that did not, and its rating for nobody.
// Who has no unit gets the first arm and counts for none.
func TestExperimentCountsForTheAssignedArm(t *testing.T) {
	k := startKitWith(t, slowWorld(t, 0), strings.Replace(anExperiment, "{nano: 50, gpt: 50}", "{nano: 50, gpt: 0}", 1))
	k.world.Google.Update(func(b *sim.Behavior) { b.Fault, b.Times = sim.Fail, 1 })
	id, variant, target := k.asUser("anna")
	if variant != "google-vs-openai:nano" || target != "flux" {
		t.Errorf("%q made by %q", variant, target)
	}
	if a := k.rate(id, "thumbs_up"); a.status != http.StatusOK {
		t.Errorf("%d %s", a.status, a.body)
	}
	if _, variant, target := k.asUser(""); variant != "" || target != "nano" {
		t.Errorf("without a unit: %q made by %q", variant, target)
	}
	var one experimentReport
	k.ask("/api/experiments/google-vs-openai", &one)
	a := one.Arms[0]
	if a.Generations != 1 || a.Served != 0 || *a.Success.Value != 1 || a.Images != 1 || a.Ratings != 0 || one.Arms[1].Generations != 0 {
		t.Errorf("%+v", one)
	}
}

// TestRatingsThatAreRefused: who may say what of which generation.
func TestRatingsThatAreRefused(t *testing.T) {
	k := startKitWith(t, slowWorld(t, 0), anExperiment)
	id, _, _ := k.asUser("anna")
	path := "/switchyard/v1/generations/" + id
	const up = `{"rating":"thumbs_up"}`
	for _, c := range []struct {
		method, path, body, header, key string
		status                          int
		says                            string
	}{
		{"POST", path + "/rating", `{"rating":"five stars"}`, "Authorization", "Bearer first-key", 400, `rating: want \"thumbs_up\" or \"thumbs_down\", got \"five stars\"`},
		{"POST", path + "/rating", `thumbs_up`, "Authorization", "Bearer first-key", 400, `want JSON such as {\"rating\":\"thumbs_up\"}`},
		{"POST", path + "/rating", up + strings.Repeat(" ", 5000), "Authorization", "Bearer first-key", 400, `want JSON`},
		{"POST", "/switchyard/v1/generations/NONE/rating", up, "Authorization", "Bearer first-key", 404, "no such generation"},
		{"POST", path + "/rating", up, "Authorization", "Bearer second-key", 404, "no such generation"},
		{"POST", path + "/rating", up, "Authorization", "Bearer no-key", 401, "a valid key is needed"},
		{"POST", path + "/rating", up, "X-None", "", 401, "a valid key is needed"},
		{"GET", path, "", "Authorization", "Bearer second-key", 404, "no such generation"},
		{"GET", path, "", "X-None", "", 401, "a valid key is needed"},
		{"GET", "/switchyard/v1/nothing", "", "Authorization", "Bearer first-key", 404, "no such endpoint"},
		{"DELETE", path, "", "Authorization", "Bearer first-key", 404, "no such endpoint"},
	} {
		a := k.do(t.Context(), c.method, c.path, c.body, c.header, c.key)
		if a.status != c.status || !strings.Contains(string(a.body), c.says) {
			t.Errorf("%s %s as %q: %d %s, want %d %s", c.method, c.path, c.key, a.status, a.body, c.status, c.says)
		}
	}
}

// TestGenerationOfOnesOwn: the app's credential is found in whatever header its SDK uses.
func TestGenerationOfOnesOwn(t *testing.T) {
	k := startKitWith(t, slowWorld(t, 0), anExperiment)
	id, variant, target := k.asUser("anna")
	k.rate(id, "thumbs_up")
	if a := k.rate(id, "thumbs_down"); a.status != http.StatusOK { // the last word counts
		t.Errorf("%d %s", a.status, a.body)
	}
	for _, h := range [][2]string{
		{"Authorization", "Bearer first-key"},
		{"Authorization", "Key first-key"},
		{"Authorization", "Token first-key"},
		{"X-Goog-Api-Key", "first-key"},
		{"Api-Key", "first-key"},
	} {
		a := k.do(t.Context(), http.MethodGet, "/switchyard/v1/generations/"+id, "", h[0], h[1])
		var doc struct {
			ID, Outcome, Variant, Target, Rating string
			Images                               int
			Cost                                 float64 `json:"cost_usd"`
		}
		if err := json.Unmarshal(a.body, &doc); err != nil || a.status != http.StatusOK {
			t.Errorf("%v: %d %s", h, a.status, a.body)
		}
		if doc.ID != id || doc.Outcome != "ok" || doc.Variant != variant || doc.Target != target || doc.Rating != "thumbs_down" || doc.Images != 1 || doc.Cost <= 0 {
			t.Errorf("%v: %s", h, a.body)
		}
	}
}

// TestRatingWithTheAppsOwnKey: without virtual keys a credential is its own tenant, and who has none is nobody.
func TestRatingWithTheAppsOwnKey(t *testing.T) {
	k := startKitWith(t, slowWorld(t, 0), anExperiment[strings.Index(anExperiment, "providers:"):])
	id, _, _ := k.asUser("anna")
	if a := k.rate(id, "thumbs_up"); a.status != http.StatusOK {
		t.Errorf("%d %s", a.status, a.body)
	}
	path := "/switchyard/v1/generations/" + id
	if a := k.do(t.Context(), http.MethodGet, path, "", "Authorization", "Bearer other"); a.status != http.StatusNotFound {
		t.Errorf("a stranger: %d %s", a.status, a.body)
	}
	a := k.post(openaiPath, `{"model":"gpt-image-1-mini","prompt":"a cat"}`, "X-User-Id", "bert") // of nobody
	path = "/switchyard/v1/generations/" + a.header.Get("X-Switchyard-Id")
	if a := k.do(t.Context(), http.MethodGet, path, ""); a.status != http.StatusUnauthorized {
		t.Errorf("nobody: %d %s", a.status, a.body)
	}
}

// TestExperimentOfTickets: a job that goes on without its app counts for the same arm, and may be rated by the id that the
// app got when it was taken on.
func TestExperimentOfTickets(t *testing.T) {
	k := startKitWith(t, slowWorld(t, 0), anExperiment)
	_, variant, _ := k.asUser("anna")
	a := k.post(createPath, `{"input":{"prompt":"a red fox"}}`, "Authorization", "Bearer first-key", "X-User-Id", "anna")
	id, get := a.header.Get("X-Switchyard-Id"), "/replicate/v1/predictions/"+a.prediction(t).ID
	eventually(t, func() (prediction, bool) {
		p := k.do(t.Context(), http.MethodGet, get, "", "Authorization", "Bearer first-key").prediction(t)
		return p, p.Status == "succeeded"
	})
	if a := k.rate(id, "thumbs_up"); a.status != http.StatusOK {
		t.Errorf("%d %s", a.status, a.body)
	}
	k.rows()
	acc, err := k.side.store.Generation(t.Context(), id)
	if err != nil || acc.Generation.Variant != variant || acc.Rating != "thumbs_up" {
		t.Errorf("%v, %q rated %q, want %q", err, acc.Generation.Variant, acc.Rating, variant)
	}
}

// TestRefusalsCountAgainstTheirArm: chance gives all arms the same requests, so one that refuses more of them is worse, though a report
// of the ledger counts these neither way.
func TestRefusalsCountAgainstTheirArm(t *testing.T) {
	k := startKitWith(t, slowWorld(t, 0), anExperiment)
	for i := range 12 {
		for _, prompt := range []string{"a cat", "a cat [sim:filter]"} {
			k.post(openaiPath, `{"model":"gpt-image-1-mini","prompt":"`+prompt+`"}`, "Authorization", "Bearer first-key", "X-User-Id", fmt.Sprint(i))
		}
	}
	k.rows()
	var one experimentReport
	k.ask("/api/experiments/google-vs-openai", &one)
	lines, err := k.side.store.Report(t.Context(), ledger.Query{By: ledger.ByExperiment})
	if err != nil || len(lines) != 2 || len(one.Arms) != 2 {
		t.Fatal(err, lines, one.Arms)
	}
	for i, a := range one.Arms {
		if a.Generations == 0 || *a.Success.Value != 0.5 {
			t.Errorf("%s: %v of %d went well, by the experiment", a.Arm, *a.Success.Value, a.Generations)
		}
		if l := lines[i]; l.OK != l.Generations/2 || l.Neither != l.Generations/2 {
			t.Errorf("%s: %d went well, %d neither way of %d, by the report", l.Group, l.OK, l.Neither, l.Generations)
		}
	}
}
