package e2e

import (
	"fmt"
	"strings"
	"testing"

	"switchyard/sim"
)

// TestReferences is every app that can send a picture along, in front of every provider.
func TestReferences(t *testing.T) {
	w := simulate(t)
	root := serve(t, crossing(w))
	ref := []string{reference(t)}
	apps := []front{
		{name: "openai", path: "/v1", job: job{SDK: "openai", Call: "edit", Model: "gpt-image-2"}},
		{name: "vercel-openai", path: "/v1", job: job{SDK: "vercel", Form: "openai", Call: "generate", Model: "gpt-image-2"}},
		{name: "go-openai", path: "/v1", job: job{SDK: "go-openai", Call: "edit", Model: "gpt-image-2"}},
		{name: "gemini", job: job{SDK: "genai", Call: "generate", Model: "gemini-nano-banana-2.1"}},
		{name: "vercel-gemini", path: "/v1beta", job: job{SDK: "vercel", Form: "google", Call: "generate", Model: "gemini-nano-banana-2.1"}},
		{name: "go-gemini", job: job{SDK: "go-genai", Call: "generate", Model: "gemini-nano-banana-2.1"}},
		{name: "fal", job: job{SDK: "fal", Form: "proxy", Call: "run", Model: "fal-ai/flux/dev/image-to-image"}},
		{name: "fal-edit", job: job{SDK: "fal", Call: "run", Model: "fal-ai/nano-banana/edit", Many: true}},
		{name: "vercel-fal", path: "/fal/run", job: job{SDK: "vercel", Form: "fal", Call: "generate", Model: "fal-ai/flux/dev/image-to-image"}},
		{name: "fal-upload", job: job{SDK: "fal", Form: "proxy", Call: "upload", Model: "fal-ai/flux/dev/image-to-image"}},
		{name: "fal-upload-middleware", job: job{SDK: "fal", Call: "upload", Model: "fal-ai/flux/dev/image-to-image"}},
		{name: "replicate", path: "/replicate/v1", job: job{SDK: "replicate", Call: "run", Model: "black-forest-labs/flux-dev"}},
		{name: "replicate-files", path: "/replicate/v1", job: job{SDK: "replicate", Call: "run", Model: "black-forest-labs/flux-dev", Files: "upload"}},
		{name: "vercel-replicate", path: "/replicate/v1", job: job{SDK: "vercel", Form: "replicate", Call: "generate", Model: "black-forest-labs/flux-dev"}},
		{name: "go-replicate", path: "/replicate/v1", job: job{SDK: "go-replicate", Call: "block", Model: "black-forest-labs/flux-dev"}},
		{name: "go-replicate-files", path: "/replicate/v1", job: job{SDK: "go-replicate", Call: "create", Model: "black-forest-labs/flux-dev", Files: "upload"}},
	}
	for _, f := range apps {
		f.free, f.job.Images = true, ref
		for _, b := range behind {
			t.Run(f.name+"/"+b.provider, func(t *testing.T) {
				t.Parallel()
				prompt := fmt.Sprintf("the same at night, from %s by %s", f.name, b.provider)
				checkPictures(t, f, f.at(root, "sk-to-refs-"+b.provider, prompt).do(t), b.provider, prompt)
				checkBill(t, w, w.Provider(b.provider), prompt, bill{1, 1})
			})
		}
	}
}

// TestNative is apps with their own keys, in front of their own provider: a transparent proxy, without any routes.
func TestNative(t *testing.T) {
	w := simulate(t)
	root := serve(t, configured(w, false, ""))
	t.Cleanup(func() { checkKeys(t, w) })
	for _, f := range fronts {
		provider := f.provider()
		if provider == "imagen" {
			continue // TestDead
		}
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			prompt := "at home from " + f.name
			checkPictures(t, f, f.at(root, f.own(w.Provider(provider)), prompt).do(t), provider, prompt)
			want := bill{1, f.images()}
			if f.alone {
				want.charges = want.images
			}
			checkBill(t, w, w.Provider(provider), prompt, want)
		})
	}
	for _, sdk := range []string{"openai", "go-openai"} {
		t.Run("mask of "+sdk, func(t *testing.T) {
			j := job{
				SDK: sdk, Call: "edit", Base: root + "/v1", Key: w.OpenAI.Key(), Model: "gpt-image-2", Prompt: "only the sky of " + sdk,
				Images: []string{reference(t), reference(t)}, Mask: mask(t),
			}
			got := j.do(t)
			if got.Error != nil || len(got.Images) != 1 {
				t.Fatalf("%+v %+v", got, got.Error)
			}
			if m := look(t, got.Images[0]).mark; m.References != 2 || !m.Mask {
				t.Errorf("made of %+v", m)
			}
		})
	}
	t.Run("upload", func(t *testing.T) {
		j := job{
			SDK: "fal", Form: "proxy", Call: "upload", Base: root, Key: w.Fal.Key(), Model: "fal-ai/flux/dev/image-to-image",
			Prompt: "from a blob", Images: []string{reference(t)},
		}
		checkPictures(t, front{free: true, job: j}, j.do(t), "fal", j.Prompt)
	})
	for _, j := range []job{{SDK: "replicate", Call: "run"}, {SDK: "go-replicate", Call: "create"}} {
		t.Run("files of "+j.SDK, func(t *testing.T) {
			j.Base, j.Key, j.Model = root+"/replicate/v1", w.Replicate.Key(), "black-forest-labs/flux-dev"
			j.Prompt, j.Files, j.Images = "from a file of "+j.SDK, "upload", []string{reference(t)}
			checkPictures(t, front{free: true, job: j}, j.do(t), "replicate", j.Prompt)
		})
	}
	for _, sdk := range []string{"openai", "go-openai"} {
		t.Run("models of "+sdk, func(t *testing.T) {
			got := job{SDK: sdk, Call: "models", Base: root + "/v1", Key: w.OpenAI.Key()}.do(t)
			if !strings.Contains(got.Text, "gpt-image-2") {
				t.Errorf("the list is %+v %+v", got, got.Error)
			}
		})
	}
	for _, sdk := range []string{"genai", "go-genai"} { // versioned: one asks for /v1/models, as OpenAI's SDKs do
		t.Run("models of "+sdk, func(t *testing.T) {
			got := job{SDK: sdk, Call: "models", Base: root, Key: w.Google.Key()}.do(t)
			if !strings.Contains(got.Text, "gemini-nano-banana") || strings.Contains(got.Text, "gpt") {
				t.Errorf("the list is %+v %+v", got, got.Error)
			}
		})
	}
}

