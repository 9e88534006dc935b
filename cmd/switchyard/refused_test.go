package main

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"switchyard"
	"switchyard/ledger"
	"switchyard/sim"
)

// TestAnAppsMistakesAreNobodysFailure: requests that are refused for what they ask count neither for nor against whoever
// served, in the status, the alerts and the rules for Prometheus alike.
func TestAnAppsMistakesAreNobodysFailure(t *testing.T) {
	k := startKitWith(t, newWorld(t), "providers: {openai: {<openai>}}")
	if a := k.post(openaiPath, `{"model":"gpt-image-2","prompt":"a portrait"}`); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	for range 8 {
		if a := k.post(openaiPath, `{"model":"gpt-image-2","prompt":"a portrait","response_format":"url"}`); a.status != http.StatusBadRequest {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	for _, r := range k.rows()[1:] {
		if r.Outcome != switchyard.Refused {
			t.Errorf("it ended as %s", r.Outcome)
		}
	}
	k.look(time.Now())
	if s := k.alertState("success"); s.State != "ok" || s.Value != 1 {
		t.Errorf("got %+v", s)
	}
	if out := k.operator("status"); !strings.Contains(out.out, "100 %") {
		t.Errorf("got %s", out.out)
	}
	if out := command(t, []string{"alerts", "--prometheus"}); !strings.Contains(out.out, `outcome="ok"}[5m])) / sum (increase(switchyard_generations_total{outcome!~"filtered|refused|canceled"}[5m]))`) {
		t.Errorf("got %s", out.out)
	}
}

// TestNobodyToAskIsAFailure: the app has done nothing wrong.
func TestNobodyToAskIsAFailure(t *testing.T) {
	k := startKitWith(t, newWorld(t), "providers: {openai: {<openai>, breaker: {failures: 1, cooldown: 60s}}}")
	k.world.OpenAI.Update(func(b *sim.Behavior) { b.Fault = sim.Refuse })
	for range 3 {
		if a := k.post(openaiPath, `{"model":"gpt-image-2","prompt":"a portrait"}`); a.status < 500 {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	if n := len(k.rows()); n != 1 {
		t.Fatalf("the breaker let %d through", n)
	}
	k.look(time.Now())
	if s := k.alertState("success"); s.State != "pending" || s.Value != 0 {
		t.Errorf("got %+v", s)
	}
	if m := string(k.operate(http.MethodGet, "/metrics", "").body); !strings.Contains(m, `switchyard_generations_total{outcome="overloaded",route="default"} 3`) {
		t.Errorf("got %s", m)
	}
}

// TestAnEmptyAccountIsAFailure: also of what passes through with our key.
func TestAnEmptyAccountIsAFailure(t *testing.T) {
	broke := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusPaymentRequired) }))
	defer broke.Close()
	k := startKitWith(t, newWorld(t), `providers: {voices: {dialect: passthrough, prefix: /voices, key: sk-sim, base_url: "`+broke.URL+`"}}`)
	if a := k.post("/voices/speak", `{}`); a.status != http.StatusPaymentRequired {
		t.Fatalf("%d %s", a.status, a.body)
	}
	rows := eventually(t, func() ([]ledger.Row, bool) { // an answer without a body is over before it is booked
		rows := k.rows()
		return rows, len(rows) == 1 && rows[0].Outcome != ""
	})
	if rows[0].Outcome != switchyard.Unauthorized {
		t.Errorf("got %+v", rows)
	}
}

