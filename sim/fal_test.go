package sim_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"switchyard"
	"switchyard/sim"
)

const falAuth = "Authorization: Key sim:key"

func TestFalWire(t *testing.T) {
	w := start(t, sim.Config{})
	tiny := "data:image/png;base64," + base64.StdEncoding.EncodeToString(sim.Picture(switchyard.Size{Width: 16, Height: 16}, "png", sim.Art{}))
	exchange(t, w.Fal.URL, falAuth, []wire{
		{
			name: "plain", path: "/fal-ai/flux/schnell", body: `{"prompt":"a red fox in snow","image_size":"landscape_16_9","num_images":1,"seed":42}`, status: 200,
			want: []string{`"seed":42`, `"has_nsfw_concepts":[false]`, `"width":1024`, `"height":576`, `"content_type":"image/jpeg"`, `"prompt":"a red fox in snow"`, `"timings":{"inference":`},
		},
		{name: "bearer", path: "/fal-ai/flux/dev", header: []string{"Authorization: Bearer sim:key"}, body: `{"prompt":"a"}`, status: 200, want: []string{`"height":768`}},
		{name: "huge seed", path: "/fal-ai/flux/dev", body: `{"prompt":"a","seed":17454220438242315174}`, status: 200, want: []string{`"seed":17454220438242315174`}},
		{name: "no key", path: "/fal-ai/flux/dev", header: []string{}, body: `{"prompt":"a"}`, status: 401, want: []string{`"Cannot access application \"fal-ai/flux\". Authentication is required to access this application."`}},
		{name: "wrong scheme", path: "/fal-ai/flux/dev", header: []string{"Authorization: Token sim:key"}, body: `{"prompt":"a"}`, status: 401},
		{name: "missing prompt", path: "/fal-ai/flux/dev", body: `{"num_images":1}`, status: 422, want: []string{`{"detail":[{"loc":["body","prompt"],"msg":"field required","type":"value_error.missing"}]}`}},
		{name: "too many", path: "/fal-ai/flux/dev", body: `{"prompt":"a","num_images":5}`, status: 422, want: []string{`"type":"less_than_equal"`, `"ctx":{"le":4}`}},
		{name: "steps are text in lightning", path: "/fal-ai/fast-lightning-sdxl", body: `{"prompt":"a","num_inference_steps":4}`, status: 422, want: []string{`"one_of"`}},
		{name: "tolerance is text", path: "/fal-ai/flux-pro/v1.1", body: `{"prompt":"a","safety_tolerance":2}`, status: 422, want: []string{`"safety_tolerance"`}},
		{name: "unknown size", path: "/fal-ai/flux/dev", body: `{"prompt":"a","image_size":"portrait"}`, status: 422, want: []string{`"image_size"`}},
		{name: "format of another family", path: "/fal-ai/flux/dev", body: `{"prompt":"a","output_format":"webp"}`, status: 422},
		{name: "bad reference", path: "/fal-ai/flux/dev/image-to-image", body: `{"prompt":"a","image_url":"data:image/png;base64,aGVsbG8="}`, status: 422, want: []string{`"image_load_error"`, `"loc":["body","image_url"]`}},
		{name: "lost reference", path: "/fal-ai/flux/dev/image-to-image", body: `{"prompt":"a","image_url":"` + w.FalCDN.URL + `/files/none.png"}`, status: 422, want: []string{`"file_download_error"`}},
		{name: "unknown path", path: "/fal-ai/flux/nope", body: `{"prompt":"a"}`, status: 404, want: []string{`{"detail":"Path /nope not found"}`}},
		{name: "unknown app", path: "/fal-ai/nope", body: `{"prompt":"a"}`, status: 404, want: []string{`Application \"nope\" not found`}},
		{name: "black picture", path: "/fal-ai/fast-sdxl", body: `{"prompt":"[sim:filter_some]","num_images":2,"format":"png"}`, status: 200, want: []string{`"has_nsfw_concepts":[false,true]`}},
		{name: "partner refuses", path: "/fal-ai/nano-banana", body: `{"prompt":"[sim:filter]"}`, status: 422, want: []string{`"content_policy_violation"`, "flagged by a content checker."}},
		{name: "partner has no seed", path: "/fal-ai/nano-banana", body: `{"prompt":"a"}`, status: 200, want: []string{`"description":""`}, not: []string{"seed", "has_nsfw"}},
		{name: "sync mode", path: "/fal-ai/fast-sdxl", body: `{"prompt":"a","sync_mode":true}`, status: 200, want: []string{`"url":"data:image/jpeg;base64,`}},
		{name: "seed alone", path: "/fal-ai/flux-2-pro", body: `{"prompt":"a","seed":7}`, status: 200, want: []string{`"seed":7`}, not: []string{"has_nsfw", "timings", "description"}},
		{name: "tolerance up to five", path: "/fal-ai/flux-2-pro", body: `{"prompt":"a","safety_tolerance":"6"}`, status: 422, want: []string{`"safety_tolerance"`}},
		{name: "pixels as text", path: "/fal-ai/gpt-image-1/text-to-image", body: `{"prompt":"a","image_size":"1536x1024"}`, status: 200, want: []string{`"width":1536`}, not: []string{"seed", "has_nsfw"}},
		{name: "no presets", path: "/fal-ai/gpt-image-1/text-to-image", body: `{"prompt":"a","image_size":"square_hd"}`, status: 422, want: []string{`"image_size"`}},
		{name: "left to the model", path: "/fal-ai/bytedance/seedream/v4/text-to-image", body: `{"prompt":"a","image_size":"auto_4K"}`, status: 200, want: []string{`"width":4096`, `"content_type":"image/png"`}},
		{name: "too small for it", path: "/fal-ai/bytedance/seedream/v4/text-to-image", body: `{"prompt":"a","image_size":{"width":512,"height":512}}`, status: 422, want: []string{`"greater_than_equal"`}},
		{name: "half", path: "/fal-ai/nano-banana-2", body: `{"prompt":"a","aspect_ratio":"8:1","resolution":"0.5K"}`, status: 200, want: []string{`"description":""`}},
		{name: "ratio of the next one", path: "/fal-ai/nano-banana-pro", body: `{"prompt":"a","aspect_ratio":"8:1"}`, status: 422, want: []string{`"aspect_ratio"`}},
		{name: "style of nobody", path: "/fal-ai/recraft/v3/text-to-image", body: `{"prompt":"a","style":"vivid"}`, status: 422, want: []string{`"style"`}},
		{name: "vector", path: "/fal-ai/recraft/v3/text-to-image", body: `{"prompt":"a","style":"vector_illustration"}`, status: 200, want: []string{`"content_type":"image/svg+xml"`}, not: []string{"width"}},
		{name: "no face", path: "/fal-ai/pulid", body: `{"prompt":"a","reference_images":[]}`, status: 422, want: []string{`"loc":["body","reference_images"]`}},
		{name: "face by address", path: "/fal-ai/pulid", body: `{"prompt":"a","reference_images":["` + tiny + `"]}`, status: 200},
		{name: "face", path: "/fal-ai/pulid", body: `{"prompt":"a","reference_images":[{"image_url":"` + tiny + `"}]}`, status: 200, want: []string{`"seed":`}},
		{name: "one picture", path: "/fal-ai/ip-adapter-face-id", body: `{"prompt":"a","face_image_url":"` + tiny + `"}`, status: 200, want: []string{`{"image":{`, `"width":512`}, not: []string{"images"}},
		{name: "stickers", path: "/fal-ai/face-to-sticker", body: `{"prompt":"a","image_url":"` + tiny + `"}`, status: 200, want: []string{`"sticker_image":{`, `"has_nsfw_concepts":{`}},
		{name: "no archive", path: "/fal-ai/photomaker", body: `{"prompt":"a","image_archive_url":"` + tiny + `"}`, status: 422, want: []string{`"image_archive_url"`}},
		{name: "locked", path: "/fal-ai/flux/dev", body: `{"prompt":"[sim:quota]"}`, status: 403, want: []string{"Exhausted balance"}},
	})
}

