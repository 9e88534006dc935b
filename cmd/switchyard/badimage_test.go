package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestAnImageThatCannotBeRead: every app is told that it is the image, in its provider's own words where those are known, also one that
// comes back for a job.
func TestAnImageThatCannotBeRead(t *testing.T) {
	k := startKit(t, `
providers:
  openai: {<openai>}
  fal: {<fal>}
targets:
  gpt: {provider: openai, model: gpt-image-2}
  flux: {provider: fal, model: fal-ai/flux/dev}
routes:
  - {name: others, when: request.dialect == "openai", targets: [flux]}
  - {name: all, targets: [gpt]}
`)
	const (
		broken = "data:image/png;base64,aGVsbG8="
		flux   = `{"prompt":"a fox","image_url":"` + broken + `"}`
		dev    = "/replicate/v1/models/black-forest-labs/flux-dev/predictions"
		input  = `{"input":{"prompt":"a fox","image":"` + broken + `"}}`
	)
	auth := []string{"Authorization", "Bearer an-app", "X-Goog-Api-Key", "an-app"}
	for name, c := range map[string]struct {
		path, body string
		status     int
		says       string
	}{
		"fal":                  {"/fal/run/fal-ai/flux/dev/image-to-image", flux, 422, `"type":"image_load_error"`},
		"fal, a job":           {"/fal/queue/fal-ai/flux/dev/image-to-image", flux, 422, `"type":"image_load_error"`},
		"replicate":            {dev + "?wait", input, 422, "Failed to load an image"},
		"replicate, not there": {dev, input, 200, `"error":"Failed to load an image of the input."`},
		"openai":               {"/v1/images/edits", `{"model":"gpt-image-2","prompt":"a fox","images":[{"image_url":"` + broken + `"}]}`, 400, "An image of the request could not be read."},
		"gemini": {
			"/v1beta/models/gemini-nano-banana-2.1:generateContent",
			`{"contents":[{"parts":[{"text":"a fox"},{"inlineData":{"mimeType":"image/png","data":"aGVsbG8="}}]}]}`, 400, "An image of the request could not be read.",
		},
	} {
		t.Run(name, func(t *testing.T) {
			path, waits := strings.CutSuffix(c.path, "?wait")
			headers := auth
			if waits {
				headers = append(slices.Clone(auth), "Prefer", "wait")
			}
			a := k.post(path, c.body, headers...)
			var job struct {
				Response string `json:"response_url"`
				URLs     struct{ Get string }
			}
			if err := json.Unmarshal(a.body, &job); err != nil {
				t.Fatalf("%d %s", a.status, a.body)
			}
			if address := job.Response + job.URLs.Get; address != "" {
				a = eventually(t, func() (answer, bool) {
					a := k.do(t.Context(), http.MethodGet, k.pathOf(address), "", auth...)
					over := strings.Contains(string(a.body), `"completed_at"`) || job.Response != "" && !strings.Contains(string(a.body), "still in progress")
					return a, over
				})
			}
			if a.status != c.status || !strings.Contains(string(a.body), c.says) {
				t.Errorf("%d %s", a.status, a.body)
			}
		})
	}
	if n := len(k.world.OpenAI.Bill()) + len(k.world.Fal.Bill()); n != 0 {
		t.Errorf("%d pictures were paid for", n)
	}
}
