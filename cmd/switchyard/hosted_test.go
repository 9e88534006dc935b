package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"switchyard/asset"
	"switchyard/sim"
)

const hosting = `
providers:
  google: {dialect: gemini, key: AIzaSySIMKEY, base_url: "{google}"}
  fal: {dialect: fal, key: "sim:key", base_url: "{fal}", queue_url: "{fal-queue}"}
targets:
  nano: {provider: google, model: gemini-nano-banana-2.1}
  flux: {provider: fal, model: fal-ai/flux/dev}
routes:
  - {name: cached, when: 'headers["x-only"] == "cached"', targets: [nano], cache: {ttl: 10m}}
  - {name: raced, when: 'headers["x-only"] == "raced"', targets: [flux, nano], hedge: {after: 50ms, max_extra: 100%}}
  - {name: all, targets: [nano]}
`

// hostedIn is the names of the hosted images in an answer of fal's.
func (a answer) hostedIn(t *testing.T) (names []string) {
	t.Helper()
	var doc struct{ Images []struct{ URL string } }
	if err := json.Unmarshal(a.body, &doc); err != nil || a.status != http.StatusOK || len(doc.Images) == 0 {
		t.Fatalf("%d %.300s", a.status, a.body)
	}
	for _, img := range doc.Images {
		names = append(names, asset.NameIn(img.URL))
	}
	return names
}

// knows compares the ledger's names of a generation's images with those that the app got.
func (k *kit) knows(generation string, want []string) {
	k.Helper()
	k.flush()
	acc, err := k.side.store.Generation(k.Context(), generation)
	if got := acc.Generation.Hosted; err != nil || !slices.Equal(got, want) {
		k.Errorf("the ledger has %q, want %q (%v)", got, want, err)
	}
}

// TestHostedNames: the ledger knows which images a generation was given, however it came to them, and tells nobody.
func TestHostedNames(t *testing.T) {
	world := slowWorld(t, 0)
	k := startKitWith(t, world, hosting)
	auth := []string{"Authorization", "Key an-app"}
	id := func(a answer) string { return a.header.Get("X-Switchyard-Id") }

	plain := k.post(falPath, `{"prompt":"a signal box","num_images":2}`, auth...)
	names := plain.hostedIn(t)
	if len(names) != 2 {
		t.Errorf("%d images are hosted", len(names))
	}
	k.knows(id(plain), names)

	inline := k.post(openaiPath, `{"model":"gpt-image-1","prompt":"a signal box"}`)
	k.knows(id(inline), nil)

	cached := append(slices.Clone(auth), "X-Only", "cached")
	first, again := k.post(falPath, `{"prompt":"a cat","seed":7}`, cached...), k.post(falPath, `{"prompt":"a cat","seed":7}`, cached...)
	if again.header.Get("X-Switchyard-Cache") != "hit" || id(first) == id(again) {
		t.Errorf("not from the cache: %v", again.header)
	}
	k.knows(id(again), first.hostedIn(t))

	world.Fal.Update(func(b *sim.Behavior) {
		b.Latency = sim.Latency{Min: 400 * time.Millisecond, Max: 400 * time.Millisecond}
	})
	raced := k.post(falPath, `{"prompt":"a dog"}`, append(slices.Clone(auth), "X-Only", "raced")...)
	k.side.handler.Drain(t.Context()) // the loser corrects the row
	k.knows(id(raced), raced.hostedIn(t))

	for _, entry := range k.logs.All() {
		if text := fmt.Sprint(entry.Message, entry.ContextMap()); strings.Contains(text, names[0]) {
			t.Errorf("the log tells it: %s", text)
		}
	}
	if doc := k.operate(http.MethodGet, "/api/generations/"+id(plain), ""); doc.status != http.StatusOK || strings.Contains(string(doc.body), names[0]) {
		t.Errorf("the API tells it: %d %s", doc.status, doc.body)
	}
}

// TestHostedNamesOfTicket: the work for a ticket is a generation, too.
func TestHostedNamesOfTicket(t *testing.T) {
	k := startKit(t, hosting)
	auth := []string{"Authorization", "Key an-app"}
	var job struct {
		RequestID   string `json:"request_id"`
		ResponseURL string `json:"response_url"`
	}
	submitted := k.post("/fal/queue/fal-ai/flux/dev", `{"prompt":"a signal box","seed":7}`, auth...)
	if err := json.Unmarshal(submitted.body, &job); err != nil {
		t.Fatalf("%d %s", submitted.status, submitted.body)
	}
	got := eventually(t, func() (answer, bool) {
		a := k.do(t.Context(), http.MethodGet, k.pathOf(job.ResponseURL), "", auth...)
		return a, a.status == http.StatusOK
	})
	k.knows(submitted.header.Get("X-Switchyard-Id"), got.hostedIn(t))
	for _, said := range []string{`"prompt":"a signal box"`, `"seed":7`} { // the row has kept what the answer repeats
		if !strings.Contains(string(got.body), said) {
			t.Errorf("the result does not say %s: %s", said, got.body)
		}
	}
}

