package sim_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"switchyard"
	"switchyard/sim"
)

const googleAuth = "x-goog-api-key: AIzaSySIMKEY"

const imagen = "/v1beta/models/imagen-4.0-generate-001:predict"

func unbase64(t *testing.T, v any) []byte {
	t.Helper()
	s, _ := v.(string)
	data, err := base64.StdEncoding.DecodeString(s)
	if err != nil || s == "" {
		t.Fatalf("%.40q: %v", s, err)
	}
	return data
}

func TestImagenWire(t *testing.T) {
	w := start(t, sim.Config{Imagen: true})
	exchange(t, w.Google.URL, googleAuth, []wire{
		{name: "minimal asks for four", path: imagen, body: `{"instances":[{"prompt":"a cat"}]}`, status: 200, want: []string{`"predictions":[`, `"mimeType":"image/png"`}},
		{name: "key in query", path: imagen + "?key=AIzaSySIMKEY", header: []string{}, body: `{"instances":[{"prompt":"a cat"}],"parameters":{"sampleCount":1}}`, status: 200},
		{name: "colon encoded", path: strings.Replace(imagen, ":", "%3A", 1), body: `{"instances":[{"prompt":"a cat"}],"parameters":{"sampleCount":1}}`, status: 200},
		{name: "case does not matter", path: imagen, body: `{"instances":[{"prompt":"a cat"}],"parameters":{"sampleCount":1,"personGeneration":"allow_adult","safetySetting":"block_low_and_above","sampleImageSize":"1k"}}`, status: 200},
		{name: "positive prompt last", path: imagen, body: `{"instances":[{"prompt":"a cat"}],"parameters":{"sampleCount":1,"includeSafetyAttributes":true}}`, status: 200, want: []string{`"contentType":"Positive Prompt"`, "Death, Harm"}},
		{name: "no key", path: imagen, header: []string{}, body: `{}`, status: 403, want: []string{"unregistered callers", `"status":"PERMISSION_DENIED"`}},
		{name: "wrong key is 400", path: imagen, header: []string{"x-goog-api-key: nope"}, body: `{}`, status: 400, want: []string{"API_KEY_INVALID", "API key not valid. Please pass a valid API key."}},
		{name: "key as bearer", path: imagen, header: []string{"Authorization: Bearer AIzaSySIMKEY"}, body: `{}`, status: 401, want: []string{`"UNAUTHENTICATED"`}},
		{name: "missing prompt", path: imagen, body: `{"instances":[{}]}`, status: 400, want: []string{"Request contains an invalid argument."}},
		{name: "five images", path: imagen, body: `{"instances":[{"prompt":"a"}],"parameters":{"sampleCount":5}}`, status: 400, want: []string{`"INVALID_ARGUMENT"`}},
		{name: "ratio", path: imagen, body: `{"instances":[{"prompt":"a"}],"parameters":{"aspectRatio":"2:3"}}`, status: 400},
		{name: "safety setting", path: imagen, body: `{"instances":[{"prompt":"a"}],"parameters":{"safetySetting":"BLOCK_NONE"}}`, status: 400, want: []string{"Only block_low_and_above is supported"}},
		{name: "broken json", path: imagen, body: `{"instances":`, status: 400, want: []string{"Invalid JSON payload received."}},
		{name: "prompt filtered", path: imagen, body: `{"instances":[{"prompt":"[sim:filter] a"}]}`, status: 400, want: []string{"Responsible AI practices", "Support codes: 42876398"}},
		{name: "all filtered in silence", path: imagen, body: `{"instances":[{"prompt":"[sim:filter_output] a"}]}`, status: 200, not: []string{"predictions", "rai"}},
		{name: "all filtered with reason", path: imagen, body: `{"instances":[{"prompt":"[sim:filter_output] a"}],"parameters":{"includeRaiReason":true}}`, status: 200, want: []string{`"raiFilteredReason":"Unable to show generated images.`}},
		{name: "one filtered", path: imagen, body: `{"instances":[{"prompt":"[sim:filter_some] a"}],"parameters":{"includeRaiReason":true}}`, status: 200, want: []string{"filtered out 1 generated images"}},
		{name: "wrong method", path: "/v1beta/models/imagen-4.0-generate-001:generateContent", body: `{}`, status: 404, want: []string{"is not found for API version v1beta, or is not supported for generateContent"}},
		{name: "unknown model", path: "/v1beta/models/nope:predict", body: `{}`, status: 404, want: []string{"models/nope is not found for API version v1beta, or is not supported for predict. Call ListModels"}},
		{name: "list", method: "GET", path: "/v1beta/models?pageSize=3", status: 200, want: []string{`"nextPageToken":"3"`, `"supportedGenerationMethods":["predict"]`}},
	})
	w.Google.Update(func(b *sim.Behavior) { b.Alive = nil })
	exchange(t, w.Google.URL, googleAuth, []wire{
		{name: "shut down", path: imagen, body: `{"instances":[{"prompt":"a"}]}`, status: 404, want: []string{"This model models/imagen-4.0-generate-001 is no longer available."}},
		{name: "not listed", method: "GET", path: "/v1beta/models", status: 200, not: []string{"imagen"}},
		{name: "but still described", method: "GET", path: "/v1beta/models/imagen-4.0-generate-001", status: 200, want: []string{`"name":"models/imagen-4.0-generate-001"`}},
	})
}

