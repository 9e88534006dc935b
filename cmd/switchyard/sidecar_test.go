package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	_ "image/jpeg"
	_ "image/png"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap/zapcore"

	"switchyard"
	"switchyard/ledger"
	"switchyard/sim"
)

// mark is what a picture's pixels say of its making.
func mark(t testing.TB, picture []byte) sim.Mark {
	t.Helper()
	img, _, err := image.Decode(bytes.NewReader(picture))
	if err != nil {
		t.Fatalf("not a picture: %v", err)
	}
	m, ok := sim.ReadMark(img)
	if !ok {
		t.Fatal("the picture has no mark")
	}
	return m
}

// TestHundredAtOnce: with one provider refusing every call, a hundred generations at once all come from the other one,
// none is made twice, and every attempt is in the ledger.
func TestHundredAtOnce(t *testing.T) {
	k := startKit(t, twoProviders)
	k.world.Google.Update(func(b *sim.Behavior) { b.Fault = sim.Refuse })
	var all sync.WaitGroup
	var mu sync.Mutex
	succeeded := 0
	for i := range 100 {
		all.Go(func() {
			prompt := fmt.Sprintf("generation %d", i)
			a := k.post(imagenPath, predict(prompt, 1))
			if a.err != nil || a.status != http.StatusOK {
				t.Errorf("%d: %d %s %v", i, a.status, a.body, a.err)
				return
			}
			images := a.images(t)
			if len(images) != 1 {
				t.Errorf("%d: %d images", i, len(images))
				return
			}
			if m := mark(t, images[0]); m.Provider != "openai" || m.Prompt != sim.PromptMark(prompt) {
				t.Errorf("%d: made by %s for another prompt", i, m.Provider)
			}
			mu.Lock()
			defer mu.Unlock()
			succeeded++
		})
	}
	all.Wait()
	if succeeded < 99 {
		t.Errorf("%d of 100 succeeded", succeeded)
	}
	made := map[string]int{}
	for _, c := range k.world.OpenAI.Bill() {
		made[c.Prompt]++
	}
	for prompt, n := range made {
		if n != 1 {
			t.Errorf("%s was made %d times", prompt, n)
		}
	}
	attempts := map[string]int{}
	var sum switchyard.Money
	for _, r := range k.rows() {
		attempts[r.Provider]++
		sum += r.Cost.Amount
	}
	calls := len(k.world.Google.Calls())
	if attempts["google"] != calls || attempts["openai"] != 100 || calls == 0 {
		t.Errorf("the ledger has %v attempts; google was called %d times", attempts, calls)
	}
	if bill := k.world.OpenAI.Total(); sum != bill {
		t.Errorf("the ledger sums up to $%s, the bill to $%s", sum, bill)
	}
}

// TestFaults: whatever the first provider does wrong, the app gets its picture from the second, whole; and what the
// first may have charged is in the ledger.
func TestFaults(t *testing.T) {
	charges := map[sim.Fault]switchyard.Charge{
		sim.Cut: switchyard.ChargePossible, sim.Garbage: switchyard.ChargePossible, sim.ResetLate: switchyard.ChargePossible,
		sim.NotImage: switchyard.ChargePossible, sim.Stall: switchyard.ChargePossible, sim.Reset: switchyard.ChargePossible,
		sim.Hang: switchyard.ChargePossible,
		sim.HTML: switchyard.ChargeNone, sim.Refuse: switchyard.ChargeNone, sim.RateLimit: switchyard.ChargeNone,
		sim.Unauthorized: switchyard.ChargeNone,
	}
	for fault, charge := range charges {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			timeouts := "attempt: 60s" // a busy machine is not a fault
			switch fault {
			case sim.Stall:
				timeouts = "attempt: 1s"
			case sim.Hang:
				timeouts = "attempt: 60s, idle: 500ms"
			}
			k := startKit(t, strings.Replace(twoProviders, "attempt: 60s", timeouts, 1))
			k.world.Google.Update(func(b *sim.Behavior) { b.Fault = fault })
			a := k.post(imagenPath, predict("a signal box", 1))
			if a.status != http.StatusOK || len(a.images(t)) != 1 {
				t.Fatalf("%d %s %v", a.status, a.body, a.err)
			}
			if m := mark(t, a.images(t)[0]); m.Provider != "openai" {
				t.Errorf("made by %s", m.Provider)
			}
			rows := k.rows()
			if len(rows) != 2 || rows[0].Cost.Charge != charge || rows[0].Outcome == switchyard.OK || rows[1].Cost.Charge != switchyard.ChargeSettled {
				t.Errorf("the ledger has %+v", rows)
			}
			if a.header.Get("X-Switchyard-Attempts") != "2" || a.header.Get("X-Switchyard-Target") != "gpt" {
				t.Errorf("the answer says %v", a.header)
			}
		})
	}
}

