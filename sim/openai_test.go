package sim_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/png"
	"mime/multipart"
	"strings"
	"testing"

	"switchyard"
	"switchyard/sim"
)

const (
	openaiAuth  = "Authorization: Bearer sk-sim"
	generations = "/v1/images/generations"
	edits       = "/v1/images/edits"
)

func TestOpenAIWire(t *testing.T) {
	w := start(t, sim.Config{})
	exchange(t, w.OpenAI.URL, openaiAuth, []wire{
		{name: "plain", path: generations, body: `{"model":"gpt-image-2","prompt":"a cat","quality":"low"}`, status: 200, want: []string{`"b64_json":"`, `"size":"1024x1024"`, `"output_tokens":196`, `"quality":"low"`, `"input_tokens_details"`}},
		{name: "null is absent", path: generations, body: `{"model":"gpt-image-2","prompt":"a cat","quality":"low","n":null,"response_format":null}`, status: 200},
		{name: "no key", path: generations, header: []string{}, body: `{}`, status: 401, want: []string{"You didn't provide an API key.", `"code":null`}},
		{name: "wrong key is quoted", path: generations, header: []string{"Authorization: Bearer sk-test"}, body: `{}`, status: 401, want: []string{"Incorrect API key provided: sk-test. You can find", `"code":"invalid_api_key"`}},
		{name: "dall-e option", path: generations, body: `{"model":"gpt-image-1-mini","prompt":"a cat","response_format":"b64_json"}`, status: 400, want: []string{`"Unknown parameter: 'response_format'."`, `"param":"response_format"`, `"code":"unknown_parameter"`}},
		{name: "seed", path: generations, body: `{"model":"gpt-image-2","prompt":"a cat","seed":7}`, status: 400, want: []string{`Unknown parameter: 'seed'.`}},
		{name: "unknown model", path: generations, body: `{"model":"nope","prompt":"a cat"}`, status: 404, want: []string{"The model `nope` does not exist or you do not have access to it.", `"model_not_found"`}},
		{name: "retired", path: generations, body: `{"model":"dall-e-3","prompt":"a cat"}`, status: 404},
		{name: "size 16", path: generations, body: `{"model":"gpt-image-2","prompt":"a","size":"1666x2514"}`, status: 400, want: []string{"Invalid size '1666x2514'. Width and height must both be divisible by 16.", `"image_generation_user_error"`}},
		{name: "size ratio", path: generations, body: `{"model":"gpt-image-2","prompt":"a","size":"9:16"}`, status: 400, want: []string{"Invalid size '9:16'. Expected WIDTHxHEIGHT, for example '1824x1024'."}},
		{name: "size 4K square", path: generations, body: `{"model":"gpt-image-2","prompt":"a","size":"4096x4096"}`, status: 400},
		{name: "fixed sizes", path: generations, body: `{"model":"gpt-image-1.5","prompt":"a","size":"512x512"}`, status: 400, want: []string{"Supported values are: '1024x1024', '1536x1024', '1024x1536', and 'auto'."}},
		{name: "quality of another", path: generations, body: `{"model":"gpt-image-2","prompt":"a","quality":"xhigh"}`, status: 400, want: []string{"The model 'gpt-image-2' does not support quality 'xhigh'"}},
		{name: "quality", path: generations, body: `{"model":"gpt-image-2","prompt":"a","quality":"ultra"}`, status: 400, want: []string{"Invalid value: 'ultra'. Supported values are: 'low', 'medium', 'high', and 'auto'."}},
		{name: "eleven", path: generations, body: `{"model":"gpt-image-2","prompt":"a","n":11}`, status: 400, want: []string{`"param":"n"`}},
		{name: "n as text", path: generations, body: `{"model":"gpt-image-2","prompt":"a","n":"2"}`, status: 400, want: []string{`"invalid_type"`}},
		{name: "no prompt", path: generations, body: `{"model":"gpt-image-2"}`, status: 400, want: []string{"Missing required parameter: 'prompt'."}},
		{name: "moderated", path: generations, body: `{"model":"gpt-image-2","prompt":"[sim:filter]"}`, status: 400, want: []string{`"moderation_blocked"`, "include the request ID req_", "safety_violations=[violence]"}},
		{name: "limited", path: generations, body: `{"model":"gpt-image-2","prompt":"[sim:rate_limit]"}`, status: 429, want: []string{`"type":"input-images"`, "Please try again in 12s."}},
		{name: "empty account", path: generations, body: `{"model":"gpt-image-2","prompt":"[sim:quota]"}`, status: 429, want: []string{`"insufficient_quota"`}},
		{name: "edit without image", path: edits, body: `{"model":"gpt-image-2","prompt":"a"}`, status: 400, want: []string{"Missing required parameter: 'images'."}},
		{name: "fidelity of the newer", path: edits, body: `{"model":"gpt-image-2","prompt":"a","images":[],"input_fidelity":"high"}`, status: 400, want: []string{"Unknown parameter: 'input_fidelity'."}},
		{name: "variations", path: "/v1/images/variations", body: `{}`, status: 404, want: []string{"Invalid URL (POST /v1/images/variations)"}},
		{name: "models", method: "GET", path: "/v1/models", status: 200, want: []string{`"gpt-image-2.6-flare"`}, not: []string{"dall-e", `"gpt-image-1"`}},
	})
}

