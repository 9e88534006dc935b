package sim_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"switchyard"
	"switchyard/sim"
)

const (
	replicateAuth = "Authorization: Bearer r8_sim"
	schnell       = "/v1/models/black-forest-labs/flux-schnell/predictions"
	faceVersion   = "a07f252abbbd832009640b27f063ea52d87d7a23a185ca165bec23b5adc8deaf"
	wait          = "Prefer: wait"
)

func TestReplicatePrices(t *testing.T) {
	const mill = switchyard.Dollar / 1000
	w := start(t, sim.Config{})
	tiny := "data:image/png;base64," + base64.StdEncoding.EncodeToString(sim.Picture(switchyard.Size{Width: 16, Height: 16}, "png", sim.Art{}))
	for model, want := range map[string]switchyard.Money{
		`google/nano-banana-pro {"prompt":"a","resolution":"4K"}`:                                                          300 * mill,
		`black-forest-labs/flux-2-pro {"prompt":"a","aspect_ratio":"custom","width":1024,"height":1024}`:                   45 * mill, // just over one million
		`black-forest-labs/flux-2-pro {"prompt":"a","resolution":"0.5 MP","input_images":["` + tiny + `","` + tiny + `"]}`: 60 * mill,
	} {
		w.Replicate.Reset()
		model, input, _ := strings.Cut(model, " ")
		r := call(t, "POST", w.Replicate.URL+"/v1/models/"+model+"/predictions", `{"input":`+input+`}`, replicateAuth, wait)
		if r.status != 201 || w.Replicate.Total() != want {
			t.Errorf("%s: %d %.200s, billed %v, want %v", model, r.status, r.body, w.Replicate.Total(), want)
		}
	}
}