// TestNoRetryIsPaid: what may have been charged for is not asked for once more by an SDK, without a word.
func TestNoRetryIsPaid(t *testing.T) {
	k := startKit(t, twoProviders)
	for _, c := range []struct {
		fault sim.Fault
		want  string
	}{{sim.NotImage, "false"}, {sim.Cut, "false"}, {sim.HTML, ""}, {sim.RateLimit, ""}} { // nobody is asked for a while after the last
		fault, want := c.fault, c.want
		k.world.OpenAI.Update(func(b *sim.Behavior) { b.Fault = fault })
		if a := k.post(openaiPath, `{"prompt":"a signal box"}`, "X-Only", "gpt"); a.status < 400 || a.header.Get("X-Should-Retry") != want {
			t.Errorf("%s: %d, X-Should-Retry %q, want %q", fault, a.status, a.header.Get("X-Should-Retry"), want)
		}
	}
}

// TestNobodyEver: a request that nobody will ever serve is not told to come again later, as SDKs would; and the log says why.
func TestNobodyEver(t *testing.T) {
	const (
		open = `
providers:
  openai: {dialect: openai, base_url: "{openai}"}
  replicate: {<replicate>}
targets:
  gpt: {provider: openai, model: gpt-image-1-mini}
  face: {provider: replicate, model: fofr/face-to-many}
routes:
  - {name: face, when: 'headers["x-only"] == "face"', targets: [face]}
  - {name: all, targets: [gpt]}
`
		closed = "\nkeys: [{name: web, secret: key-web, tenant: acme}]" + open
	)
	for name, c := range map[string]struct {
		config string
		header []string
		status int
		log    string
	}{
		"no key at all":                     {open, nil, http.StatusUnauthorized, "gpt: no key"},
		"a key of ours, where we have none": {closed, []string{"Authorization", "Bearer key-web"}, http.StatusServiceUnavailable, "gpt: no key"},
		"what no target can do":             {open, []string{"X-Only", "face"}, http.StatusBadRequest, "face: needs a reference image"},
	} {
		k := startKit(t, c.config)
		if a := k.post(openaiPath, `{"prompt":"a"}`, c.header...); a.status != c.status {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
		if all := fmt.Sprint(k.logs.All()); !strings.Contains(all, c.log) {
			t.Errorf("%s: the log does not say %q", name, c.log)
		}
		k.stop()
	}
}

// TestNothingSent: bad input gets the error of the app's own provider, and no provider hears of it.
func TestNothingSent(t *testing.T) {
	k := startKit(t, strings.Replace(twoProviders, "providers:", "server: {listen: 127.0.0.1:0, max_request_body: 1MiB, temp_dir: \"{dir}/tmp\"}\nproviders:", 1))
	big := `{"prompt":"` + strings.Repeat("x", 2<<20) + `"}`
	for name, c := range map[string]struct {
		path, body, contentType string
		status                  int
		says                    string
	}{
		"openai malformed":         {openaiPath, `{"prompt":`, "", 400, `"invalid_request_error"`},
		"openai empty":             {openaiPath, ``, "", 400, `"invalid_request_error"`},
		"openai array":             {openaiPath, `[]`, "", 400, `"invalid_request_error"`},
		"openai duplicate":         {openaiPath, `{"prompt":"a","prompt":"b"}`, "", 400, `"invalid_request_error"`},
		"openai deep":              {openaiPath, `{"prompt":` + strings.Repeat("[", 100_000), "", 400, `"invalid_request_error"`},
		"openai not UTF-8":         {openaiPath, "{\"prompt\":\"\xff\"}", "", 400, `"invalid_request_error"`},
		"openai no prompt":         {openaiPath, `{"model":"gpt-image-2"}`, "", 400, `"missing_required_parameter"`},
		"openai wrong type":        {openaiPath, `{"prompt":7}`, "", 400, `"param":"prompt"`},
		"openai too many":          {openaiPath, `{"prompt":"a","n":11}`, "", 400, `"param":"n"`},
		"openai too large":         {openaiPath, big, "", 413, `"error"`},
		"openai text":              {openaiPath, `prompt=a`, "text/plain", 400, `Unsupported content type`},
		"openai broken form":       {"/v1/images/edits", `nothing`, "multipart/form-data; boundary=x", 400, `"error"`},
		"openai edit of nothing":   {"/v1/images/edits", `{"prompt":"a"}`, "", 400, `"param":"images"`},
		"imagen malformed":         {imagenPath, `{"instances"`, "", 400, `"INVALID_ARGUMENT"`},
		"imagen duplicate":         {imagenPath, `{"instances":[{"prompt":"a"}],"instances":[]}`, "", 400, `"INVALID_ARGUMENT"`},
		"imagen no instance":       {imagenPath, `{}`, "", 400, `"INVALID_ARGUMENT"`},
		"imagen too many":          {imagenPath, predict("a", 9), "", 400, `sampleCount`},
		"imagen too large":         {imagenPath, big, "", 413, `"error"`},
		"gemini bad image":         {"/v1/models/gemini-3-pro-image:generateContent", `{"contents":[{"parts":[{"inlineData":{"mimeType":"image/png","data":"%%%%="}}]}]}`, "only gpt", 400, `"INVALID_ARGUMENT"`},
		"gemini tricks":            {"/v1beta/models/..%2f..%2fx-image:generateContent", `{"contents":[{"parts":[{"text":"a"}]}]}`, "", 404, `prefixes`},
		"gemini dots":              {"/v1beta/models/..-image:generateContent", `{"contents":[{"parts":[{"text":"a"}]}]}`, "", 400, `"INVALID_ARGUMENT"`},
		"nobody's path":            {"/nothing/here", `{}`, "", 404, `"/gemini"`},
		"a reference that is none": {"/v1/images/edits", `{"prompt":"a","images":[{"image_url":"data:image/png;base64,AAAA"}]}`, "", 400, `"error"`},
		"a private reference":      {"/v1/images/edits", `{"prompt":"a","images":[{"image_url":"http://169.254.169.254/latest"}]}`, "", 400, `"error"`},
	} {
		t.Run(name, func(t *testing.T) {
			headers := []string{}
			if _, only, ok := strings.Cut(c.contentType, "only "); ok { // translated, not forwarded
				headers = append(headers, "X-Only", only)
			} else if c.contentType != "" {
				headers = append(headers, "Content-Type", c.contentType)
			}
			a := k.post(c.path, c.body, headers...)
			if a.status != c.status || !strings.Contains(string(a.body), c.says) {
				t.Errorf("%d %s %v; want %d with %s", a.status, a.body, a.err, c.status, c.says)
			}
		})
	}
	for _, p := range k.world.Providers() {
		if calls := p.Calls(); len(calls) > 0 {
			t.Errorf("%s was sent %s %s %v", p.Name, calls[0].Method, calls[0].Path, calls[0].Body)
		}
	}
}

// TestWordsOfTomorrow: a value that nobody here has heard of is for the app's own provider to judge; another is not told it, and
// the app is told so.
func TestWordsOfTomorrow(t *testing.T) {
	k := startKit(t, twoProviders)
	const body = `{"model":"gpt-image-1-mini","prompt":"a","size":"1024x1024","quality":"best"}`
	own := k.post(openaiPath, body, "X-Only", "gpt")
	if calls := k.world.OpenAI.Calls(); own.status != http.StatusBadRequest || len(calls) != 1 || !strings.Contains(string(own.body), "Invalid value: 'best'") {
		t.Errorf("its own provider: %d %s after %d calls", own.status, own.body, len(calls))
	}
	other := k.post(openaiPath, body, "X-Only", "nano")
	if fidelity := other.header.Get("X-Switchyard-Fidelity"); other.status != http.StatusOK || !strings.Contains(fidelity, "dropped=quality") {
		t.Errorf("another: %d %.200s, fidelity %q", other.status, other.body, fidelity)
	}
}

// TestRefusalIsForgotten: the words of a provider that refused hold no memory once another has made the picture.
func TestRefusalIsForgotten(t *testing.T) {
	k := startKit(t, strings.Replace(twoProviders, "{name: all, targets: [nano, gpt]}", "{name: all, targets: [gpt, nano], fallback_on: [refused]}", 1))
	a := k.post(openaiPath, `{"model":"gpt-image-1-mini","prompt":"a","quality":"best"}`)
	if a.status != http.StatusOK || a.header.Get("X-Switchyard-Attempts") != "2" {
		t.Errorf("%d %.200s, %s attempts", a.status, a.body, a.header.Get("X-Switchyard-Attempts"))
	}
	k.stop() // and looks whether any memory is held
}

// TestADeadTargetTakesNoAppDown: where the model of a target is switched off, whoever is next in the route serves, and so too where an app's
// own model is, and its successor with it. A target that is not there is asked no more often than it takes to know.
func TestADeadTargetTakesNoAppDown(t *testing.T) {
	k := startKit(t, `
providers:
  google: {<google>}
  fal: {<fal>}
targets:
  old: {provider: google, model: imagen-4.0-generate-001}
  flux: {provider: fal, model: fal-ai/flux/dev}
routes:
  - {name: old, when: 'headers["x-only"] == "old"', targets: [old]}
  - {name: openai, when: 'request.dialect == "openai"', targets: [old, flux]}
  - {name: all, targets: [native, flux]}
`)
	if a := k.post(openaiPath, tinyImage, "X-Only", "old"); a.status < 400 || a.status >= 500 {
		t.Errorf("nobody else: %d %s", a.status, a.body)
	}
	before := len(k.world.Google.Calls())
	if a := k.post(openaiPath, tinyImage); a.status != http.StatusOK || a.header.Get("X-Switchyard-Target") != "flux" {
		t.Errorf("a target: %d %s", a.status, a.body)
	}
	if n := len(k.world.Google.Calls()) - before; n != 1 {
		t.Errorf("the dead target was asked %d times", n)
	}
	k.world.Google.Update(func(b *sim.Behavior) { b.Gone = []string{"*"} })
	a := k.post("/v1beta/models/gemini-2.5-flash-image:generateContent", `{"contents":[{"parts":[{"text":"a cat"}]}]}`)
	if a.status != http.StatusOK || a.header.Get("X-Switchyard-Target") != "flux" {
		t.Errorf("the app's model and its successor: %d %s", a.status, a.body)
	}
}

// TestWordsAlone: a model that talks, asked by an app that takes words, too, is no server that is overloaded. Where nobody makes a
// picture instead, the app gets the words.
func TestWordsAlone(t *testing.T) {
	k := startKit(t, twoProviders)
	k.world.Google.Update(func(b *sim.Behavior) { b.Quirks.TextOnly = true })
	const path, prompt = "/v1beta/models/gemini-nano-banana-2.1:generateContent", `{"contents":[{"parts":[{"text":"a signal box"}]}]`
	talked := k.post(path, prompt+`}`, "X-Only", "nano")
	if talked.status != http.StatusOK || !strings.Contains(string(talked.body), `"text"`) || strings.Contains(string(talked.body), "inlineData") {
		t.Errorf("words or a picture: %d %.300s", talked.status, talked.body)
	}
	if rows := k.rows(); len(rows) != 1 || rows[0].Outcome != switchyard.BadReply || rows[0].Cost.Charge != switchyard.ChargeSettled || rows[0].Cost.Amount != k.world.Google.Total() {
		t.Errorf("the ledger has %+v, the bill %v", rows, k.world.Google.Total())
	}
	if a := k.post(path, prompt+`}`); a.status != http.StatusOK || !strings.Contains(string(a.body), "inlineData") {
		t.Errorf("with another to fall back to: %d %.300s", a.status, a.body)
	}
	if a := k.post(path, prompt+`,"generationConfig":{"responseModalities":["IMAGE"]}}`, "X-Only", "nano"); a.status != http.StatusServiceUnavailable {
		t.Errorf("a picture and nothing else: %d %.300s", a.status, a.body)
	}
	for range 5 { // as many as open its breaker if they are failures
		k.post(path, prompt+`}`, "X-Only", "nano")
	}
	k.world.Google.Update(func(b *sim.Behavior) { b.Quirks.TextOnly = false })
	if a := k.post(path, prompt+`}`, "X-Only", "nano"); a.status != http.StatusOK || !strings.Contains(string(a.body), "inlineData") {
		t.Errorf("when it has talked enough: %d %.300s", a.status, a.body)
	}
}

// TestTheAISDKPaysOnce: the AI SDK tries again after each status that may pass by itself, and reads no header that says otherwise, as
// do Google's SDKs with retry options. What may have been charged for is told to them by one that does not pass, and to all others
// as ever.
func TestTheAISDKPaysOnce(t *testing.T) {
	const aiSDK, openaiSDK = "ai/7.0.173 ai-sdk-provider-utils/5.0.81 node.js/22", "OpenAI/JS 7.59.0"
	const googleSDK = "google-genai-sdk/2.19.0 gl-python/3.13.5"
	for _, c := range []struct {
		agent, prompt string
		status        int
	}{
		{aiSDK, "[sim:cut]", http.StatusFailedDependency},
		{aiSDK, "[sim:fail]", http.StatusServiceUnavailable}, // unbilled: it may well try again
		{aiSDK, "[sim:filter]", http.StatusBadRequest},
		{googleSDK, "[sim:cut]", http.StatusFailedDependency},
		{openaiSDK, "[sim:cut]", http.StatusServiceUnavailable},
	} {
		t.Run(c.agent+c.prompt, func(t *testing.T) {
			k := startKit(t, twoProviders)
			for path, body := range map[string]string{
				"/v1/images/generations":                                `{"model":"gpt-image-1-mini","prompt":"` + c.prompt + `"}`,
				"/v1beta/models/gemini-nano-banana-2.1:generateContent": `{"contents":[{"parts":[{"text":"` + c.prompt + `"}]}]}`,
				"/fal/run/fal-ai/flux/dev":                              `{"prompt":"` + c.prompt + `"}`,
			} {
				a := k.post(path, body, "User-Agent", c.agent, "X-Only", "gpt")
				told := c.status
				switch {
				case strings.HasPrefix(path, "/fal") && told == http.StatusBadRequest:
					told = http.StatusUnprocessableEntity
				case strings.HasPrefix(path, "/fal") && c.agent == openaiSDK:
					told = http.StatusInternalServerError
				case strings.HasPrefix(path, "/v1beta") && told == http.StatusBadRequest:
					told = http.StatusOK // a block reason is no error there
				}
				if a.status != told {
					t.Errorf("%s: %d %.300s, want %d", path, a.status, a.body, told)
				}
			}
		})
	}
}

// TestUndrawn: a prompt that a model will not draw says nothing about its provider. However many come, they must not close it to
// others.
func TestUndrawn(t *testing.T) {
	const path, pictures = "/v1beta/models/gemini-nano-banana-2.1:generateContent", `,"generationConfig":{"responseModalities":["IMAGE"]}}`
	for _, c := range []struct {
		name, prompt string
		talks        bool
		status       int
	}{
		{"finished without a picture", "[sim:empty]", false, http.StatusOK},
		{"words where a picture is asked for", "a signal box", true, http.StatusServiceUnavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := startKit(t, twoProviders)
			k.world.Google.Update(func(b *sim.Behavior) { b.Quirks.TextOnly = c.talks })
			for range 6 { // five trip the breaker
				a := k.post(path, `{"contents":[{"parts":[{"text":"`+c.prompt+`"}]}]`+pictures, "X-Only", "nano")
				if a.status != c.status || strings.Contains(string(a.body), "inlineData") {
					t.Errorf("%d %.300s, want %d", a.status, a.body, c.status)
				}
			}
			k.world.Google.Update(func(b *sim.Behavior) { b.Quirks.TextOnly = false })
			if a := k.post(path, `{"contents":[{"parts":[{"text":"a signal box"}]}]`+pictures, "X-Only", "nano"); a.status != http.StatusOK {
				t.Errorf("after them: %d %.300s", a.status, a.body)
			}
			for _, row := range k.rows()[:6] {
				if row.Outcome != switchyard.BadReply {
					t.Errorf("the ledger has %s of one", row.Outcome)
				}
			}
		})
	}
}

