package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// native is every app's own provider behind it.
const native = `
providers:
  fal: {<fal>}
  replicate: {<replicate>}
`

// TestRefusedTicket: what its own provider finds wrong with a request is told to an app in that provider's words, also if it comes back
// for them later, and to another process.
func TestRefusedTicket(t *testing.T) {
	k := startKit(t, native)
	var ticket struct {
		ID string `json:"request_id"`
	}
	submitted := k.post("/fal/queue/fal-ai/flux/dev", `{"prompt":"a signal box","output_format":"gif"}`, "Authorization", "Key app")
	if err := json.Unmarshal(submitted.body, &ticket); err != nil || ticket.ID == "" {
		t.Fatalf("%d %s", submitted.status, submitted.body)
	}
	path := "/fal/queue/fal-ai/flux/requests/" + ticket.ID
	k.do(context.Background(), http.MethodGet, path+"/status/stream", "", "Authorization", "Key app") // until it is over
	for range 2 {
		got := k.do(context.Background(), http.MethodGet, path, "", "Authorization", "Key app")
		if got.status != http.StatusUnprocessableEntity || !strings.Contains(string(got.body), `"loc":["body","output_format"]`) ||
			!strings.Contains(string(got.body), `"type":"one_of"`) || got.header.Get("X-Fal-Request-Id") != ticket.ID {
			t.Errorf("fal: %d %s %v", got.status, got.body, got.header)
		}
		k.restart()
	}

	got := k.post(createPath, `{"input":{"prompt":"a signal box","output_format":"gif"}}`, "Prefer", "wait", "Authorization", "Bearer app")
	if got.status != http.StatusUnprocessableEntity || !strings.Contains(string(got.body), `"field":"input.output_format"`) ||
		got.header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("replicate: %d %s", got.status, got.body)
	}
	made := k.post(createPath, `{"input":{"prompt":"a signal box","output_format":"gif"}}`, "Authorization", "Bearer app").prediction(t)
	var later prediction
	for later.Status != "failed" {
		later = k.do(context.Background(), http.MethodGet, "/replicate/v1/predictions/"+made.ID, "", "Authorization", "Bearer app").prediction(t)
		if later.Status == "succeeded" {
			t.Fatal("there was nothing wrong")
		}
	}
	if !strings.Contains(later.Error, "input.output_format: ") {
		t.Errorf("replicate, later: %q", later.Error)
	}
}

// TestFailedPrediction: why Replicate's model has failed is told to an app of Replicate's in the model's words, not as one more thing to
// try again.
func TestFailedPrediction(t *testing.T) {
	k := startKit(t, native)
	const faceless = `{"version":"a07f252abbbd832009640b27f063ea52d87d7a23a185ca165bec23b5adc8deaf","input":{"prompt":"a signal box"}}`
	made := k.post("/replicate/v1/predictions", faceless, "Prefer", "wait", "Authorization", "Bearer app").prediction(t)
	if made.Status != "failed" || made.Error != "No image provided" {
		t.Errorf("%s: %q", made.Status, made.Error)
	}
}

// TestOtherOutput: an endpoint that nobody here knows may turn out to make something else than pictures. It is paid for, and the app has
// it as it is, at once or when it comes for it.
func TestOtherOutput(t *testing.T) {
	const (
		output   = `{"masks":[{"url":"https://v3.fal.media/files/a/mask.png"}]}`
		accepted = `{"status":"IN_QUEUE","request_id":"0001"}` // whoever runs it has that for its output
	)
	there := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case r.Method == http.MethodPost:
			_, _ = io.WriteString(w, accepted)
		case strings.HasSuffix(r.URL.Path, "/status"):
			_, _ = io.WriteString(w, `{"status":"COMPLETED","request_id":"0001"}`)
		default:
			_, _ = io.WriteString(w, output)
		}
	}))
	t.Cleanup(there.Close)
	k := startKit(t, "providers:\n  fal: {dialect: fal, key: \"sim:key\", base_url: \""+there.URL+"\", queue_url: \""+there.URL+"\"}\n")
	if run := k.post("/fal/run/me/cutter", `{"prompt":"a signal box"}`, "Authorization", "Key app"); run.status != http.StatusOK || string(run.body) != accepted {
		t.Errorf("at once: %d %s", run.status, run.body)
	}
	var ticket struct {
		ID string `json:"request_id"`
	}
	if err := json.Unmarshal(k.post("/fal/queue/me/cutter", `{"prompt":"the signal box"}`, "Authorization", "Key app").body, &ticket); err != nil {
		t.Fatal(err)
	}
	path := "/fal/queue/me/cutter/requests/" + ticket.ID
	k.do(context.Background(), http.MethodGet, path+"/status/stream", "", "Authorization", "Key app") // until it is over
	got := k.do(context.Background(), http.MethodGet, path, "", "Authorization", "Key app")
	if got.status != http.StatusOK || string(got.body) != output || got.header.Get("X-Fal-Request-Id") != ticket.ID {
		t.Errorf("%d %s %v", got.status, got.body, got.header)
	}
}
