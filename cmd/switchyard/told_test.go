package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"switchyard"
	"switchyard/dialect"
	"switchyard/dialect/all"
	"switchyard/router"
	"switchyard/sim"
	"switchyard/spool"
)

// sayings are what apps ask for, a line each: dialect, path, body. <image> is one, <more> a second one.
const sayings = `
gemini /v1beta/models/imagen-4.0-generate-001:predict {"instances":[{"prompt":"a cat"}],"parameters":{"sampleCount":2,"aspectRatio":"16:9","sampleImageSize":"2K","personGeneration":"allow_adult"}}
gemini /v1beta/models/gemini-nano-banana-2.1:generateContent {"contents":[{"parts":[{"text":"a cat"}]}],"generationConfig":{"seed":7,"imageConfig":{"aspectRatio":"1:8","imageSize":"2K"}}}
gemini /v1beta/models/gemini-nano-banana-2.1:generateContent {"contents":[{"parts":[{"text":"a cat"}]}],"generationConfig":{"responseFormat":[{"image":{"aspectRatio":"ASPECT_RATIO_ONE_BY_EIGHT","imageSize":"IMAGE_SIZE_TWO_K","mimeType":"IMAGE_JPEG"}}]}}
gemini /v1beta/models/gemini-nano-banana-2.1:generateContent {"contents":[{"parts":[{"text":"a cat"},{"inlineData":<inline>}]}]}
gemini /v1beta/models/gemini-nano-banana-2.1:generateContent {"contents":[{"parts":[{"text":"a cat"},{"inlineData":<inline>},{"inlineData":<inline>}]}],"generationConfig":{"imageConfig":{"aspectRatio":"21:9","imageSize":"4K"}},"safetySettings":[{"category":"HARM_CATEGORY_HARASSMENT","threshold":"BLOCK_NONE"}]}
openai /v1/images/generations {"model":"gpt-image-2.6-flare","prompt":"a cat","n":2,"size":"3840x1280","quality":"max","output_format":"jpeg","output_compression":50,"moderation":"low","user":"u"}
openai /v1/images/generations {"model":"gpt-image-2.6-flare","prompt":"a cat","size":"800x832","background":"transparent","output_format":"webp"}
openai /v1/images/generations {"model":"dall-e-3","prompt":"a cat","size":"1792x1024","quality":"hd","style":"vivid"}
openai /v1/images/edits {"model":"gpt-image-2.6-flare","prompt":"a cat","images":[{"image_url":"<image>"}]}
openai /v1/images/edits {"model":"gpt-image-2.6-flare","prompt":"a cat","size":"1536x1024","images":[{"image_url":"<image>"},{"image_url":"<image>"}]}
fal /fal-ai/flux/dev {"prompt":"a cat","image_size":"portrait_16_9","num_images":2,"seed":18446744073709551615,"guidance_scale":20,"num_inference_steps":50,"enable_safety_checker":false,"output_format":"png"}
fal /fal-ai/flux/dev {"prompt":"a cat","image_size":{"width":1000,"height":333},"guidance_scale":1,"num_inference_steps":1}
fal /fal-ai/flux/dev/image-to-image {"prompt":"a cat","image_url":"<image>","strength":0.4}
fal /fal-ai/flux/schnell {"prompt":"a cat","num_inference_steps":12}
fal /fal-ai/fast-sdxl {"prompt":"a cat","negative_prompt":"a dog","num_images":8,"format":"png","guidance_scale":0,"num_inference_steps":50,"expand_prompt":true}
fal /fal-ai/fast-sdxl/inpainting {"prompt":"a cat","image_url":"<image>","mask_url":"<image>"}
fal /fal-ai/flux-pro/kontext {"prompt":"a cat","image_url":"<image>","aspect_ratio":"9:21","safety_tolerance":"1","enhance_prompt":true}
fal /fal-ai/flux-pro/kontext/max/multi {"prompt":"a cat","image_urls":["<image>","<image>"],"safety_tolerance":"6"}
fal /fal-ai/nano-banana-2 {"prompt":"a cat","resolution":"0.5K","aspect_ratio":"8:1"}
fal /fal-ai/bytedance/seedream/v4/text-to-image {"prompt":"a cat","image_size":"auto_4K","num_images":4}
fal /fal-ai/recraft/v3/text-to-image {"prompt":"a cat","style":"vector_illustration"}
fal /fal-ai/pulid {"prompt":"a cat","reference_images":[{"image_url":"<image>"}]}
replicate /v1/models/black-forest-labs/flux-schnell/predictions {"input":{"prompt":"a cat","aspect_ratio":"9:21","num_outputs":4,"num_inference_steps":1,"output_format":"jpg","output_quality":0,"megapixels":"0.25","disable_safety_checker":true,"seed":4294967296}}
replicate /v1/models/black-forest-labs/flux-dev/predictions {"input":{"prompt":"a cat","image":"<image>","prompt_strength":0.3,"guidance":0,"num_inference_steps":50}}
replicate /v1/models/black-forest-labs/flux-1.1-pro/predictions {"input":{"prompt":"a cat","aspect_ratio":"custom","width":1440,"height":256,"safety_tolerance":6,"prompt_upsampling":true}}
replicate /v1/models/black-forest-labs/flux-1.1-pro/predictions {"input":{"prompt":"a cat","image_prompt":"<image>"}}
replicate /v1/models/black-forest-labs/flux-2-pro/predictions {"input":{"prompt":"a cat","resolution":"4 MP"}}
replicate /v1/models/bytedance/seedream-4/predictions {"input":{"prompt":"a cat","sequential_image_generation":"auto","max_images":3,"size":"4K","enhance_prompt":false}}
replicate /v1/models/openai/gpt-image-1/predictions {"input":{"prompt":"a cat","number_of_images":2,"quality":"low","aspect_ratio":"2:3","output_format":"jpeg","output_compression":1}}
replicate /v1/predictions {"version":"stability-ai/sdxl","input":{"prompt":"a cat","image":"<image>","guidance_scale":50,"num_inference_steps":500,"negative_prompt":"a dog"}}
replicate /v1/predictions {"version":"a07f252abbbd832009640b27f063ea52d87d7a23a185ca165bec23b5adc8deaf","input":{"image":"<image>","style":"Toy","prompt_strength":20,"denoising_strength":1}}`