func TestReplicateWire(t *testing.T) {
	w := start(t, sim.Config{})
	auth := []string{replicateAuth, wait}
	exchange(t, w.Replicate.URL, replicateAuth, []wire{
		{name: "waits", path: schnell, header: auth, body: `{"input":{"prompt":"a red fox"}}`, status: 201, want: []string{`"status":"succeeded"`, `"output":["http://`, `"version":"hidden"`, `"error":null`, `"logs":"`, `"predict_time":0.9`}},
		{name: "one string", path: "/v1/models/black-forest-labs/flux-1.1-pro/predictions", header: auth, body: `{"input":{"prompt":"a red fox"}}`, status: 201, want: []string{`"output":"http://`}},
		{name: "images by another name", path: "/v1/models/openai/gpt-image-1/predictions", header: auth, body: `{"input":{"prompt":"a","number_of_images":2,"output_format":"jpeg"}}`, status: 201, want: []string{"out-0.jpeg", "out-1.jpeg"}},
		{name: "no such ratio", path: "/v1/models/black-forest-labs/flux-2-pro/predictions", body: `{"input":{"prompt":"a","aspect_ratio":"21:9"}}`, status: 422, want: []string{`"aspect_ratio must be one of`}},
		{name: "no 1K", path: "/v1/models/bytedance/seedream-4.5/predictions", body: `{"input":{"prompt":"a","size":"1K"}}`, status: 422, want: []string{`"size must be one of`}},
		{name: "by version and name", path: "/v1/predictions", header: auth, body: `{"version":"black-forest-labs/flux-schnell","input":{"prompt":"a"}}`, status: 201},
		{name: "token", path: schnell, header: []string{"Authorization: Token r8_sim"}, body: `{"input":{"prompt":"a"}}`, status: 201, want: []string{`"status":"`}},
		{name: "no key", path: schnell, header: []string{}, body: `{}`, status: 401, want: []string{`"title":"Unauthenticated"`, `"detail":"You did not pass a valid authentication token"`}},
		{name: "fal's scheme", path: schnell, header: []string{"Authorization: Key r8_sim"}, body: `{}`, status: 401},
		{
			name: "two faults", path: schnell, body: `{"input":{"num_inference_steps":20}}`, status: 422,
			want: []string{`"detail":"- input: prompt is required\n- input.num_inference_steps: Must be less than or equal to 4\n"`, `{"description":"prompt is required","field":"input","type":"required"}`, `"number_lte"`},
		},
		{name: "jpeg is not jpg", path: schnell, body: `{"input":{"prompt":"a","output_format":"jpeg"}}`, status: 422, want: []string{`output_format must be one of the following: \"webp\", \"jpg\", \"png\"`}},
		{
			name: "model key", path: "/v1/predictions", body: `{"model":"black-forest-labs/flux-schnell","input":{"prompt":"a"}}`, status: 422,
			want: []string{`"detail":"- version is required\n- Additional property model is not allowed\n"`, `"additional_property_not_allowed"`},
		},
		{name: "version on the wrong path", path: schnell, body: `{"version":"x","input":{"prompt":"a"}}`, status: 422, want: []string{"Additional property version is not allowed"}},
		{name: "wrong type", path: schnell, body: `{"input":{"prompt":"a","num_outputs":"2"}}`, status: 422, want: []string{"Invalid type. Expected: integer, given: string"}},
		{name: "unknown version", path: "/v1/predictions", body: `{"version":"abc","input":{"prompt":"a"}}`, status: 422, want: []string{`"Invalid version or not permitted"`}},
		{name: "bad preference", path: schnell, header: []string{replicateAuth, "Prefer: wait=61"}, body: `{"input":{"prompt":"a"}}`, status: 400},
		{name: "unknown model", path: "/v1/models/a/b/predictions", body: `{"input":{"prompt":"a"}}`, status: 404, want: []string{"The requested resource could not be found."}},
		{name: "community model by name", path: "/v1/models/fofr/face-to-many/predictions", body: `{"input":{}}`, status: 404},
		{name: "limited", path: schnell, body: `{"input":{"prompt":"[sim:rate_limit]"}}`, status: 429, want: []string{"Your rate limit resets in ~10s."}},
		{name: "no credit", path: schnell, body: `{"input":{"prompt":"[sim:quota]"}}`, status: 402, want: []string{`"Insufficient credit"`}},
		{name: "all flagged", path: schnell, header: auth, body: `{"input":{"prompt":"[sim:filter]"}}`, status: 201, want: []string{`"status":"failed"`, `"output":null`, "All generated images contained NSFW content."}},
		{name: "one flagged", path: schnell, header: auth, body: `{"input":{"prompt":"[sim:filter_some]","num_outputs":2}}`, status: 201, want: []string{`"status":"succeeded"`, "out-1.webp"}, not: []string{"out-0"}},
		{name: "sensitive", path: "/v1/models/google/imagen-4/predictions", header: auth, body: `{"input":{"prompt":"[sim:filter]"}}`, status: 201, want: []string{"(E005)"}},
		{name: "no face", path: "/v1/predictions", header: auth, body: `{"version":"` + faceVersion + `","input":{}}`, status: 201, want: []string{`"error":"No image provided"`}},
		{name: "version doc", method: "GET", path: "/v1/models/fofr/face-to-many/versions/" + faceVersion, status: 200, want: []string{`"openapi_schema"`, `"cog_version"`, `"Output":{"items":`}},
		{name: "secret", method: "GET", path: "/v1/webhooks/default/secret", status: 200, want: []string{`"key":"whsec_`}},
		{name: "list", method: "GET", path: "/v1/predictions", status: 200, want: []string{`"next":null`, `"results":[{`}},
	})
}

func TestReplicatePicturesAndBill(t *testing.T) {
	w := start(t, sim.Config{})
	r := call(t, "POST", w.Replicate.URL+schnell, `{"input":{"prompt":"a cat","aspect_ratio":"16:9","num_outputs":2}}`, replicateAuth, wait)
	link, _ := at(r.json(t), "output", 1).(string)
	got := call(t, "GET", link, "")
	checkPicture(t, got.body, "webp", switchyard.Size{Width: 1344, Height: 768}, sim.Mark{Provider: "replicate", Prompt: sim.PromptMark("a cat"), Index: 1})
	if got.header.Get("Cache-Control") != "public, max-age=3600" || r.header.Get("Preference-Applied") != "wait" {
		t.Errorf("headers %v %v", got.header, r.header)
	}
	uri := "data:image/png;base64," + base64.StdEncoding.EncodeToString(sim.Picture(switchyard.Size{Width: 600, Height: 300}, "png", sim.Art{}))
	r = call(t, "POST", w.Replicate.URL+"/v1/predictions", fmt.Sprintf(`{"version":%q,"input":{"image":%q,"style":"Clay"}}`, faceVersion, uri), replicateAuth, wait)
	link, _ = at(r.json(t), "output", 0).(string)
	checkPicture(t, call(t, "GET", link, "").body, "png", switchyard.Size{Width: 1024, Height: 512}, sim.Mark{Provider: "replicate", Prompt: sim.PromptMark("a person"), References: 1})
	// two at 0.003; 23 seconds at 0.000725
	if got, want := w.Replicate.Total(), switchyard.Money(6_000_000+23*725_000); got != want {
		t.Errorf("billed %v, want %v", got, want)
	}
}

