package all_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"switchyard"
	"switchyard/dialect"
	"switchyard/dialect/all"
	"switchyard/sim"
	"switchyard/spool"
)

// site is where a dialect's requests go in the simulation.
type site struct {
	provider *sim.Provider
	bases    map[string]string // :: Outgoing.Base → address
	auth     string            // a header, "name: value"
}

func sites(w *sim.World) map[string]site {
	return map[string]site{
		"gemini":    {provider: w.Google, bases: map[string]string{"": w.Google.URL}, auth: "X-Goog-Api-Key: " + sim.DefaultKey("google")},
		"vertex":    {provider: w.Google, bases: map[string]string{"": w.Google.CloudURL}, auth: "X-Goog-Api-Key: " + sim.DefaultKey("google")},
		"openai":    {provider: w.OpenAI, bases: map[string]string{"": w.OpenAI.URL}, auth: "Authorization: Bearer " + sim.DefaultKey("openai")},
		"fal":       {provider: w.Fal, bases: map[string]string{"": w.Fal.URL, "queue": w.Fal.QueueURL}, auth: "Authorization: Key " + sim.DefaultKey("fal")},
		"replicate": {provider: w.Replicate, bases: map[string]string{"": w.Replicate.URL}, auth: "Authorization: Bearer " + sim.DefaultKey("replicate")},
	}
}

// TestSimulatorKnowsEveryModel: a model in a table that the simulator does not have is one that nothing else here proves.
func TestSimulatorKnowsEveryModel(t *testing.T) {
	world, err := sim.Start(sim.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer world.Close()
	world.Google.Update(func(b *sim.Behavior) { b.Alive = []string{"*"} })
	world.OpenAI.Update(func(b *sim.Behavior) { b.Alive = []string{"*"} })
	at := sites(world)
	for _, d := range all.Dialects() {
		models := 0
		for _, row := range d.Models().Rows() {
			if row.ID == "*" {
				continue
			}
			for _, id := range append([]string{row.ID}, row.Aliases...) {
				models++
				if err := known(d, at[d.Name()], row, id); err != nil {
					t.Errorf("%s: %s: %v", d.Name(), id, err)
				}
			}
		}
		if models == 0 {
			t.Errorf("%s has no models", d.Name())
		}
	}
}

// known asks for one picture in the dialect's own words.
func known(d dialect.Dialect, s site, row *switchyard.Model, id string) error {
	target := &switchyard.Target{Name: d.Name(), Provider: d.Name(), Dialect: d.Name(), Model: id, Row: row}
	req := &switchyard.Request{Prompt: "a signal box at dusk", Images: 1}
	if id == "fal-ai/photomaker" { // it takes an archive of pictures, which nothing else is told
		target.Params = map[string]json.RawMessage{"image_archive_url": json.RawMessage(`"data:application/zip;base64,UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA=="`)}
	} else if row.Can.MustRefer {
		tiny := sim.Picture(switchyard.Size{Width: 16, Height: 16}, "png", sim.Art{})
		req.References = []switchyard.Reference{{Image: switchyard.Image{Blob: spool.Bytes(tiny), MIME: "image/png"}}}
	}
	out, err := d.Encode(target, req, nil)
	if err != nil {
		return err
	}
	body, err := out.Body.Open()
	if err != nil {
		return err
	}
	defer body.Close()
	ask, err := http.NewRequest(out.Method, s.bases[out.Base]+out.Path+"?"+out.Query.Encode(), body)
	if err != nil {
		return err
	}
	ask.Header = out.Header.Clone()
	name, value, _ := strings.Cut(s.auth, ": ")
	ask.Header.Set(name, value)
	resp, err := http.DefaultClient.Do(ask)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	calls := s.provider.Calls()
	if last := calls[len(calls)-1]; resp.StatusCode >= 300 || len(last.Ignored) > 0 {
		return fmt.Errorf("%s %s: %d, ignored %q, %s", out.Method, out.Path, resp.StatusCode, last.Ignored, last.Note)
	}
	return nil
}