// TestDashboardShowsHostedImages: people see what an app got, and that it is gone when it is.
func TestDashboardShowsHostedImages(t *testing.T) {
	k := startKit(t, hosting)
	a := k.post(falPath, `{"prompt":"a signal box","num_images":3}`, "Authorization", "Key an-app")
	names := a.hostedIn(t)
	k.flush()
	b := k.browse()
	b.login()
	story := "/admin/ai-metrics/generations/" + a.header.Get("X-Switchyard-Id")
	b.open(story)
	const seen = `[...document.querySelectorAll(".pictures img")].filter((i) => i.complete && i.naturalWidth > 0).length === `
	b.until(seen + "3")
	b.click(".pictures li:nth-child(2) a")
	tryTo(b, chromedp.WaitVisible(chromedp.CSS("body > img")))
	if at := tryTo(b, chromedp.Location()); !strings.HasSuffix(at, story+"/images/2") {
		t.Errorf("the click led to %s", at)
	}
	dir := strings.TrimPrefix(k.side.file.Load().Store.Assets.URL, "file:")
	if err := os.Remove(filepath.Join(dir, names[1])); err != nil {
		t.Fatal(err)
	}
	for _, scheme := range []string{"light", "dark"} {
		b.lights(scheme)
		b.open(story)
		b.until(seen + "2")
		if text := b.text(".pictures"); text != "Image 2 no longer kept" {
			t.Errorf("the page says %q", text)
		}
		b.shoot("images-"+scheme, 1280, 900)
		b.shoot("images-phone-"+scheme, 390, 1100)
	}
}

// TestWhenTheImagesOfATicketAreGone: a ticket outlives its images. It is told without them, in the way of the app's provider, whether
// they were to go into the answer or by an address.
func TestWhenTheImagesOfATicketAreGone(t *testing.T) {
	dir := t.TempDir()
	k := startKit(t, hosting+`store: {database: "sqlite:{dir}/db", journal: "{dir}/journal", assets: {url: "file:`+dir+`"}}`)
	auth := []string{"Authorization", "Bearer an-app"}
	for name, c := range map[string]struct {
		path, body string
		status     int
		says       string
	}{
		"fal, inline":            {"/fal/queue/fal-ai/flux/dev", `{"prompt":"a fox","sync_mode":true}`, http.StatusNotFound, `{"detail":"The images of request ID have been removed"}`},
		"fal, addresses":         {"/fal/queue/fal-ai/flux/dev", `{"prompt":"a fox"}`, http.StatusNotFound, `{"detail":"The images of request ID have been removed"}`},
		"replicate, a list":      {createPath, `{"input":{"prompt":"a fox"}}`, http.StatusOK, `"output":null,"data_removed":true,"error":null,"source":"api","status":"succeeded"`},
		"replicate, one address": {"/replicate/v1/models/google/imagen-4/predictions", `{"input":{"prompt":"a fox"}}`, http.StatusOK, `"output":null,"data_removed":true,"error":null,"source":"api","status":"succeeded"`},
	} {
		t.Run(name, func(t *testing.T) {
			var job struct {
				ID        string `json:"id"`
				RequestID string `json:"request_id"`
				Response  string `json:"response_url"`
				URLs      struct{ Get string }
			}
			if a := k.post(c.path, c.body, auth...); json.Unmarshal(a.body, &job) != nil {
				t.Fatalf("%d %s", a.status, a.body)
			}
			ask := func() answer {
				return k.do(t.Context(), http.MethodGet, k.pathOf(job.Response+job.URLs.Get), "", auth...)
			}
			eventually(t, func() (answer, bool) {
				a := ask()
				return a, a.status == http.StatusOK && (job.ID == "" || strings.Contains(string(a.body), `"status":"succeeded"`))
			})
			files, err := filepath.Glob(filepath.Join(dir, "*.*"))
			if err != nil || len(files) == 0 {
				t.Fatalf("hosted are %q, %v", files, err)
			}
			for _, f := range files {
				if err := os.Remove(f); err != nil {
					t.Fatal(err)
				}
			}
			if a := ask(); a.status != c.status || !strings.Contains(string(a.body), strings.ReplaceAll(c.says, "ID", job.RequestID)) {
				t.Errorf("%d %s", a.status, a.body)
			}
		})
	}
}

// TestACachedAnswerWhoseImageIsGone is made anew: images go when their folder is full, before the answer's time is over.
func TestACachedAnswerWhoseImageIsGone(t *testing.T) {
	dir := t.TempDir()
	k := startKit(t, hosting+`store: {database: "sqlite:{dir}/db", journal: "{dir}/journal", assets: {url: "file:`+dir+`"}}`)
	ask := func(want string) string {
		a := k.post(falPath, `{"prompt":"a cat","seed":7}`, "Authorization", "Key an-app", "X-Only", "cached")
		name := a.hostedIn(t)[0]
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil || a.header.Get("X-Switchyard-Cache") != want {
			t.Fatalf("%s, want %s; %v", a.header.Get("X-Switchyard-Cache"), want, err)
		}
		return name
	}
	first := ask("miss")
	if again := ask("hit"); again != first {
		t.Errorf("a hit gave %s, not %s", again, first)
	}
	if err := os.Remove(filepath.Join(dir, first)); err != nil {
		t.Fatal(err)
	}
	second := ask("miss")
	if again := ask("hit"); again != second {
		t.Errorf("a hit gave %s, not %s", again, second)
	}
}