func TestReplicatePollsAndCancels(t *testing.T) {
	w := start(t, sim.Config{})
	w.Replicate.Update(func(b *sim.Behavior) { b.Quirks.WaitRunsOut, b.Polls = true, 2 })
	r := call(t, "POST", w.Replicate.URL+schnell, `{"input":{"prompt":"a"}}`, replicateAuth, "Prefer: wait=5")
	v := r.json(t)
	if r.status != 202 || v["status"] != "starting" || v["output"] != nil || r.header.Get("Preference-Applied") != "wait=5" {
		t.Errorf("create %d %v", r.status, v)
	}
	get, _ := at(v, "urls", "get").(string)
	var seen []any
	for range 100 {
		v := call(t, "GET", get, "", replicateAuth).json(t)
		if seen = append(seen, v["status"]); v["status"] == "succeeded" {
			break
		}
	}
	if len(seen) < 3 || seen[0] != "starting" || seen[1] != "processing" || seen[len(seen)-1] != "succeeded" {
		t.Errorf("saw %v", seen)
	}
	r = call(t, "POST", w.Replicate.URL+schnell, `{"input":{"prompt":"[sim:stuck]"}}`, replicateAuth)
	stop, _ := at(r.json(t), "urls", "cancel").(string)
	if v := call(t, "POST", stop, "", replicateAuth).json(t); v["status"] != "canceled" || v["output"] != nil {
		t.Errorf("cancelled %v", v)
	}
	if n := len(w.Replicate.Bill()); n != 1 {
		t.Errorf("%d charges, want 1", n)
	}
}

func TestReplicateProcessingWithDataURI(t *testing.T) {
	w := start(t, sim.Config{})
	w.Replicate.Update(func(b *sim.Behavior) { b.Quirks.Processing = true })
	v := call(t, "POST", w.Replicate.URL+schnell, `{"input":{"prompt":"a"}}`, replicateAuth, wait).json(t)
	if s, _ := at(v, "output", 0).(string); v["status"] != "processing" || !strings.HasPrefix(s, "data:image/webp;base64,") {
		t.Errorf("status %v, output %.40s", v["status"], s)
	}
}

func TestReplicateFilesAsInput(t *testing.T) {
	w := start(t, sim.Config{})
	body, kind := form(t, "content", string(sim.Picture(switchyard.Size{Width: 100, Height: 200}, "png", sim.Art{})), "metadata=", "{}")
	r := call(t, "POST", w.Replicate.URL+"/v1/files", body, replicateAuth, kind)
	link, _ := at(r.json(t), "urls", "get").(string)
	if r.status != 201 || link == "" {
		t.Fatalf("%d %s", r.status, r.body)
	}
	v := call(t, "POST", w.Replicate.URL+"/v1/models/black-forest-labs/flux-dev/predictions", fmt.Sprintf(`{"input":{"prompt":"a","image":%q,"output_format":"png"}}`, link), replicateAuth, wait).json(t)
	out, _ := at(v, "output", 0).(string)
	checkPicture(t, call(t, "GET", out, "").body, "png", switchyard.Size{Width: 512, Height: 1024}, sim.Mark{Provider: "replicate", Prompt: sim.PromptMark("a"), References: 1})
	if r := call(t, "DELETE", link, "", replicateAuth); r.status != 204 {
		t.Errorf("delete %d", r.status)
	}
}

func TestReplicateWebhook(t *testing.T) {
	w := start(t, sim.Config{})
	got := make(chan string, 4)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if !strings.HasPrefix(r.Header.Get("Webhook-Signature"), "v1,") {
			t.Errorf("headers %v", r.Header)
		}
		got <- string(body)
	}))
	defer hook.Close()
	call(t, "POST", w.Replicate.URL+schnell, fmt.Sprintf(`{"input":{"prompt":"a"},"webhook":%q,"webhook_events_filter":["completed"]}`, hook.URL), replicateAuth)
	if body := <-got; !strings.Contains(body, `"status":"succeeded"`) || !strings.Contains(body, `"completed_at"`) {
		t.Errorf("webhook %s", body)
	}
}