func TestVertexWire(t *testing.T) {
	const (
		project  = "/v1beta1/projects/sim-project/locations/us-central1"
		imagen   = project + "/publishers/google/models/imagen-4.0-generate-001:predict"
		banana   = "/v1/projects/sim-project/locations/global/publishers/google/models/gemini-nano-banana-2.1:generateContent"
		expressB = "/v1/publishers/google/models/gemini-nano-banana-2.1:generateContent"
		drawn    = `{"instances":[{"prompt":"a cat"}],"parameters":{"sampleCount":1`
		cat      = `{"contents":[{"role":"user","parts":[{"text":"a cat"}]}]`
	)
	w := start(t, sim.Config{Imagen: true})
	exchange(t, w.Google.CloudURL, "Authorization: Bearer "+sim.CloudToken, []wire{
		{name: "Imagen", path: imagen, body: drawn + `,"safetySetting":"BLOCK_ONLY_HIGH","negativePrompt":"dog","enhancePrompt":false},"labels":{"team":"a"}}`, status: 200, want: []string{`"bytesBase64Encoded"`}},
		{name: "a seed wants no watermark", path: imagen, body: drawn + `,"seed":5}}`, status: 400, want: []string{"Seed is not supported when watermark is enabled"}},
		{name: "a seed", path: imagen, body: drawn + `,"seed":5,"addWatermark":false}}`, status: 200},
		{name: "to a bucket", path: imagen, body: drawn + `,"storageUri":"gs://b/p/"}}`, status: 200, want: []string{`"gcsUri":"gs://b/p/1763841600000/sample_0.png"`}, not: []string{"bytesBase64Encoded"}},
		{name: "Gemini", path: banana, body: cat + `,"labels":{"team":"a"}}`, status: 200, want: []string{`"mimeType":"image/jpeg"`}},
		{name: "Gemini's types", path: banana, body: cat + `,"generationConfig":{"imageConfig":{"imageOutputOptions":{"mimeType":"image/png"}}}}`, status: 200, want: []string{`"mimeType":"image/png"`}},
		{name: "a file in a bucket", path: banana, body: `{"contents":[{"role":"user","parts":[{"text":"a cat"},{"fileData":{"mimeType":"image/png","fileUri":"gs://b/cat.png"}}]}]}`, status: 200},
		{name: "express mode by key", path: expressB, header: []string{googleAuth}, body: cat + `}`, status: 200},
		{name: "a project by key", path: banana, header: []string{googleAuth}, body: cat + `}`, status: 200},
		{name: "express mode by token", path: expressB, body: cat + `}`, status: 401, want: []string{`"UNAUTHENTICATED"`}},
		{name: "no credential", path: banana, header: []string{}, body: cat + `}`, status: 401, want: []string{"CREDENTIALS_MISSING"}},
		{name: "wrong token", path: banana, header: []string{"Authorization: Bearer ya29.nope"}, body: cat + `}`, status: 401, want: []string{"ACCESS_TOKEN_TYPE_UNSUPPORTED"}},
		{name: "another's project", path: strings.Replace(banana, "sim-project", "theirs", 1), body: cat + `}`, status: 403, want: []string{"IAM_PERMISSION_DENIED", "aiplatform.endpoints.predict"}},
		{name: "unknown model", path: project + "/publishers/google/models/nope:predict", body: `{}`, status: 404, want: []string{"Publisher Model `projects/sim-project/locations/us-central1/publishers/google/models/nope` was not found"}},
		{name: "the Gemini API's path", path: "/v1beta/models/gemini-nano-banana-2.1:generateContent", body: cat + `}`, status: 404},
		{name: "out of quota", path: banana, body: `{"contents":[{"role":"user","parts":[{"text":"[sim:rate_limit] a cat"}]}]}`, status: 429, want: []string{"error-code-429"}, not: []string{"RetryInfo"}},
	})
	w.Google.Update(func(b *sim.Behavior) { b.Alive = nil })
	exchange(t, w.Google.CloudURL, "Authorization: Bearer "+sim.CloudToken, []wire{
		{name: "shut down", path: imagen, body: drawn + `}}`, status: 404, want: []string{"was not found"}},
	})
}