// TestOnlyRefusals: a target that refuses all that it is asked is told of, though nobody knows whose mistake that is.
func TestOnlyRefusals(t *testing.T) {
	k := startKitWith(t, newWorld(t), `
providers: {openai: {<openai>}}
targets: {misspelt: {provider: openai, model: gpt-image-22}}
routes: [{name: all, targets: [misspelt]}]
`)
	for range 20 {
		if a := k.post(openaiPath, `{"model":"gpt-image-2","prompt":"a portrait"}`); a.status/100 != 4 {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	k.rows()
	k.look(time.Now())
	if s := k.alertState("refusals:misspelt"); s.State != "pending" {
		t.Errorf("got %+v", s)
	}
}

// TestAnAppsOwnKeyThatIsRefused: the app hears of its key as from its provider, also where the answer is not the provider's
// own, since a dead model's successor was asked. Told that the server is overloaded, its SDK would try again and again.
func TestAnAppsOwnKeyThatIsRefused(t *testing.T) {
	k := startKitWith(t, newWorld(t), `providers: {openai: {dialect: openai, base_url: "{openai}"}, google: {dialect: gemini, base_url: "{google}"}}`)
	for _, c := range []struct {
		path, body, header, key, want string
		status                        int
	}{
		{openaiPath, `{"model":"dall-e-3","prompt":"a portrait"}`, "Authorization", "Bearer sk-wrong", "invalid_api_key", http.StatusUnauthorized},
		{imagenPath, `{"instances":[{"prompt":"a portrait"}],"parameters":{"sampleCount":1}}`, "X-Goog-Api-Key", "AIzaWrong", "API_KEY_INVALID", http.StatusBadRequest},
	} {
		a := k.post(c.path, c.body, c.header, c.key)
		if a.status != c.status || !strings.Contains(string(a.body), c.want) {
			t.Errorf("%s: %d %s, want %d and %s", c.path, a.status, a.body, c.status, c.want)
		}
	}
}

// TestAJobWithoutAKey: where only the app's own key would do, a job without one is refused as its provider refuses it, and
// not taken on only to fail.
func TestAJobWithoutAKey(t *testing.T) {
	k := startKitWith(t, newWorld(t), `providers: {fal: {dialect: fal, base_url: "{fal}", queue_url: "{fal-queue}"}, replicate: {dialect: replicate, base_url: "{replicate}"}}`)
	for path, body := range map[string]string{
		"/fal/queue/fal-ai/flux/dev":                                      `{"prompt":"a portrait"}`,
		"/replicate/v1/models/black-forest-labs/flux-schnell/predictions": `{"input":{"prompt":"a portrait"}}`,
	} {
		if a := k.post(path, body); a.status != http.StatusUnauthorized {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
}

// TestAPhonesPicture: a reference that the app's own model reads and the next target does not is no mistake of the app's, as that
// one would have it: it is passed over, and one that reads it makes the picture.
func TestAPhonesPicture(t *testing.T) {
	k := startKitWith(t, newWorld(t), `
providers: {google: {<google>}, openai: {<openai>}}
targets:
  gpt: {provider: openai, model: gpt-image-1-mini}
  nano: {provider: google, model: gemini-nano-banana-2.1}
routes: [{name: all, targets: [gpt, nano]}]
`)
	heic := base64.StdEncoding.EncodeToString([]byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"))
	for _, c := range []struct{ path, body, kind string }{
		{"/v1beta/models/gemini-3-pro-image:generateContent", `{"contents":[{"parts":[{"inlineData":{"mimeType":"image/heic","data":"` + heic + `"}},{"text":"a portrait"}]}]}`, "application/json"},
		{"/v1/images/edits", "--b\r\nContent-Disposition: form-data; name=\"image\"; filename=\"blob\"\r\nContent-Type: application/octet-stream\r\n\r\n" +
			"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic\r\n--b\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\na portrait\r\n" +
			"--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\ngpt-image-2\r\n--b--\r\n", "multipart/form-data; boundary=b"},
	} {
		a := k.post(c.path, c.body, "Content-Type", c.kind)
		if a.status != http.StatusOK || a.header.Get("X-Switchyard-Target") != "nano" || a.header.Get("X-Switchyard-Attempts") != "1" {
			t.Errorf("%s: %d %.300s %v", c.path, a.status, a.body, a.header)
		}
	}
}