// TestModelsAreToldWhatTheyTake: whatever an app asks for in its own dialect's words, every model that can serve it gets nothing
// that it refuses, and nothing that it does not know.
func TestModelsAreToldWhatTheyTake(t *testing.T) {
	world := newWorld(t)
	for _, p := range []*sim.Provider{world.Google, world.OpenAI} {
		p.Update(func(b *sim.Behavior) { b.Fault = sim.Empty }) // nobody looks at pictures
	}
	tiny := base64.StdEncoding.EncodeToString(sim.Picture(switchyard.Size{Width: 64, Height: 48}, "png", sim.Art{}))
	text := strings.NewReplacer("<image>", "data:image/png;base64,"+tiny, "<inline>", `{"mimeType":"image/png","data":"`+tiny+`"}`).Replace(sayings)
	pool, err := spool.New(spool.Config{Memory: 64 << 20, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	fronts := map[string]dialect.Dialect{}
	for _, d := range all.Dialects() {
		fronts[d.Name()] = d
	}
	served := map[string]int{} // :: model → requests
	var sent []string
	var g errgroup.Group
	g.SetLimit(8)
	for line := range strings.Lines(strings.TrimSpace(text)) {
		f := strings.SplitN(strings.TrimSpace(line), " ", 3)
		front, body := fronts[f[0]], f[2]
		spooled, err := pool.ReadJSON(strings.NewReader(body), int64(len(body)), 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		defer spooled.Close()
		req, err := front.DecodeRequest(&spool.Message{Method: http.MethodPost, Path: f[1], Header: http.Header{"Content-Type": {"application/json"}}, Body: spooled})
		if err != nil {
			t.Fatalf("%.120s: %v", line, err)
		}
		req.Dialect = front.Name()
		for _, back := range []string{"gemini", "openai", "fal", "replicate"} {
			for _, row := range fronts[back].Models().Rows() {
				if row.ID == "*" || row.Life.State == switchyard.Dead {
					continue
				}
				target := &switchyard.Target{Name: row.ID, Provider: back, Dialect: back, Model: row.ID, Row: row}
				fitted, err := router.Fit(req, front.Models().Find(req.Model), target)
				if err != nil || fitted.Forward || req.Mask != nil && back == "openai" { // which wants it the other way round
					continue
				}
				served[row.ID]++
				id := strconv.Itoa(len(sent))
				sent = append(sent, fmt.Sprintf("%.150s\n%s, %v", line, row.ID, fitted.Fidelity))
				g.Go(func() error { return tell(world, fronts[back], target, fitted.Request, id) })
			}
		}
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	for _, p := range []*sim.Provider{world.Google, world.OpenAI, world.Fal, world.Replicate} {
		for _, c := range p.Calls() {
			if c.Status >= 300 || len(c.Ignored) > 0 {
				n, _ := strconv.Atoi(c.Header.Get("User-Agent"))
				t.Errorf("%s: %d, ignored %q, %s: %v", sent[n], c.Status, c.Ignored, c.Note, c.Body)
			}
		}
	}
	for _, back := range []string{"gemini", "openai", "fal", "replicate"} {
		for _, row := range fronts[back].Models().Rows() {
			if row.ID != "*" && row.Life.State != switchyard.Dead && served[row.ID] == 0 && row.ID != "fal-ai/photomaker" { // an archive is told by nobody
				t.Errorf("%s was told nothing", row.ID)
			}
		}
	}
}

// tell sends what the dialect writes for a target, in the first of its calls.
func tell(w *sim.World, d dialect.Dialect, target *switchyard.Target, req *switchyard.Request, id string) error {
	r := req.Clone()
	r.Images = min(r.Images, max(target.Row.Can.Images, 1))
	out, err := d.Encode(target, r, nil)
	if err != nil {
		return err
	}
	base, auth := w.Google.URL, "X-Goog-Api-Key: "+sim.DefaultKey("google")
	switch d.Name() {
	case "openai":
		base, auth = w.OpenAI.URL, "Authorization: Bearer "+sim.DefaultKey("openai")
	case "fal":
		base, auth = map[string]string{"": w.Fal.URL, "queue": w.Fal.QueueURL}[out.Base], "Authorization: Key "+sim.DefaultKey("fal")
	case "replicate":
		base, auth = w.Replicate.URL, "Authorization: Bearer "+sim.DefaultKey("replicate")
		out.Header.Del("Prefer")
	}
	body, err := out.Body.Open()
	if err != nil {
		return err
	}
	defer body.Close()
	ask, err := http.NewRequest(out.Method, base+out.Path, body)
	if err != nil {
		return err
	}
	ask.Header = out.Header
	name, value, _ := strings.Cut(auth, ": ")
	ask.Header.Set(name, value)
	ask.Header.Set("User-Agent", id)
	resp, err := http.DefaultClient.Do(ask)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// TestEachOfSeveralHasThePicture: where each image takes a call of its own, each call has the picture that the app gave by an address.
func TestEachOfSeveralHasThePicture(t *testing.T) {
	k := startKit(t, `
providers:
  google: {<google>}
  replicate: {<replicate>}
targets:
  nano: {provider: google, model: gemini-nano-banana-2.1}
  kontext: {provider: replicate, model: black-forest-labs/flux-kontext-pro}
routes:
  - {name: nano, when: 'headers["x-for"] == "nano"', targets: [nano]}
  - {name: kontext, targets: [kontext]}
`)
	input := sim.Picture(switchyard.Size{Width: 64, Height: 64}, "png", sim.Art{})
	shelf := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(input) }))
	defer shelf.Close()
	body := `{"model":"gpt-image-2","prompt":"a cat","n":3,"output_format":"png","images":[{"image_url":"` + shelf.URL + `/cat.png"}]}`
	for _, target := range []string{"nano", "kontext"} {
		a := k.post("/v1/images/edits", body, "X-For", target)
		images := a.images(t)
		if a.status != 200 || len(images) != 3 {
			t.Errorf("%s: %d, %d images: %.300s", target, a.status, len(images), a.body)
		}
		for _, b := range images {
			if m := mark(t, b); m.References != 1 {
				t.Errorf("%s: made of %d pictures", target, m.References)
			}
		}
	}
	for _, c := range k.world.Replicate.Calls() {
		if body, ok := c.Body.(map[string]any); ok && !strings.Contains(fmt.Sprint(body["input"]), "data:image/png;base64,") {
			t.Errorf("replicate cannot open %v", body["input"])
		}
	}
}

// TestEditsKeepTheirShape: a picture that is edited without a word of its size has the ratio of what came, also where that has to
// be said.
func TestEditsKeepTheirShape(t *testing.T) {
	k := startKit(t, `
providers:
  fal: {<fal>}
  replicate: {<replicate>}
targets:
  flux2: {provider: replicate, model: black-forest-labs/flux-2-pro}
  seedream: {provider: fal, model: fal-ai/bytedance/seedream/v4/edit}
routes:
  - {name: flux2, when: 'headers["x-for"] == "flux2"', targets: [flux2]}
  - {name: seedream, targets: [seedream]}
`)
	input := base64.StdEncoding.EncodeToString(sim.Picture(switchyard.Size{Width: 640, Height: 480}, "png", sim.Art{}))
	for _, target := range []string{"flux2", "seedream"} {
		a := k.post("/v1beta/models/gemini-nano-banana-2.1:generateContent",
			`{"contents":[{"parts":[{"text":"a cat"},{"inlineData":{"mimeType":"image/png","data":"`+input+`"}}]}]}`, "X-For", target)
		var doc struct {
			Candidates []struct {
				Content struct {
					Parts []struct{ InlineData struct{ Data []byte } }
				}
			}
		}
		if err := json.Unmarshal(a.body, &doc); err != nil || len(doc.Candidates) != 1 || len(doc.Candidates[0].Content.Parts) != 1 {
			t.Fatalf("%s: %d %.300s", target, a.status, a.body)
		}
		b := doc.Candidates[0].Content.Parts[0].InlineData.Data
		_, size, err := switchyard.Inspect(bytes.NewReader(b), int64(len(b)))
		if err != nil || size.Aspect() != (switchyard.Aspect{W: 4, H: 3}) {
			t.Errorf("%s: %v %v, %s", target, size, err, a.header.Get("X-Switchyard-Fidelity"))
		}
	}
}

// TestVectorsAreDrawnAndPaid: what is drawn in lines is no picture that anybody here can look into, goes to the app all the same,
// and costs twice as much.
func TestVectorsAreDrawnAndPaid(t *testing.T) {
	k := startKit(t, `
providers:
  fal: {<fal>}
targets:
  recraft: {provider: fal, model: fal-ai/recraft/v3/text-to-image}
routes:
  - {name: own, when: 'request.dialect == "fal"', targets: [native]}
  - {name: svg, targets: [recraft]}
`)
	for path, body := range map[string]string{
		"/fal/run/fal-ai/recraft/v3/text-to-image": `{"prompt":"a cat","style":"vector_illustration/line_art"}`,
		"/v1/images/generations":                   `{"model":"gpt-image-2.6-flare","prompt":"a cat","output_format":"svg"}`,
	} {
		k.world.Fal.Reset()
		before := len(k.rows())
		a := k.post(path, body)
		if a.status != 200 || a.header.Get("X-Switchyard-Fidelity") != "exact" || !bytes.Contains(a.body, []byte(`svg`)) && a.images(t)[0][0] != '<' {
			t.Errorf("%s: %d, %s: %.300s", path, a.status, a.header.Get("X-Switchyard-Fidelity"), a.body)
		}
		if rows := k.rows()[before:]; len(rows) != 1 || rows[0].Cost.Amount != k.world.Fal.Total() || rows[0].Cost.Amount != 8*switchyard.Dollar/100 {
			t.Errorf("%s: billed %v, booked %+v", path, k.world.Fal.Total(), rows)
		}
	}
}

// TestVectorsAreQueued: the same by fal's queue, whose result is kept until the app comes for it.
func TestVectorsAreQueued(t *testing.T) {
	k := startKit(t, "providers:\n  fal: {<fal>}\n")
	a := k.post("/fal/queue/fal-ai/recraft/v3/text-to-image", `{"prompt":"a cat","style":"vector_illustration"}`)
	var job struct {
		ID string `json:"request_id"`
	}
	if err := json.Unmarshal(a.body, &job); err != nil || job.ID == "" {
		t.Fatalf("%d %s", a.status, a.body)
	}
	at := "/fal/queue/fal-ai/recraft/requests/" + job.ID
	eventually(t, func() (answer, bool) {
		a := k.do(t.Context(), http.MethodGet, at+"/status", "")
		return a, bytes.Contains(a.body, []byte(`"COMPLETED"`))
	})
	for range 2 { // as often as it likes
		a = k.do(t.Context(), http.MethodGet, at, "")
		if a.status != 200 || !bytes.Contains(a.body, []byte(`"url":"data:image/svg+xml;base64,`)) {
			t.Errorf("%d %.300s", a.status, a.body)
		}
	}
}
