package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"switchyard"
	"switchyard/sim"
)

// cramped keeps little in memory, and has nowhere to put the rest.
func cramped(t *testing.T, memory, behind string) *kit {
	t.Helper()
	temp := filepath.Join(t.TempDir(), "tmp")
	k := startKit(t, `server: {listen: 127.0.0.1:0, fetch_allow: [127.0.0.1], memory: `+memory+`, temp_dir: "`+temp+`"}`+"\n"+behind)
	if err := os.Remove(temp); err != nil { // stands for a full disk: what would be put there fails
		t.Fatal(err)
	}
	return k
}

// TestNoRoomForARequest: a request that finds no room is not taken on, which its app is told in its own terms: it may try again.
// Nobody else is blamed, and nothing of the inside goes out.
func TestNoRoomForARequest(t *testing.T) {
	k := cramped(t, "0", twoProviders)
	told := map[string]string{
		openaiPath:                          `"code":"server_is_overloaded"`,
		imagenPath:                          `"status":"UNAVAILABLE"`,
		"/fal/queue/fal-ai/flux/dev":        `"error_type":"runner_scheduling_failure"`,
		"/replicate/v1/predictions":         `"status":503`,
		"/fal/rest/storage/upload/initiate": "",
		"/switchyard/v1/batches":            "",
	}
	for path, want := range told {
		a := k.post(path, `{"prompt":"a"}`, "Authorization", "Key x")
		text := strings.ReplaceAll(strings.ReplaceAll(string(a.body), " ", ""), "\n", "")
		if a.status != http.StatusServiceUnavailable || !strings.Contains(text, want) {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
		if strings.Contains(text, "spool") || strings.Contains(text, "ledger") {
			t.Errorf("%s: tells of the inside: %s", path, a.body)
		}
	}
	if rows := k.rows(); len(rows) != 0 {
		t.Errorf("rows: %+v", rows)
	}
}

// TestNoRoomForAnAnswer: an answer that finds no room has been paid for. Its provider has served well: it is not blamed, and nobody
// else is paid for an answer that would find no room either.
func TestNoRoomForAnAnswer(t *testing.T) {
	k := cramped(t, "256KiB", strings.Replace(twoProviders, "failures: 5", "failures: 2", 1))
	k.world.Google.Update(func(b *sim.Behavior) { b.Bytes = 2 << 20 })
	for range 3 {
		if a := k.post(imagenPath, predict("a", 1)); a.status != http.StatusServiceUnavailable {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	rows := k.rows()
	if len(rows) != 3 {
		t.Fatalf("rows: %+v", rows)
	}
	for _, r := range rows {
		if r.Provider != "google" || r.Outcome.Blames() || r.Cost.Charge != switchyard.ChargePossible {
			t.Errorf("row: %+v", r)
		}
	}
	if k.opens("nano") {
		t.Error("a full disk of ours has opened a breaker")
	}
}

// TestNoRoomForAReference: a picture that a request names, and that finds no room, is not its app's mistake.
func TestNoRoomForAReference(t *testing.T) {
	k := cramped(t, "256KiB", twoProviders)
	files := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(append(bytes.Clone(aPicture), make([]byte, 2<<20)...))
	}))
	defer files.Close()
	a := k.post("/fal/run/fal-ai/flux/dev/image-to-image", `{"prompt":"a","image_url":"`+files.URL+`/a.png"}`, "Authorization", "Key x", "X-Only", "gpt")
	if a.status != http.StatusServiceUnavailable || !strings.Contains(string(a.body), "try again") {
		t.Errorf("%d %s", a.status, a.body)
	}
	if n := len(k.world.OpenAI.Bill()); n != 0 {
		t.Errorf("%d were paid for", n)
	}
}

// TestNoRoomForAHostedPicture: a picture that has been paid for, and finds no room where the app could fetch it, comes with the answer.
func TestNoRoomForAHostedPicture(t *testing.T) {
	k := startKit(t, twoProviders)
	k.side.handler.Assets = crowdedAssets{k.side.handler.Assets, new(atomic.Int64), new(atomic.Bool)}
	for path, body := range map[string]string{
		"/fal/run/fal-ai/flux/dev": `{"prompt":"a red fox"}`,
		openaiPath:                 `{"model":"dall-e-3","prompt":"a red fox","response_format":"url"}`,
	} {
		a := k.post(path, body, "Authorization", "Key x")
		if a.status != http.StatusOK || !bytes.Contains(a.body, []byte(`"url":"data:image/jpeg;base64,/9j/`)) {
			t.Errorf("%s: %d %.200s", path, a.status, a.body)
		}
	}
	for _, row := range k.rows() {
		if row.Outcome != switchyard.OK {
			t.Errorf("row: %+v", row)
		}
	}
}