func TestImagenPicturesAndBill(t *testing.T) {
	w := start(t, sim.Config{Imagen: true})
	r := call(t, "POST", w.Google.URL+imagen, `{"instances":[{"prompt":"a cat"}],"parameters":{"sampleCount":2,"aspectRatio":"16:9","sampleImageSize":"2K","outputOptions":{"mimeType":"image/jpeg"}}}`, googleAuth, "X-Request-Id: r-1")
	v := r.json(t)
	for i := range 2 {
		checkPicture(t, unbase64(t, at(v, "predictions", i, "bytesBase64Encoded")), "jpeg", switchyard.Size{Width: 2816, Height: 1536},
			sim.Mark{Provider: "google", Prompt: sim.PromptMark("a cat"), Index: i})
	}
	bill := w.Google.Bill()
	if len(bill) != 1 || bill[0].Amount != 8*switchyard.Dollar/100 || bill[0].Images != 2 || bill[0].RequestID != "r-1" {
		t.Errorf("bill %+v", bill)
	}
}

const banana = "/v1/models/gemini-nano-banana-2.1:generateContent"

func contents(parts string) string { return `{"contents":[{"role":"user","parts":[` + parts + `]}]` }

func TestContentWire(t *testing.T) {
	w := start(t, sim.Config{})
	cat := contents(`{"text":"a cat"}`)
	dot := base64.StdEncoding.EncodeToString(sim.Picture(switchyard.Size{Width: 320, Height: 180}, "png", sim.Art{}))
	urlSafe := strings.NewReplacer("+", "-", "/", "_", "=", "").Replace(dot)
	ref := func(data string) string { return `{"inlineData":{"mimeType":"image/png","data":"` + data + `"}}` }
	exchange(t, w.Google.URL, googleAuth, []wire{
		{name: "plain", path: banana, body: cat + `}`, status: 200, want: []string{`"finishReason":"STOP"`, `"mimeType":"image/jpeg"`, `"tokenCount":1120`}},
		{name: "snake case", path: banana, body: cat + `,"generation_config":{"response_modalities":["image"],"image_config":{"aspect_ratio":"1:8"}}}`, status: 200},
		{name: "both alphabets", path: banana, body: contents(ref(dot)+`,`+ref(urlSafe)+`,{"text":"blend"}`) + `}`, status: 200},
		{name: "not an image", path: banana, body: contents(ref("aGVsbG8=")+`,{"text":"blend"}`) + `}`, status: 400, want: []string{"Request contains an invalid argument."}},
		{name: "unknown at the top", path: banana, body: cat + `,"foo":1}`, status: 400, want: []string{`Unknown name \"foo\": Cannot find field.`, "fieldViolations"}},
		{name: "a format in figures", path: banana, body: cat + `,"generationConfig":{"responseFormat":{"image":{"aspectRatio":"16:9","imageSize":"2K"}}}}`, status: 200},
		{name: "a format in words", path: banana, body: cat + `,"generationConfig":{"responseFormat":[{"image":{"aspectRatio":"ASPECT_RATIO_SIXTEEN_BY_NINE","imageSize":"IMAGE_SIZE_TWO_K","mimeType":"IMAGE_PNG"}}]}}`, status: 200, want: []string{`"mimeType":"image/png"`}},
		{name: "a format that is none", path: banana, body: cat + `,"generationConfig":{"responseFormat":{"image":{"aspectRatio":"ASPECT_RATIO_WIDE"}}}}`, status: 400},
		{name: "unknown below", path: banana, body: cat + `,"generationConfig":{"imageConfig":{"personGeneration":"ALLOW_ALL"}}}`, status: 400, want: []string{`Unknown name \"personGeneration\" at 'generation_config.image_config': Cannot find field.`}},
		{name: "labels are Vertex's", path: banana, body: cat + `,"labels":{"a":"b"}}`, status: 400, want: []string{"Cannot find field"}},
		{name: "two candidates", path: banana, body: cat + `,"generationConfig":{"candidateCount":2}}`, status: 400},
		{name: "small k", path: banana, body: cat + `,"generationConfig":{"imageConfig":{"imageSize":"1k"}}}`, status: 400},
		{name: "wrong type", path: banana, body: cat + `,"generationConfig":{"seed":"7"}}`, status: 400, want: []string{"Invalid value at 'generation_config.seed' (TYPE_INT32)"}},
		{name: "ratio of another model", path: "/v1beta/models/gemini-3-pro-image:generateContent", body: cat + `,"generationConfig":{"imageConfig":{"aspectRatio":"1:8"}}}`, status: 400},
		{name: "size on 2.5", path: "/v1beta/models/gemini-2.5-flash-image:generateContent", body: cat + `,"generationConfig":{"imageConfig":{"imageSize":"1K"}}}`, status: 400},
		{name: "prompt blocked is 200", path: banana, body: contents(`{"text":"[sim:filter]"}`) + `}`, status: 200, want: []string{`"blockReason":"PROHIBITED_CONTENT"`}, not: []string{"candidates\""}},
		{name: "output filtered", path: banana, body: contents(`{"text":"[sim:filter_output]"}`) + `}`, status: 200, want: []string{`"finishReason":"IMAGE_SAFETY"`, `"content":{}`}},
		{name: "no image", path: banana, body: contents(`{"text":"[sim:empty]"}`) + `}`, status: 200, want: []string{`"NO_IMAGE"`}},
		{name: "quota", path: banana, body: contents(`{"text":"[sim:rate_limit]"}`) + `}`, status: 429, want: []string{`"retryDelay":"21s"`, "PerMinute", `"RESOURCE_EXHAUSTED"`}},
		{name: "preview is dead", path: "/v1beta/models/gemini-3-pro-image-preview:generateContent", body: cat + `}`, status: 404, want: []string{"is no longer available"}},
		{name: "no such version", path: "/v9/models/x:generateContent", body: cat + `}`, status: 404},
	})
}