func TestFalPictureOnCDNAndBill(t *testing.T) {
	w := start(t, sim.Config{})
	r := call(t, "POST", w.Fal.URL+"/fal-ai/flux/dev", `{"prompt":"a cat","image_size":{"width":1040,"height":1040},"num_images":2,"output_format":"png"}`, falAuth)
	v := r.json(t)
	link, _ := at(v, "images", 1, "url").(string)
	got := call(t, "GET", link, "")
	checkPicture(t, got.body, "png", switchyard.Size{Width: 1040, Height: 1040}, sim.Mark{Provider: "fal", Prompt: sim.PromptMark("a cat"), Index: 1})
	if got.header.Get("Content-Type") != "image/png" || !strings.Contains(got.header.Get("Cache-Control"), "immutable") || !strings.HasPrefix(link, w.FalCDN.URL) {
		t.Errorf("%s: %v", link, got.header)
	}
	// Two pictures of just over one megapixel count as two each.
	if total := w.Fal.Total(); total != switchyard.Dollar/10 || r.header.Get("X-Fal-Billable-Units") != "4" {
		t.Errorf("billed %v, units %s", total, r.header.Get("X-Fal-Billable-Units"))
	}
	if part := call(t, "GET", link, "", "Range: bytes=0-7"); part.status != 206 || string(part.body) != "\x89PNG\r\n\x1a\n" {
		t.Errorf("range: %d %q", part.status, part.body)
	}
}

