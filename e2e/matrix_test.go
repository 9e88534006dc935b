package e2e

import (
	"fmt"
	"strings"
	"testing"

	"switchyard/sim"
)

// behind are the providers that do the work, and the model there.
var behind = []struct{ provider, model, refs string }{
	{"google", "gemini-nano-banana-2.1", "gemini-nano-banana-2.1"},
	{"openai", "gpt-image-2", "gpt-image-2"},
	{"fal", "fal-ai/flux/dev", "fal-ai/nano-banana/edit"},
	{"replicate", "black-forest-labs/flux-schnell", "google/nano-banana"},
}

// crossing is a config in which the app's key decides who works: sk-to-fal is served by fal. Each app named has a target
// of its own at each provider too: sk-to-fal-openai is for the app openai, served by fal.
func crossing(w *sim.World, apps ...string) string {
	var keys, targets, routes strings.Builder
	add := func(name, provider, model string) {
		fmt.Fprintf(&keys, "  - {name: %s, secret: sk-to-%s}\n", name, name)
		fmt.Fprintf(&targets, "  %s: {provider: %s, model: %s}\n", name, provider, model)
		fmt.Fprintf(&routes, "  - {name: %s, when: 'key.name == \"%s\"', targets: [%s]}\n", name, name, name)
	}
	for _, b := range behind {
		add(b.provider, b.provider, b.model)
		add("refs-"+b.provider, b.provider, b.refs)
		for _, app := range apps {
			add(b.provider+"-"+app, b.provider, b.model)
		}
	}
	return configured(w, true, "keys:\n"+keys.String()+"targets:\n"+targets.String()+"routes:\n"+routes.String())
}

// TestStraight is each SDK against its own provider, without Switchyard.
func TestStraight(t *testing.T) {
	w := simulate(t)
	w.Replicate.Update(func(b *sim.Behavior) { b.Quirks.DataURI = true }) // its SDK wants https or data
	for _, f := range fronts {
		prompt := "straight from " + f.name
		j, ok := f.straight(w, prompt)
		if !ok {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			checkPictures(t, f, j.do(t), f.provider(), prompt)
		})
	}
}

// TestMatrix is every app in front of every provider.
func TestMatrix(t *testing.T) {
	w := simulate(t)
	root := serve(t, crossing(w))
	t.Cleanup(func() { checkKeys(t, w, "sk-to-") })
	for _, f := range fronts {
		for _, b := range behind {
			t.Run(f.name+"/"+b.provider, func(t *testing.T) {
				t.Parallel()
				prompt := fmt.Sprintf("a signal box, from %s by %s", f.name, b.provider)
				checkPictures(t, f, f.at(root, "sk-to-"+b.provider, prompt).do(t), b.provider, prompt)
				want := bill{charges: 1, images: f.images()}
				if f.alone || b.provider == "google" { // Google makes one picture a request
					want.charges = want.images
				}
				checkBill(t, w, w.Provider(b.provider), prompt, want)
			})
		}
	}
}

// checkPictures wants what the app asked for, made by that provider.
func checkPictures(t *testing.T, f front, got result, provider, prompt string) {
	t.Helper()
	if got.Error != nil {
		t.Fatalf("error: %+v", *got.Error)
	}
	if len(got.Images) != f.images() {
		t.Fatalf("%d images, want %d (%+v)", len(got.Images), f.images(), got)
	}
	for i, d := range got.Images {
		s := look(t, d)
		if s.mark.Provider != provider || s.mark.Prompt != sim.PromptMark(prompt) || s.mark.Index >= sim.DraftIndex {
			t.Errorf("image %d was made by %+v, want %s and prompt %#x", i, s.mark, provider, sim.PromptMark(prompt))
		}
		if s.mark.References != len(f.job.Images) {
			t.Errorf("image %d was made of %d references, want %d", i, s.mark.References, len(f.job.Images))
		}
		if !f.free && !s.shaped(f.ratio()) {
			t.Errorf("image %d is %v, want ratio %.3f", i, s.size, f.ratio())
		}
	}
}
