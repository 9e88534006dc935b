package e2e

import (
	"fmt"
	"strings"

	"switchyard/sim"
)

// front is an app: an SDK, and what people do with it.
type front struct {
	name  string
	job   job
	path  string // of the base URL, below Switchyard's root
	alone bool   // the SDK asks for n pictures by n requests
	free  bool   // the app names no shape
}

// fronts are the apps, each with the model that it would name anyway.
var fronts = []front{
	{name: "openai", path: "/v1", job: job{SDK: "openai", Call: "generate", Model: "gpt-image-2", N: 2, Size: "1536x1024"}},
	{name: "vercel-openai", path: "/openai/v1", job: job{SDK: "vercel", Form: "openai", Call: "generate", Model: "gpt-image-2", N: 2, Size: "1536x1024"}},
	{name: "gemini", job: job{SDK: "genai", Call: "generate", Model: "gemini-nano-banana-2.1", Ratio: "16:9"}},
	{name: "gemini-prefix", path: "/gemini", job: job{SDK: "genai", Call: "generate", Model: "gemini-nano-banana-2.1", Ratio: "9:16"}},
	{name: "vercel-gemini", path: "/v1beta", alone: true, job: job{SDK: "vercel", Form: "google", Call: "generate", Model: "gemini-nano-banana-2.1", N: 2, Ratio: "3:4"}},
	{name: "imagen", job: job{SDK: "genai2", Call: "predict", Model: "imagen-4.0-generate-001", N: 2, Ratio: "16:9"}},
	{name: "vercel-imagen", path: "/v1beta", job: job{SDK: "vercel", Form: "google3", Call: "generate", Model: "imagen-4.0-generate-001", N: 2, Ratio: "4:3"}},
	{name: "vertex", path: "/vertex", job: job{SDK: "genai", Form: "vertex", Call: "generate", Model: "gemini-nano-banana-2.1", Ratio: "16:9"}},
	{name: "vertex-imagen", path: "/vertex", job: job{SDK: "genai2", Form: "vertex", Call: "predict", Model: "imagen-4.0-generate-001", N: 2, Ratio: "9:16"}},
	{name: "fal-proxy", job: job{SDK: "fal", Form: "proxy", Call: "run", Model: "fal-ai/flux/dev", N: 2, Input: map[string]any{"image_size": "landscape_16_9"}}},
	{name: "fal-middleware", job: job{SDK: "fal", Call: "run", Model: "fal-ai/flux/dev", N: 2, Input: map[string]any{"image_size": map[string]int{"width": 768, "height": 1024}}}},
	{name: "fal-queue", job: job{SDK: "fal", Form: "proxy", Call: "subscribe", Model: "fal-ai/flux/dev", N: 2, Input: map[string]any{"image_size": "portrait_4_3"}}},
	{name: "fal-queue-middleware", job: job{SDK: "fal", Call: "subscribe", Model: "fal-ai/flux/schnell", N: 1, Input: map[string]any{"image_size": "square_hd"}}},
	{name: "vercel-fal", path: "/fal/run", alone: true, job: job{SDK: "vercel", Form: "fal", Call: "generate", Model: "fal-ai/flux/dev", N: 2, Ratio: "16:9"}},
	{name: "replicate", path: "/replicate/v1", job: job{SDK: "replicate", Call: "run", Model: "black-forest-labs/flux-schnell", N: 2, Ratio: "16:9"}},
	{name: "replicate-poll", path: "/replicate/v1", job: job{SDK: "replicate", Call: "poll", Model: "black-forest-labs/flux-schnell", N: 2, Ratio: "3:2"}},
	{name: "replicate-create", path: "/replicate/v1", job: job{SDK: "replicate", Call: "create", Model: "black-forest-labs/flux-schnell", N: 2, Ratio: "1:1"}},
	{name: "vercel-replicate", path: "/replicate/v1", alone: true, job: job{SDK: "vercel", Form: "replicate", Call: "generate", Model: "black-forest-labs/flux-schnell", N: 2, Ratio: "16:9"}},
	{name: "go-openai", path: "/openai/v1", job: job{SDK: "go-openai", Call: "generate", Model: "gpt-image-2", N: 2, Size: "1024x1536"}},
	{name: "go-gemini", path: "/gemini", job: job{SDK: "go-genai", Call: "generate", Model: "gemini-nano-banana-2.1", Ratio: "4:3"}},
	{name: "go-imagen", job: job{SDK: "go-genai", Call: "predict", Model: "imagen-4.0-generate-001", N: 2, Ratio: "3:4"}},
	{name: "go-vertex", path: "/vertex", job: job{SDK: "go-genai", Form: "vertex", Call: "generate", Model: "gemini-nano-banana-2.1", Ratio: "4:3"}},
	{name: "go-vertex-imagen", path: "/vertex", job: job{SDK: "go-genai", Form: "vertex", Call: "predict", Model: "imagen-3.0-fast-generate-001", N: 2, Ratio: "3:4"}},
	{name: "go-replicate", path: "/replicate/v1", job: job{SDK: "go-replicate", Call: "run", Model: "black-forest-labs/flux-schnell", N: 2, Ratio: "16:9"}},
	{name: "go-replicate-block", path: "/replicate/v1", job: job{SDK: "go-replicate", Call: "block", Model: "black-forest-labs/flux-schnell", N: 2, Ratio: "2:3"}},
}