// TestKeysStayAtHome: no provider sees an app's key but the one it belongs to, and none sees cookies.
func TestKeysStayAtHome(t *testing.T) {
	k := startKit(t, twoProviders+`
keys:
  - {name: web, secret: virtual-key, tenant: acme, labels: {tier: pro}}
`)
	for _, only := range []string{"nano", "gpt"} {
		a := k.post(openaiPath, `{"prompt":"a"}`, "Authorization", "Bearer virtual-key", "Cookie", "session=secret-cookie",
			"X-Goog-Api-Key", "stray-key", "Idempotency-Key", "once-"+only, "X-Only", only)
		if a.status != http.StatusOK {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	k.do(context.Background(), http.MethodGet, "/v1/models", "", "Authorization", "Bearer virtual-key", "Cookie", "session=secret-cookie")
	calls := append(k.world.Google.Calls(), k.world.OpenAI.Calls()...)
	if len(calls) != 3 {
		t.Fatalf("%d calls", len(calls))
	}
	for _, c := range calls {
		head := fmt.Sprint(c.Header, c.Query)
		for _, secret := range []string{"virtual-key", "secret-cookie", "stray-key", "once"} {
			if strings.Contains(head, secret) {
				t.Errorf("%s got %q: %s", c.Path, secret, head)
			}
		}
	}
	for _, wrong := range []string{"", "Bearer other", "Bearer "} {
		if a := k.post(openaiPath, `{"prompt":"a"}`, "Authorization", wrong); a.status != http.StatusUnauthorized {
			t.Errorf("%q: %d %s", wrong, a.status, a.body)
		}
	}
	if a := k.post(imagenPath, predict("a", 1), "X-Goog-Api-Key", "other"); a.status != http.StatusBadRequest || !strings.Contains(string(a.body), "API_KEY_INVALID") {
		t.Errorf("a wrong key at Gemini's front: %d %s", a.status, a.body)
	}
	if a := k.post(imagenPath, predict("a", 1)); a.status != http.StatusForbidden {
		t.Errorf("no key at Gemini's front: %d %s", a.status, a.body)
	}
	if text := fmt.Sprint(k.logs.All()); strings.Contains(text, "virtual-key") || strings.Contains(text, "sk-sim") || strings.Contains(text, "AIza") {
		t.Error("a key is in the log")
	}
}

// TestOwnKey: without keys of ours the app's own goes to its own provider, and to nobody else.
func TestOwnKey(t *testing.T) {
	k := startKit(t, `
providers:
  google: {dialect: gemini, base_url: "{google}"}
  openai: {dialect: openai, base_url: "{openai}"}
targets:
  gpt: {provider: openai, model: gpt-image-1-mini}
routes:
  - {name: all, targets: [native, gpt]}
`)
	a := k.post("/v1beta/models/gemini-nano-banana-2.1:generateContent", `{"contents":[{"parts":[{"text":"a cat"}]}],"generationConfig":{"responseModalities":["IMAGE"]}}`, "X-Goog-Api-Key", k.world.Google.Key())
	if a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	k.world.Google.Update(func(b *sim.Behavior) { b.Fault = sim.Refuse })
	a = k.post(imagenPath, predict("a", 1), "X-Goog-Api-Key", k.world.Google.Key())
	if a.status != http.StatusServiceUnavailable && a.status != http.StatusTooManyRequests {
		t.Errorf("without another provider's key: %d %s", a.status, a.body)
	}
	if n := len(k.world.OpenAI.Calls()); n != 0 {
		t.Errorf("openai was called %d times with no key of its own", n)
	}
}

// TestTransparent: in the app's own dialect the bytes go through, both ways.
func TestTransparent(t *testing.T) {
	k := startKit(t, twoProviders)
	sent := `{ "model" : "gpt-image-1-mini", "prompt":"a cat",  "size":"1024x1024" }`
	a := k.post(openaiPath, sent, "X-Only", "gpt", "X-Stainless-Lang", "js", "Authorization", "Bearer mine")
	if a.status != http.StatusOK || a.header.Get("X-Switchyard-Fidelity") != "exact" {
		t.Fatalf("%d %s %v", a.status, a.body, a.header)
	}
	call := k.world.OpenAI.Calls()[0]
	if call.Bytes != len(sent) {
		t.Errorf("%d bytes reached the provider, %d were sent", call.Bytes, len(sent))
	}
	if call.Header.Get("X-Stainless-Lang") != "js" {
		t.Error("the SDK's header was lost")
	}
	if a.header.Get("Set-Cookie") != "" {
		t.Error("the provider's cookie reached the app")
	}
	if a.header.Get("X-Request-Id") == "" {
		t.Error("the provider's request id was lost")
	}
	// A parameter that the provider refuses: its own words, as they are.
	a = k.post(openaiPath, `{"model":"gpt-image-1-mini","prompt":"a","wobble":1}`, "X-Only", "gpt")
	if a.status != http.StatusBadRequest || !strings.Contains(string(a.body), "Unknown parameter: 'wobble'.") {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// TestAppLeaves: a picture that is being made when the app leaves is awaited, and booked.
func TestAppLeaves(t *testing.T) {
	world, err := sim.Start(sim.Config{Speed: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = world.Close() })
	k := startKitWith(t, world, twoProviders)
	world.OpenAI.Update(func(b *sim.Behavior) {
		b.Latency = sim.Latency{Min: 300 * time.Millisecond, Max: 300 * time.Millisecond}
	})
	k.abandon(world.OpenAI, openaiPath, `{"prompt":"a cat"}`, "X-Only", "gpt")
	rows := eventually(t, func() ([]ledger.Row, bool) {
		rows := k.rows()
		return rows, len(rows) == 1 && rows[0].Outcome != ""
	})
	if rows[0].Outcome != switchyard.OK || rows[0].Cost.Charge != switchyard.ChargeSettled || rows[0].Cost.Amount != world.OpenAI.Total() {
		t.Errorf("the ledger has %+v; the bill is $%s", rows[0], world.OpenAI.Total())
	}
}

// eventually asks until it is so.
func eventually[T any](t *testing.T, ask func() (T, bool)) T {
	t.Helper()
	deadline := time.After(30 * time.Second) // a machine may be busy; nobody waits for it but who fails
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		v, ok := ask()
		if ok {
			return v
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("it never came to that; the last was %+v", v)
		}
	}
}

// TestReload: a bad file changes nothing and is told; a good one is in force at once.
func TestReload(t *testing.T) {
	k := startKit(t, twoProviders)
	good := *k.next.Load()
	bad := strings.Replace(good, "targets: [nano, gpt]", "targets: [nano, gtp]", 1)
	k.next.Store(&bad)
	if err := k.side.reload(); err == nil || !strings.Contains(err.Error(), `no target "gtp"`) {
		t.Errorf("reload: %v", err)
	}
	if h := k.side.health(); h.Status != "degraded" || len(h.Problems) != 1 {
		t.Errorf("health: %+v", h)
	}
	if a := k.post(imagenPath, predict("a", 1)); a.status != http.StatusOK || a.header.Get("X-Switchyard-Target") != "nano" {
		t.Errorf("%d %s", a.status, a.body)
	}
	off := strings.Replace(good, `base_url: "`+k.world.Google.URL+`"`, `enabled: false, base_url: "`+k.world.Google.URL+`"`, 1)
	k.next.Store(&off)
	if err := k.side.reload(); err != nil {
		t.Fatal(err)
	}
	if a := k.post(imagenPath, predict("a", 1)); a.status != http.StatusOK || a.header.Get("X-Switchyard-Target") != "gpt" {
		t.Errorf("with google switched off: %d %s", a.status, a.header.Get("X-Switchyard-Target"))
	}
	if h := k.side.health(); h.Status != "healthy" {
		t.Errorf("health: %+v", h)
	}
}

// TestReloadOfNothing: a config that was there is not given up because its file is gone, or empty.
func TestReloadOfNothing(t *testing.T) {
	name := filepath.Join(t.TempDir(), "config.yaml")
	before := []byte("keys: []\n")
	for _, c := range []struct {
		name         string
		before, now  []byte // nil: no file
		wrong, wants string
	}{
		{name: "never any"},
		{name: "made", now: before, wants: "keys: []\n"},
		{name: "changed", before: before, now: []byte("{}"), wants: "{}"},
		{name: "gone", before: before, wrong: "no such file"},
		{name: "empty", before: before, now: []byte(" \n"), wrong: "is empty, and was not before"},
	} {
		if err := os.RemoveAll(name); err != nil {
			t.Fatal(err)
		}
		if c.now != nil {
			if err := os.WriteFile(name, c.now, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		text, err := (&source{name: name, text: c.before}).read()
		switch {
		case c.wrong == "" && (err != nil || string(text) != c.wants):
			t.Errorf("%s: %q, %v", c.name, text, err)
		case c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)):
			t.Errorf("%s: %q, %v", c.name, text, err)
		}
	}
}

// noBooks is a ledger that cannot say what was spent.
type noBooks struct{ ledger.Database }

func (noBooks) Spent(context.Context, ledger.Dimension, time.Time, time.Time) (map[string]ledger.Spent, error) {
	return nil, errors.New("no books")
}

// TestReloadRefusedLate: a config whose last step fails leaves everything as it was; once nothing fails, all of it is in
// force.
func TestReloadRefusedLate(t *testing.T) {
	k := startKit(t, twoProviders)
	next := strings.NewReplacer(
		"cooldown: 60s}, timeouts: {attempt: 60s}", "cooldown: 60s}, timeouts: {attempt: 60s, connect: 4s}, limit: {concurrent: 7}",
		"targets: [nano, gpt]", "targets: [gpt, nano]",
	).Replace(*k.next.Load()) + `
log: {level: error}
alerts: [{name: ours, when: mean_seconds > 15.0}]
budgets: [{name: daily, scope: all, usd: 1, per: month}]
`
	type forced struct {
		file    *file
		reach   http.RoundTripper
		rules   int
		level   zapcore.Level
		budgets int
		target  string
	}
	inForce := func() forced {
		a := k.post(imagenPath, predict("a", 1))
		return forced{
			k.side.file.Load(), k.side.transports.of("google"), len(*k.side.alerts.rules.Load()), k.side.level.Level(),
			len(k.side.budgets.States(time.Now())), a.header.Get("X-Switchyard-Target"),
		}
	}
	before, books := inForce(), k.side.store
	k.side.store = noBooks{books}
	k.next.Store(&next)
	if err := k.side.reload(); err == nil || !strings.Contains(err.Error(), "no books") {
		t.Errorf("reload: %v", err)
	}
	if after := inForce(); after != before {
		t.Errorf("a refused config left %+v; before it was %+v", after, before)
	}
	k.side.store = books
	if err := k.side.reload(); err != nil {
		t.Fatal(err)
	}
	want := forced{k.side.file.Load(), k.side.transports.of("google"), before.rules + 1, zapcore.ErrorLevel, 1, "gpt"}
	if after := inForce(); after != want || after.file == before.file || after.reach == before.reach {
		t.Errorf("in force are %+v; before it was %+v", after, before)
	}
}

// TestDeadModel: a model that dies while we run is served by its successor from then on, and that is told.
func TestDeadModel(t *testing.T) {
	world, err := sim.Start(sim.Config{Imagen: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = world.Close() })
	k := startKitWith(t, world, `
models: {alive: [imagen-4.0-generate-001]}
providers:
  google: {<google>}
`)
	a := k.post(imagenPath, predict("a cat", 2))
	if a.status != http.StatusOK || a.header.Get("X-Switchyard-Model") != "imagen-4.0-generate-001" || a.header.Get("X-Switchyard-Fidelity") != "exact" {
		t.Fatalf("while it lives: %d %v", a.status, a.header)
	}
	world.Google.Update(func(b *sim.Behavior) { b.Alive = nil })
	for range 2 {
		a = k.post(imagenPath, predict("a cat", 2))
		if a.status != http.StatusOK || len(a.images(t)) != 2 || a.header.Get("X-Switchyard-Model") != "gemini-nano-banana-2.1" ||
			!strings.Contains(a.header.Get("X-Switchyard-Fidelity"), "successor=imagen-4.0-generate-001>gemini-nano-banana-2.1") {
			t.Fatalf("after its end: %d %v %s", a.status, a.header, a.body[:min(300, len(a.body))])
		}
	}
	asked := 0
	for _, c := range world.Google.Calls() {
		if c.Status == http.StatusNotFound {
			asked++
		}
	}
	if asked != 1 {
		t.Errorf("the dead model was asked %d times after its end, want once", asked)
	}
}

// TestStrict: a route that wants everything said passes over who cannot say it.
func TestStrict(t *testing.T) {
	k := startKit(t, strings.Replace(twoProviders, "targets: [nano, gpt]", "targets: [nano, gpt], fidelity: strict", 1))
	a := k.post(openaiPath, `{"prompt":"a","quality":"low"}`)
	if a.status != http.StatusOK || a.header.Get("X-Switchyard-Target") != "gpt" {
		t.Errorf("%d %v", a.status, a.header)
	}
	a = k.post(openaiPath, `{"prompt":"a","quality":"low"}`, "X-Only", "nano")
	if a.status != http.StatusOK || a.header.Get("X-Switchyard-Fidelity") != "dropped=quality" {
		t.Errorf("%d %v", a.status, a.header)
	}
}

// TestDeadAtOnce: apps that all find out in the same moment all get their pictures.
func TestDeadAtOnce(t *testing.T) {
	k := startKit(t, `
models: {alive: [imagen-4.0-generate-001]}
providers:
  google: {<google>}
`)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if a := k.post(imagenPath, predict("a cat", 1)); a.status != http.StatusOK {
				t.Errorf("%d %s %v", a.status, a.body, a.err)
			}
		})
	}
	all.Wait()
}
