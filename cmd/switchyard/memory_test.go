package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"testing"

	"switchyard"
	"switchyard/sim"
)

// peakRSS is the most memory that a process has ever had, in bytes.
func peakRSS(t *testing.T, pid int) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Skip("no /proc here")
	}
	m := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(text)
	if m == nil {
		t.Skip("no VmHWM here")
	}
	kb, _ := strconv.ParseInt(string(m[1]), 10, 64)
	return kb << 10
}

// TestLargeBodies: megabytes of base64 go through translations, both ways, in bounded memory: sixteen callers at once
// with answers of 4 × 2 MiB, then with references of 8 MiB, are some 400 MiB of bodies.
func TestLargeBodies(t *testing.T) {
	w, err := sim.Start(sim.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	for _, p := range w.Providers() {
		p.Update(func(b *sim.Behavior) { b.Bytes = 2 << 20 })
	}
	dir, app := t.TempDir(), freePort(t)
	file := filepath.Join(dir, "config.yaml")
	text := fmt.Sprintf(`
server: {listen: %[1]q, temp_dir: "%[2]s/tmp", fetch_allow: [127.0.0.1]}
admin: {listen: "127.0.0.1:0", token: admin-token}
store: {database: "sqlite:%[2]s/db", journal: "%[2]s/journal", assets: {url: "file:%[2]s/assets"}}
models: {alive: [imagen-4.0-generate-001]}
providers:
  google: {dialect: gemini, key: AIzaSySIMKEY, base_url: %[3]q}
  openai: {dialect: openai, key: sk-sim, base_url: %[4]q}
  fal: {dialect: fal, key: "sim:key", base_url: %[5]q, queue_url: %[6]q}
targets:
  gpt: {provider: openai, model: gpt-image-1-mini}
  edit: {provider: fal, model: fal-ai/nano-banana}
routes:
  - {name: edits, when: request.references > 0, targets: [edit]}
  - {name: answers, targets: [gpt]}
`, app, dir, w.Google.URL, w.OpenAI.URL, w.Fal.URL, w.Fal.QueueURL)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := startProcess(t, file, app)
	callers := 16
	if raceEnabled {
		callers = 3
	}
	reference := base64.StdEncoding.EncodeToString(sim.Picture(switchyard.Size{Width: 512, Height: 512}, "png", sim.Art{Bytes: 8 << 20}))
	edit := `{"contents":[{"parts":[{"text":"a hat"},{"inlineData":{"mimeType":"image/png","data":"` + reference + `"}}]}]}`
	for _, c := range []struct {
		path, body string
		least      int64
	}{
		{imagenPath, predict("a cat", 4), 4 * 2 << 20},
		{"/v1beta/models/gemini-3-pro-image:generateContent", edit, 1 << 20},
	} {
		var all sync.WaitGroup
		for range callers {
			all.Go(func() {
				resp, err := http.Post("http://"+app+c.path, "application/json", bytes.NewReader([]byte(c.body)))
				if err != nil {
					t.Error(err)
					return
				}
				defer resp.Body.Close()
				n, err := io.Copy(io.Discard, resp.Body)
				if err != nil || resp.StatusCode != http.StatusOK || n < c.least {
					t.Errorf("%d, %d bytes, %v", resp.StatusCode, n, err)
				}
			})
		}
		all.Wait()
	}
	for _, call := range w.Fal.Calls() {
		if call.Bytes > 0 && call.Bytes < len(reference) {
			t.Errorf("fal was sent %d bytes: not the whole reference", call.Bytes)
		}
	}
	if peak := peakRSS(t, p.cmd.Process.Pid); peak > 128<<20 && !raceEnabled {
		t.Errorf("the process had %d MiB at its peak", peak>>20)
	} else {
		t.Logf("peak RSS %d MiB", peak>>20)
	}
}
