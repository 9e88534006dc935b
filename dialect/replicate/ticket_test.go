package replicate_test

import (
	"encoding/json"
	"io"
	"testing"
	"time"

	"switchyard"
	"switchyard/dialect"
	"switchyard/dialect/replicate"
	"switchyard/spool"
)

// ticket is a prediction's request as it is kept, and its times.
var (
	born  = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	begun = born.Add(100 * time.Millisecond)
	over  = born.Add(time.Second)
)

const head = `{"id":"ufawqhfyxnddngldkgtslldrkq","model":"black-forest-labs/flux-schnell","version":"hidden","input":{"prompt":"a red fox"},"logs":"",`

const tail = `"urls":{"cancel":"http://sidecar.test/replicate/v1/predictions/ufawqhfyxnddngldkgtslldrkq/cancel","get":"http://sidecar.test/replicate/v1/predictions/ufawqhfyxnddngldkgtslldrkq","web":"http://sidecar.test/replicate/p/ufawqhfyxnddngldkgtslldrkq"}`

func TestDescribe(t *testing.T) {
	file := switchyard.Image{Blob: spool.Bytes("fox"), MIME: "image/webp"}
	link := switchyard.Image{URL: "https://sidecar.test/assets/fox.webp", Blob: spool.Bytes("fox"), MIME: "image/webp"}
	plain := switchyard.Image{URL: "http://sidecar.test/assets/fox.webp", Blob: spool.Bytes("fox"), MIME: "image/webp"}
	result := func(images ...switchyard.Image) *switchyard.Result {
		return &switchyard.Result{Images: images, Compute: 900 * time.Millisecond}
	}
	const succeeded = `"data_removed":false,"error":null,"source":"api","status":"succeeded","created_at":"2026-01-01T00:00:00.000Z","started_at":"2026-01-01T00:00:00.100Z","completed_at":"2026-01-01T00:00:01.000Z",`
	const measured = `,"metrics":{"image_count":1,"predict_time":0.9,"total_time":1}}`
	for _, c := range []struct {
		name   string
		state  dialect.State
		prefer string
		status int
		want   string
	}{
		{
			"created, not waited for",
			dialect.State{Fresh: true},
			"", 201,
			head + `"output":null,"data_removed":false,"error":null,"source":"api","status":"starting","created_at":"2026-01-01T00:00:00.000Z",` + tail + `}`,
		},
		{
			"waited for in vain",
			dialect.State{Started: begun, Fresh: true},
			"wait=5", 202,
			head + `"output":null,"data_removed":false,"error":null,"source":"api","status":"starting","created_at":"2026-01-01T00:00:00.000Z",` + tail + `}`,
		},
		{
			"asked for before it began",
			dialect.State{},
			"wait", 200,
			head + `"output":null,"data_removed":false,"error":null,"source":"api","status":"starting","created_at":"2026-01-01T00:00:00.000Z",` + tail + `}`,
		},
		{
			"asked for while it runs",
			dialect.State{Started: begun},
			"wait", 200,
			head + `"output":null,"data_removed":false,"error":null,"source":"api","status":"processing","created_at":"2026-01-01T00:00:00.000Z","started_at":"2026-01-01T00:00:00.100Z",` + tail + `}`,
		},
		{
			"waited for, inline",
			dialect.State{Started: begun, Completed: over, Result: result(file), Fresh: true},
			"wait", 201,
			head + `"output":["data:image/webp;base64,Zm94"],` + succeeded + tail + measured,
		},
		{
			"an address with TLS",
			dialect.State{Started: begun, Completed: over, Result: result(link)},
			"wait", 200,
			head + `"output":["https://sidecar.test/assets/fox.webp"],` + succeeded + tail + measured,
		},
		{
			"an address without, which no SDK takes for a file",
			dialect.State{Started: begun, Completed: over, Result: result(plain)},
			"wait", 200,
			head + `"output":["data:image/webp;base64,Zm94"],` + succeeded + tail + measured,
		},
		{
			"all flagged",
			dialect.State{Started: begun, Completed: over, Err: &switchyard.Error{Kind: switchyard.Blocked}},
			"wait", 200,
			head + `"output":null,"data_removed":false,"error":"All generated images contained NSFW content. Try running it again with a different prompt.","source":"api","status":"failed","created_at":"2026-01-01T00:00:00.000Z","started_at":"2026-01-01T00:00:00.100Z","completed_at":"2026-01-01T00:00:01.000Z",` + tail + `,"metrics":{"predict_time":0.9,"total_time":1}}`,
		},
		{
			"failed",
			dialect.State{Started: begun, Completed: over, Err: &switchyard.Error{Kind: switchyard.Internal, Detail: "a secret"}, Fresh: true},
			"wait", 201,
			head + `"output":null,"data_removed":false,"error":"An unknown error occurred. (E1000)","source":"api","status":"failed","created_at":"2026-01-01T00:00:00.000Z","started_at":"2026-01-01T00:00:00.100Z","completed_at":"2026-01-01T00:00:01.000Z",` + tail + `,"metrics":{"predict_time":0.9,"total_time":1}}`,
		},
		{
			"refused while it is waited for",
			dialect.State{Started: begun, Completed: over, Err: &switchyard.Error{Kind: switchyard.Throttled}, Fresh: true},
			"wait", 429,
			`{"detail":"Request was throttled. Your rate limit resets in ~30s.","status":429}`,
		},
		{
			"refused, asked for later",
			dialect.State{Started: begun, Completed: over, Err: &switchyard.Error{Kind: switchyard.Throttled}},
			"wait", 200,
			head + `"output":null,"data_removed":false,"error":"The model is busy. Please try again later.","source":"api","status":"failed","created_at":"2026-01-01T00:00:00.000Z","started_at":"2026-01-01T00:00:00.100Z","completed_at":"2026-01-01T00:00:01.000Z",` + tail + `,"metrics":{"predict_time":0.9,"total_time":1}}`,
		},
		{
			"canceled",
			dialect.State{Started: begun, Completed: over, Canceled: true, Err: &switchyard.Error{Kind: switchyard.Unavailable}},
			"wait", 200,
			head + `"output":null,"data_removed":false,"error":null,"source":"api","status":"canceled","created_at":"2026-01-01T00:00:00.000Z","started_at":"2026-01-01T00:00:00.100Z","completed_at":"2026-01-01T00:00:01.000Z",` + tail + `}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			req := &switchyard.Request{
				Model: "black-forest-labs/flux-schnell", Base: "http://sidecar.test/replicate",
				Memo: map[string]string{"prefer": c.prefer}, Echo: json.RawMessage(`{"prompt":"a red fox"}`),
			}
			c.state.ID, c.state.Created = "ufawqhfyxnddngldkgtslldrkq", born
			reply, err := replicate.Dialect{}.Describe(req, &c.state)
			if err != nil {
				t.Fatal(err)
			}
			if got := text(t, reply.Body); reply.Status != c.status || got != c.want {
				t.Errorf("got %d %s\nwant %d %s", reply.Status, got, c.status, c.want)
			}
			if got, want := reply.Header.Get("Preference-Applied") != "", c.status == 201 && c.prefer != ""; got != want {
				t.Errorf("Preference-Applied: %t, want %t", got, want)
			}
		})
	}
}

// TestRefusalsByModel: each group of models says in its own words that it will not.
func TestRefusalsByModel(t *testing.T) {
	for model, want := range map[string]string{
		"black-forest-labs/flux-dev":     "All generated images contained NSFW content. Try running it again with a different prompt.",
		"stability-ai/sdxl":              "NSFW content detected. Try running it again, or try a different prompt.",
		"black-forest-labs/flux-1.1-pro": "The input or output was flagged as sensitive. Please try again with different inputs. (E005)",
	} {
		state := &dialect.State{ID: "p", Created: born, Completed: over, Err: &switchyard.Error{Kind: switchyard.Blocked}}
		reply, err := replicate.Dialect{}.Describe(&switchyard.Request{Model: model}, state)
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Error string         `json:"error"`
			Input map[string]any `json:"input"`
		}
		if err := json.Unmarshal([]byte(text(t, reply.Body)), &got); err != nil || got.Error != want || got.Input == nil {
			t.Errorf("%s: %+v %v", model, got, err)
		}
	}
}

func text(t *testing.T, b switchyard.Blob) string {
	t.Helper()
	r, err := b.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	p, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(p)
}