func TestFalPrices(t *testing.T) {
	const mill = switchyard.Dollar / 1000
	w := start(t, sim.Config{})
	for path, want := range map[string]switchyard.Money{
		`/fal-ai/flux-2-pro {"prompt":"a","image_size":{"width":2048,"height":1024}}`:                   45 * mill,
		`/fal-ai/nano-banana-pro {"prompt":"a","resolution":"4K","num_images":2}`:                       600 * mill,
		`/fal-ai/nano-banana-2 {"prompt":"a","resolution":"0.5K"}`:                                      60 * mill,
		`/fal-ai/recraft/v3/text-to-image {"prompt":"a"}`:                                               40 * mill,
		`/fal-ai/recraft/v3/text-to-image {"prompt":"a","style":"vector_illustration/line_art"}`:        80 * mill,
		`/fal-ai/bytedance/seedream/v4/text-to-image {"prompt":"a","image_size":"auto","num_images":3}`: 90 * mill,
	} {
		w.Fal.Reset()
		path, body, _ := strings.Cut(path, " ")
		if r := call(t, "POST", w.Fal.URL+path, body, falAuth); r.status != 200 || w.Fal.Total() != want {
			t.Errorf("%s %s: %d, billed %v, want %v", path, body, r.status, w.Fal.Total(), want)
		}
	}
}

func TestFalUploadThenEdit(t *testing.T) {
	w := start(t, sim.Config{})
	r := call(t, "POST", w.Fal.RestURL+"/storage/upload/initiate?storage_type=fal-cdn-v3", `{"content_type":"image/png","file_name":"in.png"}`, falAuth)
	v := r.json(t)
	file, _ := v["file_url"].(string)
	put, _ := v["upload_url"].(string)
	size := switchyard.Size{Width: 640, Height: 320}
	if r := call(t, "PUT", put, string(sim.Picture(size, "png", sim.Art{})), "Content-Type: image/png"); r.status != 200 {
		t.Fatalf("put %d", r.status)
	}
	r = call(t, "POST", w.Fal.URL+"/fal-ai/fast-sdxl/inpainting", fmt.Sprintf(`{"prompt":"a","image_url":%q,"mask_url":%q,"image_size":"square","sync_mode":true,"format":"png"}`, file, file), falAuth)
	link, _ := at(r.json(t), "images", 0, "url").(string)
	checkPicture(t, unbase64(t, strings.TrimPrefix(link, "data:image/png;base64,")), "png", switchyard.Size{Width: 512, Height: 512},
		sim.Mark{Provider: "fal", Prompt: sim.PromptMark("a"), References: 1, Mask: true})
}

// poll asks until the queue says COMPLETED, and tells the statuses it saw.
func poll(t *testing.T, url string) (seen []string) {
	t.Helper()
	for range 1000 {
		r := call(t, "GET", url+"?logs=1", "", falAuth)
		s, _ := r.json(t)["status"].(string)
		if want := map[bool]int{true: 200, false: 202}[s == "COMPLETED"]; r.status != want {
			t.Fatalf("%s with status %d", s, r.status)
		}
		if seen = append(seen, s); s == "COMPLETED" {
			return seen
		}
	}
	t.Fatal("never completed")
	return nil
}

