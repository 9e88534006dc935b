package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"switchyard/sim"
)

// queued are the apps that do not wait for their pictures in one request, and how each says what it has seen.
var queued = []struct {
	front
	states string // the last ones; without those that an app may happen not to see
	text   string
}{
	{front: front{name: "fal subscribe", job: job{SDK: "fal", Call: "subscribe", Model: flux}}, states: "COMPLETED"},
	{front: front{name: "fal subscribe streaming", job: job{SDK: "falqueue", Call: "streaming", Model: flux}}, states: "COMPLETED"},
	{front: front{name: "fal queue", job: job{SDK: "falqueue", Call: "queue", Model: flux}}, states: "COMPLETED"},
	{front: front{name: "fal webhook", job: job{SDK: "falqueue", Call: "hook", Model: flux}}, text: "OK"},
	{front: front{name: "fal proxy subscribe", job: job{SDK: "fal", Form: "proxy", Call: "subscribe", Model: flux}}, states: "COMPLETED"},
	{front: front{name: "fal proxy subscribe streaming", job: job{SDK: "falqueue", Form: "proxy", Call: "streaming", Model: flux}}, states: "COMPLETED"},
	{front: front{name: "fal proxy queue", job: job{SDK: "falqueue", Form: "proxy", Call: "queue", Model: flux}}, states: "COMPLETED"},
	{front: front{name: "fal proxy webhook", job: job{SDK: "falqueue", Form: "proxy", Call: "hook", Model: flux}}, text: "OK"},
	{front: front{name: "fal python", job: job{SDK: "python", Call: "fal", Model: flux}}, states: "COMPLETED"},
	{front: front{name: "replicate run", path: predictions, job: job{SDK: "replicate", Call: "run", Model: schnell}}},
	{front: front{name: "replicate run poll", path: predictions, job: job{SDK: "replicate", Call: "poll", Model: schnell}}},
	{front: front{name: "replicate get", path: predictions, job: job{SDK: "predictions", Call: "get", Model: schnell}}, states: "succeeded"},
	{front: front{name: "replicate wait", path: predictions, job: job{SDK: "predictions", Call: "wait", Model: schnell}}, states: "succeeded"},
	{front: front{name: "replicate webhook", path: predictions, job: job{SDK: "predictions", Call: "hook", Model: schnell}}, states: "processing succeeded", text: "valid"},
	{front: front{name: "replicate python", path: predictions, job: job{SDK: "python", Call: "replicate", Model: schnell}}, states: "succeeded", text: "not looked up"},
	{front: front{name: "replicate python 2", path: predictions, job: job{SDK: "python", Call: "replicate2", Model: schnell}}, states: "succeeded"},
	{front: front{name: "replicate python version", path: predictions, job: job{SDK: "python", Call: "replicate", Model: sdxl}}, states: "succeeded", text: "array"},
	{front: front{name: "go replicate create", path: predictions, job: job{SDK: "go-replicate", Call: "create", Model: schnell}}, states: "succeeded"},
	{front: front{name: "go replicate create version", path: predictions, job: job{SDK: "go-replicate", Call: "create", Model: sdxl}}, states: "succeeded"},
	{front: front{name: "go replicate webhook", path: predictions, job: job{SDK: "go-replicate", Call: "hook", Model: schnell}}, states: "processing succeeded", text: "valid"},
}

const (
	predictions = "/replicate/v1"
	flux        = "fal-ai/flux/dev"
	schnell     = "black-forest-labs/flux-schnell"
	sdxl        = "stability-ai/sdxl:7762fd07cf82c948538e41f63f77d685e02b063e37e496e96eefd46c929f9bdc"
)

// small are pictures that are soon drawn.
var small = map[string]map[string]any{
	flux:    {"image_size": "square"},
	schnell: {"megapixels": "0.25"},
	sdxl:    {"width": 512, "height": 512},
}

// TestQueues is every way of not waiting, in front of every provider: pictures by the right one, each paid for once and
// in the ledger once.
func TestQueues(t *testing.T) {
	w := simulate(t)
	root, books := keepBooks(t, crossing(w))
	made := map[string]string{} // :: prompt → provider
	t.Run("apps", func(t *testing.T) {
		for _, f := range queued {
			f.free, f.job.Input = true, small[f.job.Model]
			for _, b := range behind {
				prompt := fmt.Sprintf("not at once, from %s by %s", f.name, b.provider)
				t.Run(f.name+"/"+b.provider, func(t *testing.T) {
					end := f.at(root, "sk-to-"+b.provider, prompt).begin(t)
					made[prompt] = b.provider
					t.Parallel() // after all have begun
					got := end(t)
					checkPictures(t, f.front, got, b.provider, prompt)
					checkBill(t, w, w.Provider(b.provider), prompt, bill{1, 1})
					checkStates(t, got, f.states, f.text)
				})
			}
		}
	})
	rows := books()
	for prompt, provider := range made {
		if got := rows[mark(prompt)]; len(got) != 1 || got[0].Provider != provider || got[0].Outcome != "ok" || got[0].Images != 1 || got[0].Cost == "" {
			t.Errorf("%s: the ledger has %+v", prompt, got)
		}
	}
}