func TestContentPictureDraftAndBill(t *testing.T) {
	w := start(t, sim.Config{})
	body := contents(`{"text":"a cat"}`) + `,"generationConfig":{"responseModalities":["IMAGE"],"imageConfig":{"aspectRatio":"16:9","imageSize":"1K"}}}`
	r := call(t, "POST", w.Google.URL+banana, body, googleAuth)
	checkPicture(t, unbase64(t, at(r.json(t), "candidates", 0, "content", "parts", 0, "inlineData", "data")), "jpeg",
		switchyard.Size{Width: 1376, Height: 768}, sim.Mark{Provider: "google", Prompt: sim.PromptMark("a cat")})
	// 4 tokens in at 1.50, 1120 at 30 dollars a million
	if got, want := w.Google.Total(), switchyard.Money(4*1500+1120*30_000); got != want {
		t.Errorf("billed %v, want %v", got, want)
	}

	r = call(t, "POST", w.Google.URL+"/v1beta/models/gemini-3-pro-image:streamGenerateContent?alt=sse", body, googleAuth)
	if got := r.header.Get("Content-Type"); got != "text/event-stream" {
		t.Errorf("content type %q", got)
	}
	events := strings.Split(strings.TrimSuffix(string(r.body), "\n\n"), "\n\n")
	for i, e := range events {
		if !strings.HasPrefix(e, "data: {") || strings.Contains(e, "\n") {
			t.Errorf("event %d is %.60q", i, e)
		}
	}
	if !strings.Contains(events[1], `"thought":true`) || !strings.Contains(events[len(events)-1], `"thoughtsTokenCount":210`) {
		t.Errorf("no draft, or no thoughts, in %d events", len(events))
	}
}

func TestContentFollowsReference(t *testing.T) {
	w := start(t, sim.Config{})
	ref := base64.StdEncoding.EncodeToString(sim.Picture(switchyard.Size{Width: 320, Height: 180}, "png", sim.Art{}))
	body := contents(fmt.Sprintf(`{"inlineData":{"mimeType":"image/png","data":%q}},{"text":"in snow"}`, ref)) + `,"generationConfig":{"responseModalities":["IMAGE"]}}`
	r := call(t, "POST", w.Google.URL+"/v1beta/models/gemini-2.5-flash-image:generateContent", body, googleAuth)
	checkPicture(t, unbase64(t, at(r.json(t), "candidates", 0, "content", "parts", 0, "inlineData", "data")), "png",
		switchyard.Size{Width: 1344, Height: 768}, sim.Mark{Provider: "google", Prompt: sim.PromptMark("in snow"), References: 1})
}