// at is the app's job against Switchyard at root.
func (f front) at(root, key, prompt string) job {
	j := f.job
	j.Base, j.Key, j.Prompt = root+f.path, key, prompt
	return j
}

// own is the credential that the app has of that provider itself.
func (f front) own(p *sim.Provider) string {
	if f.job.SDK == "go-genai" && f.job.Form == "vertex" {
		return sim.CloudToken
	}
	return p.Key()
}

func (f front) images() int { return max(1, f.job.N) }

// ratio is width by height as the app asked for.
func (f front) ratio() float64 {
	shape := f.job.Ratio + f.job.Size
	switch v := f.job.Input["image_size"].(type) {
	case string:
		shape = map[string]string{"landscape_16_9": "16:9", "portrait_4_3": "3:4", "square_hd": "1:1"}[v]
	case map[string]int:
		shape = fmt.Sprintf("%d:%d", v["width"], v["height"])
	}
	var w, h float64
	if _, err := fmt.Sscanf(strings.Replace(shape, "x", ":", 1), "%g:%g", &w, &h); err != nil {
		panic("front " + f.name + " asks for no shape: " + shape)
	}
	return w / h
}

// straight are the jobs that talk to the simulated providers themselves, the SDK's own: they show that harness and
// simulation are sound, so that what fails elsewhere is Switchyard's fault.
func (f front) straight(w *sim.World, prompt string) (job, bool) {
	j, provider := f.job, f.provider()
	if f.job.Form == "proxy" || provider == "imagen" || f.name == "gemini-prefix" {
		return j, false
	}
	p := w.Provider(provider)
	j.Prompt, j.Key = prompt, f.own(p)
	j.Base = p.URL + map[string]string{"openai": "/v1", "replicate": "/v1"}[provider]
	switch {
	case f.job.Form == "vertex":
		j.Base = p.CloudURL
	case f.name == "vercel-gemini":
		j.Base += "/v1beta"
	case f.job.SDK == "fal":
		j.Hosts = map[string]string{"run": p.URL, "queue": p.QueueURL, "rest": p.RestURL}
	case f.job.Form == "fal":
		// 3.x downloads nothing from a private address that is not the base URL's own.
		j.Input = map[string]any{"fal": map[string]any{"syncMode": true}}
	}
	return j, true
}

// provider is whose protocol the app speaks; "imagen" for Google's old form.
func (f front) provider() string {
	for _, p := range []string{"imagen", "openai", "fal", "replicate"} {
		if strings.Contains(f.name, p) {
			return p
		}
	}
	return "google"
}
