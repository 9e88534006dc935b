package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"switchyard/sim"
)

var units = flag.Int("units", 2000, "how many units TestArmsSurvive asks for")

// TestArmsSurvive: a unit has the same arm after the process was killed, and in another one with data of its own.
func TestArmsSurvive(t *testing.T) {
	w, err := sim.Start(sim.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	file, app := unitsConfig(t, w)
	p := startProcess(t, file, app)
	first := arms(t, app, *units)
	p.end(syscall.SIGKILL)
	p = startProcess(t, file, app)
	again := arms(t, app, *units)
	p.end(syscall.SIGKILL)
	file, app = unitsConfig(t, w)
	startProcess(t, file, app)
	other := arms(t, app, *units)
	count := map[string]int{}
	for i, arm := range first {
		count[arm]++
		if arm != again[i] || arm != other[i] {
			t.Errorf("unit %d has the arms %q, %q and %q", i, arm, again[i], other[i])
		}
	}
	t.Logf("%d units: %v", *units, count)
	if len(count) != 2 || count["trial:flux"] < *units*45/100 || count["trial:flux"] > *units*55/100 {
		t.Errorf("the arms are %v", count)
	}
}

func unitsConfig(t *testing.T, w *sim.World) (file, app string) {
	t.Helper()
	dir, app := t.TempDir(), freePort(t)
	file = filepath.Join(dir, "config.yaml")
	text := fmt.Sprintf(`
server: {listen: %[1]q, temp_dir: "%[2]s/tmp"}
admin: {listen: "127.0.0.1:0", token: admin-token}
store: {database: "sqlite:%[2]s/db", journal: "%[2]s/journal", assets: {url: "file:%[2]s/assets"}}
providers:
  openai: {dialect: openai, key: sk-sim, base_url: %[3]q}
  fal: {dialect: fal, key: "sim:key", base_url: %[4]q}
targets:
  gpt: {provider: openai, model: gpt-image-1-mini}
  flux: {provider: fal, model: fal-ai/flux/dev}
experiments:
  trial: {unit: 'headers["x-user"]', arms: {gpt: 50, flux: 50}}
routes:
  - {name: all, experiment: trial}
`, app, dir, w.OpenAI.URL, w.Fal.URL)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file, app
}

// arms are those of n units, as dry runs tell them.
func arms(t *testing.T, app string, n int) []string {
	t.Helper()
	out := make([]string, n)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	defer client.CloseIdleConnections()
	turns := make(chan int)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range turns {
				out[i] = armOf(t, client, app, fmt.Sprintf("user-%d", i))
			}
		})
	}
	for i := range n {
		turns <- i
	}
	close(turns)
	all.Wait()
	return out
}

func armOf(t *testing.T, client *http.Client, app, unit string) string {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://"+app+openaiPath, strings.NewReader(anImage))
	if err != nil {
		t.Error(err)
		return ""
	}
	req.Header = http.Header{"Content-Type": {"application/json"}, "X-User": {unit}, "X-Switchyard-Dry-Run": {"true"}}
	resp, err := client.Do(req)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	_, rest, _ := strings.Cut(string(text), `"variant": "`)
	arm, _, _ := strings.Cut(rest, `"`)
	return arm
}