func TestFalQueue(t *testing.T) {
	w := start(t, sim.Config{Behaviors: map[string]sim.Behavior{"fal": {Polls: 2}}})
	r := call(t, "POST", w.Fal.QueueURL+"/fal-ai/flux/dev", `{"prompt":"a red fox"}`, falAuth)
	v := r.json(t)
	id, _ := v["request_id"].(string)
	base := w.Fal.QueueURL + "/fal-ai/flux/requests/" + id
	if r.status != 200 || v["status"] != "IN_QUEUE" || v["response_url"] != base || v["status_url"] != base+"/status" || v["cancel_url"] != base+"/cancel" || v["queue_position"] != 0.0 {
		t.Errorf("submit %d %v", r.status, v)
	}
	if seen := poll(t, base+"/status"); len(seen) < 3 {
		t.Errorf("saw %v", seen)
	}
	if r := call(t, "GET", base, "", falAuth); r.status != 200 || at(r.json(t), "images", 0, "url") == nil || r.header.Get("X-Fal-Request-Id") != id {
		t.Errorf("result %d %s", r.status, r.body)
	}
	if r := call(t, "PUT", base+"/cancel", "", falAuth); r.status != 400 || string(r.body) != `{"status":"ALREADY_COMPLETED"}` {
		t.Errorf("cancel %d %s", r.status, r.body)
	}
	if r := call(t, "GET", w.Fal.QueueURL+"/fal-ai/flux/requests/none/status", "", falAuth); r.status != 404 || string(r.body) != `{"status":"NOT_FOUND"}` {
		t.Errorf("unknown %d %s", r.status, r.body)
	}
}

func TestFalQueueReplaysErrors(t *testing.T) {
	w := start(t, sim.Config{})
	r := call(t, "POST", w.Fal.QueueURL+"/fal-ai/nano-banana", `{"prompt":"[sim:filter]"}`, falAuth)
	base, _ := r.json(t)["response_url"].(string)
	poll(t, base+"/status")
	if r := call(t, "GET", base, "", falAuth); r.status != 422 || !strings.Contains(string(r.body), "content_policy_violation") {
		t.Errorf("result %d %s", r.status, r.body)
	}
	if n := len(w.Fal.Bill()); n != 0 {
		t.Errorf("%d charges for nothing", n)
	}
}

func TestFalCancel(t *testing.T) {
	w := start(t, sim.Config{})
	r := call(t, "POST", w.Fal.QueueURL+"/fal-ai/flux/dev", `{"prompt":"[sim:stuck]"}`, falAuth)
	base, _ := r.json(t)["response_url"].(string)
	if r := call(t, "GET", base, "", falAuth); r.status != 400 || string(r.body) != `{"detail":"Request is still in progress"}` {
		t.Errorf("early result %d %s", r.status, r.body)
	}
	if r := call(t, "PUT", base+"/cancel", "", falAuth); r.status != 202 || string(r.body) != `{"status":"CANCELLATION_REQUESTED"}` {
		t.Errorf("cancel %d %s", r.status, r.body)
	}
	poll(t, base+"/status")
	if r := call(t, "GET", base, "", falAuth); r.status != 499 || len(w.Fal.Bill()) != 0 {
		t.Errorf("result %d %s", r.status, r.body)
	}
}

func TestFalWebhookIsSigned(t *testing.T) {
	w := start(t, sim.Config{})
	got := make(chan bool, 1)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		sum := sha256.Sum256(body)
		h := r.Header
		message := strings.Join([]string{h.Get("X-Fal-Webhook-Request-Id"), h.Get("X-Fal-Webhook-User-Id"), h.Get("X-Fal-Webhook-Timestamp"), hex.EncodeToString(sum[:])}, "\n")
		key, _ := base64.RawURLEncoding.DecodeString("A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg")
		signature, _ := hex.DecodeString(h.Get("X-Fal-Webhook-Signature"))
		got <- ed25519.Verify(key, []byte(message), signature) && strings.Contains(string(body), `"status":"OK"`)
	}))
	defer hook.Close()
	call(t, "POST", w.Fal.QueueURL+"/fal-ai/flux/schnell?fal_webhook="+hook.URL, `{"prompt":"a"}`, falAuth)
	if !<-got {
		t.Error("webhook does not verify")
	}
}
