package all_test

import (
	"encoding/json"
	"testing"

	"switchyard"
	"switchyard/dialect/all"
)

// most is more than any model makes of one request. Estimates, and calls side by side, are made room for by it.
const most = 20

// TestCountsAreBounded: whatever a model's count is called, no app can ask for so many pictures that to plan them is work.
func TestCountsAreBounded(t *testing.T) {
	pool, l := newPool(t), loads()[0]
	for _, d := range all.Dialects() {
		models := 0
		for _, row := range d.Models().Rows() {
			w := &wire{Dialect: d, target: &switchyard.Target{Name: d.Name(), Provider: d.Name(), Dialect: d.Name(), Model: row.ID, Row: row}}
			references := 0
			if row.Can.MustRefer {
				references = 1
			}
			if err := w.write(t, pool, l, references); w.req == nil || !json.Valid(w.ask) {
				t.Logf("%s: nobody asks for %s so: %v", d.Name(), row.ID, err)
				continue
			}
			models++
			for _, name := range []string{"n", "num_images", "num_outputs", "number_of_images", "max_images", "sampleCount", "numberOfImages", "candidateCount"} {
				body, err := arrive(pool, "application/json", withCount(t, w.ask, name))
				if err != nil {
					t.Fatal(err)
				}
				if req, err := w.decode(body); err == nil && (req.Images < 1 || req.Images > most) {
					t.Errorf("%s: %s with %s: %d images", d.Name(), row.ID, name, req.Images)
				}
				_ = body.Close()
			}
		}
		if models == 0 {
			t.Errorf("%s: no model was asked for", d.Name())
		}
	}
}

// withCount is a request each object of which has a huge number of that name, and Seedream's word that it counts.
func withCount(t *testing.T, text []byte, name string) []byte {
	t.Helper()
	var doc map[string]any
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	for _, v := range doc {
		if inner, ok := v.(map[string]any); ok {
			inner[name], inner["sequential_image_generation"] = 1_000_000_000, "auto"
		}
	}
	if doc["input"] == nil { // Replicate refuses what is beside it
		doc[name] = 1_000_000_000
	}
	out, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