// TestDead is apps that name models which their providers have shut down, and have no routes for them.
func TestDead(t *testing.T) {
	w := simulate(t)
	root := serve(t, configured(w, true, ""))
	for _, f := range []front{
		{name: "imagen", job: job{SDK: "genai2", Call: "predict", Model: "imagen-4.0-generate-001", N: 2, Ratio: "16:9"}},
		{name: "vercel-imagen", path: "/v1beta", job: job{SDK: "vercel", Form: "google3", Call: "generate", Model: "imagen-4.0-fast-generate-001", N: 2, Ratio: "1:1"}},
		{name: "openai", path: "/v1", job: job{SDK: "openai", Call: "generate", Model: "dall-e-3", Size: "1792x1024"}},
		{name: "vercel-openai", path: "/v1", job: job{SDK: "vercel", Form: "openai", Call: "generate", Model: "dall-e-3", Size: "1024x1024"}},
		{name: "go-imagen", job: job{SDK: "go-genai", Call: "predict", Model: "imagen-4.0-ultra-generate-001", N: 1, Ratio: "9:16"}},
		{name: "vertex-imagen", path: "/vertex", job: job{SDK: "genai2", Form: "vertex", Call: "predict", Model: "imagen-4.0-generate-001", N: 2, Ratio: "16:9"}},
		{name: "go-vertex-imagen", path: "/vertex", job: job{SDK: "go-genai", Form: "vertex", Call: "predict", Model: "imagen-3.0-generate-001", N: 1, Ratio: "4:3"}},
		{name: "go-openai", path: "/v1", job: job{SDK: "go-openai", Call: "generate", Model: "dall-e-3", Size: "1024x1792"}},
	} {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			provider := strings.Replace(f.provider(), "imagen", "google", 1)
			prompt := "a dead model from " + f.name
			got := f.at(root, "any", prompt).do(t)
			checkPictures(t, f, got, provider, prompt)
			if f.name == "openai" && !strings.HasPrefix(got.Images[0].URL, root+"/assets/") {
				t.Errorf("dall-e-3 gives links, got %q", got.Images[0].URL)
			}
		})
	}
}

// TestStream is server-sent events, by the provider that was asked and by others.
func TestStream(t *testing.T) {
	w := simulate(t)
	root := serve(t, crossing(w))
	apps := []front{
		{name: "openai", path: "/v1", free: true, job: job{SDK: "openai", Call: "stream", Model: "gpt-image-2", Input: map[string]any{"partial_images": 2}}},
		{name: "gemini", free: true, job: job{SDK: "genai", Call: "stream", Model: "gemini-nano-banana-2.1"}},
		{name: "go-openai", path: "/v1", free: true, job: job{SDK: "go-openai", Call: "stream", Model: "gpt-image-2", Input: map[string]any{"partial_images": 2}}},
		{name: "go-gemini", free: true, job: job{SDK: "go-genai", Call: "stream", Model: "gemini-nano-banana-2.1"}},
	}
	for _, f := range apps {
		for _, b := range behind {
			t.Run(f.name+"/"+b.provider, func(t *testing.T) {
				t.Parallel()
				prompt := fmt.Sprintf("in bits, from %s by %s", f.name, b.provider)
				got := f.at(root, "sk-to-"+b.provider, prompt).do(t)
				checkPictures(t, f, got, b.provider, prompt)
				checkBill(t, w, w.Provider(b.provider), prompt, bill{1, 1})
				if f.job.SDK == f.name && f.provider() == b.provider && got.Partials == 0 {
					t.Error("no partial images")
				}
			})
		}
	}
}

// TestFallback is a first provider that refuses everything: the second serves, and the app sees nothing of it.
func TestFallback(t *testing.T) {
	w := simulate(t)
	w.Google.Update(func(b *sim.Behavior) { b.Fault = sim.Refuse })
	root := serve(t, configured(w, true, "targets: {first: {provider: google, model: gemini-nano-banana-2.1}, second: {provider: openai, model: gpt-image-2}}\n"+
		"routes: [{name: all, targets: [first, second]}]\n"))
	for _, f := range fronts {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			prompt := "the second from " + f.name
			checkPictures(t, f, f.at(root, "any", prompt).do(t), "openai", prompt)
		})
	}
}