func TestOpenAIHeaders(t *testing.T) {
	w := start(t, sim.Config{})
	r := call(t, "POST", w.OpenAI.URL+generations, `{"model":"gpt-image-2","prompt":"[sim:rate_limit]"}`, openaiAuth)
	if r.header.Get("Retry-After") != "12" || r.header.Get("Retry-After-Ms") != "12000" || !strings.HasPrefix(r.header.Get("X-Request-Id"), "req_") || r.header.Get("Set-Cookie") == "" {
		t.Errorf("headers %v", r.header)
	}
}

func TestOpenAIPicturesStreamAndBill(t *testing.T) {
	w := start(t, sim.Config{})
	r := call(t, "POST", w.OpenAI.URL+generations, `{"model":"gpt-image-2.5-flare","prompt":"a cat","n":2,"size":"1536x864","quality":"medium","output_format":"jpeg","output_compression":80,"safety_identifier":"u-1"}`, openaiAuth)
	v := r.json(t)
	for i := range 2 {
		checkPicture(t, unbase64(t, at(v, "data", i, "b64_json")), "jpeg", switchyard.Size{Width: 1536, Height: 864}, sim.Mark{Provider: "openai", Prompt: sim.PromptMark("a cat"), Index: i})
	}
	if at(v, "usage", "output_tokens") != 800.0 || at(v, "safety_identifier") != "u-1" {
		t.Errorf("answer %v %v", at(v, "usage"), at(v, "safety_identifier"))
	}
	in := switchyard.Money(at(v, "usage", "input_tokens").(float64))
	if got, want := w.OpenAI.Total(), in*5000+800*30_000; got != want {
		t.Errorf("billed %v, want %v", got, want)
	}

	r = call(t, "POST", w.OpenAI.URL+generations, `{"model":"gpt-image-2","prompt":"a cat","quality":"low","stream":true,"partial_images":1}`, openaiAuth)
	events := strings.Split(strings.TrimSuffix(string(r.body), "\n\n"), "\n\n")
	if len(events) != 2 || !strings.HasPrefix(events[0], "event: image_generation.partial_image\ndata: {") ||
		!strings.HasPrefix(events[1], "event: image_generation.completed\ndata: {") || !strings.Contains(events[1], `"output_tokens":296`) {
		t.Errorf("%d events, %.100q", len(events), r.body)
	}
}

// form is a multipart body; a part whose name ends in = is text, all others files.
func form(t *testing.T, parts ...string) (string, string) {
	t.Helper()
	var buf bytes.Buffer
	m := multipart.NewWriter(&buf)
	for i := 0; i < len(parts); i += 2 {
		name, text := strings.CutSuffix(parts[i], "=")
		if text {
			_ = m.WriteField(name, parts[i+1])
			continue
		}
		f, err := m.CreateFormFile(name, "blob")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = f.Write([]byte(parts[i+1]))
	}
	_ = m.Close()
	return buf.String(), "Content-Type: " + m.FormDataContentType()
}