// checkStates wants the app to have seen those at last, and to have said that.
func checkStates(t *testing.T, got result, states, text string) {
	t.Helper()
	if seen := strings.Join(got.States, " "); !strings.HasSuffix(seen, states) {
		t.Errorf("saw %q, want %q at the end", seen, states)
	}
	if got.Text != text {
		t.Errorf("said %q, want %q", got.Text, text)
	}
}

// TestCancel takes back what is being worked on: the app sees that at once, and an asynchronous provider is told.
func TestCancel(t *testing.T) {
	w, err := sim.Start(sim.Config{Speed: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	for _, p := range w.Providers() {
		p.Update(func(b *sim.Behavior) { b.Latency = sim.Latency{Min: 3 * time.Second, Max: 3 * time.Second} })
	}
	root, books := keepBooks(t, crossing(w))
	made := map[string]string{}
	t.Run("apps", func(t *testing.T) {
		for _, f := range []struct {
			front
			states, text string
		}{
			{front{name: "fal", job: job{SDK: "falqueue", Call: "cancel", Model: flux}}, "IN_PROGRESS COMPLETED", "499 client_cancelled"},
			{front{name: "fal proxy", job: job{SDK: "falqueue", Form: "proxy", Call: "cancel", Model: flux}}, "IN_PROGRESS COMPLETED", "499 client_cancelled"},
			{front{name: "replicate", path: predictions, job: job{SDK: "predictions", Call: "cancel", Model: schnell}}, "processing canceled", "canceled null null"},
			{front{name: "go replicate", path: predictions, job: job{SDK: "go-replicate", Call: "cancel", Model: schnell}}, "processing canceled", "canceled <nil> <nil>"},
		} {
			for _, b := range behind {
				prompt := fmt.Sprintf("no, not that, from %s by %s", f.name, b.provider)
				t.Run(f.name+"/"+b.provider, func(t *testing.T) {
					end := f.at(root, "sk-to-"+b.provider, prompt).begin(t)
					made[prompt] = b.provider
					t.Parallel()
					got := end(t)
					if got.Error != nil {
						t.Fatalf("error: %+v", *got.Error)
					}
					checkStates(t, got, f.states, f.text)
				})
			}
		}
	})
	checkCanceled(t, w, books, made)
}

// checkCanceled waits until the work is over everywhere: an asynchronous provider has taken the job back, a synchronous
// one has been paid for what nobody wants any more.
func checkCanceled(t *testing.T, w *sim.World, books func() map[string][]row, made map[string]string) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	open := func(rows map[string][]row) bool {
		for prompt := range made {
			if got := rows[mark(prompt)]; len(got) != 1 || got[0].Outcome == "" {
				return true
			}
		}
		return false
	}
	rows := books()
	for ; open(rows); rows = books() {
		select {
		case <-deadline:
			t.Fatalf("the ledger has %+v", rows)
		case <-time.After(100 * time.Millisecond):
		}
	}
	for prompt, provider := range made {
		charges, outcome := 0, "canceled"
		if provider == "google" || provider == "openai" {
			charges, outcome = 1, "ok"
		}
		got := rows[mark(prompt)][0]
		if n := billed(w.Provider(provider), prompt).charges; n != charges || got.Outcome != outcome || got.Provider != provider {
			t.Errorf("%s: charged %d times, the ledger has %+v", prompt, n, got)
		}
	}
}

// TestPages lists more predictions than there are on a page.
func TestPages(t *testing.T) {
	w := simulate(t)
	root := serve(t, crossing(w))
	app := front{path: predictions, job: job{SDK: "predictions", Call: "pages", Model: schnell, Input: small[schnell]}}
	for _, provider := range []string{"replicate", "fal"} { // tenants: each sees its own
		got := app.at(root, "sk-to-"+provider, "one of many by "+provider).do(t)
		if want := "105 of 105, 105 of 105, 100 in 2 pages"; got.Error != nil || got.Text != want {
			t.Errorf("found %q, want %q (%+v)", got.Text, want, got.Error)
		}
	}
}