func mask(t *testing.T, w, h int) string {
	t.Helper()
	var buf bytes.Buffer
	if err := png.Encode(&buf, image.NewNRGBA(image.Rect(0, 0, w, h))); err != nil {
		t.Fatal(err)
	}
	return buf.String()
}

func TestOpenAIEdits(t *testing.T) {
	w := start(t, sim.Config{})
	size := switchyard.Size{Width: 256, Height: 128}
	ref := string(sim.Picture(size, "png", sim.Art{}))
	want := sim.Mark{Provider: "openai", Prompt: sim.PromptMark("add a red hat"), References: 2, Mask: true}

	body, kind := form(t, "model=", "gpt-image-2", "prompt=", "add a red hat", "quality=", "low", "mask", mask(t, 256, 128), "n=", "1", "size=", "1024x1024", "image[]", ref, "image[]", ref)
	r := call(t, "POST", w.OpenAI.URL+edits, body, openaiAuth, kind)
	v := r.json(t)
	checkPicture(t, unbase64(t, at(v, "data", 0, "b64_json")), "png", switchyard.Size{Width: 1024, Height: 1024}, want)
	if at(v, "usage", "input_tokens_details", "image_tokens") != 2920.0 {
		t.Errorf("usage %v", at(v, "usage"))
	}

	uri := "data:image/png;base64," + base64.StdEncoding.EncodeToString([]byte(ref))
	r = call(t, "POST", w.OpenAI.URL+edits, fmt.Sprintf(`{"model":"gpt-image-1.5","prompt":"add a red hat","images":[{"image_url":%q},{"file_id":"file-abc"}],"mask":{"image_url":%q},"input_fidelity":"high","quality":"low"}`,
		uri, "data:image/png;base64,"+base64.StdEncoding.EncodeToString([]byte(mask(t, 256, 128)))), openaiAuth)
	checkPicture(t, unbase64(t, at(r.json(t), "data", 0, "b64_json")), "png", switchyard.Size{Width: 1024, Height: 1024}, want)

	for name, parts := range map[string][]string{
		"mask size does not match image size": {"image", ref, "mask", mask(t, 100, 100)},
		"missing alpha channel":               {"image", ref, "mask", string(sim.Picture(size, "png", sim.Art{}))},
		"Invalid image file or mode":          {"image", "no image"},
		"Missing required parameter: 'image'": {},
	} {
		body, kind := form(t, append([]string{"model=", "gpt-image-2", "prompt=", "x"}, parts...)...)
		if r := call(t, "POST", w.OpenAI.URL+edits, body, openaiAuth, kind); r.status != 400 || !strings.Contains(string(r.body), name) {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
}

func TestDalleWhenAlive(t *testing.T) {
	w := start(t, sim.Config{Behaviors: map[string]sim.Behavior{"openai": {Alive: []string{"dall-e-*"}}}})
	r := call(t, "POST", w.OpenAI.URL+generations, `{"model":"dall-e-3","prompt":"a cat","size":"1792x1024","quality":"hd","style":"natural"}`, openaiAuth)
	v := r.json(t)
	link, _ := at(v, "data", 0, "url").(string)
	checkPicture(t, call(t, "GET", link, "").body, "png", switchyard.Size{Width: 1792, Height: 1024}, sim.Mark{Provider: "openai", Prompt: sim.PromptMark("a cat")})
	if got := w.OpenAI.Total(); got != 12*switchyard.Dollar/100 {
		t.Errorf("billed %v", got)
	}
}

func TestChatStreams(t *testing.T) {
	w := start(t, sim.Config{})
	r := call(t, "POST", w.OpenAI.URL+"/v1/chat/completions", `{"model":"gpt-5.5-mini","stream":true,"messages":[{"role":"user","content":"hi"}]}`, openaiAuth)
	if n := strings.Count(string(r.body), "data: "); n != 21 || !strings.HasSuffix(string(r.body), "data: [DONE]\n\n") {
		t.Errorf("%d chunks, %.200q", n, r.body)
	}
}
