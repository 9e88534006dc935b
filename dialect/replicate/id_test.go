package replicate_test

import (
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"switchyard"
	"switchyard/dialect"
	"switchyard/dialect/replicate"
	"switchyard/spool"
)

func TestRoute(t *testing.T) {
	for _, c := range []struct {
		method, path string
		want         dialect.Op
	}{
		{"POST", "/v1/predictions", dialect.Generate},
		{"POST", "/v1/models/o/n/predictions", dialect.Generate},
		{"POST", "/v1/deployments/o/n/predictions", dialect.Generate},
		{"POST", "/v1/models/o/n/versions/x/predictions", dialect.Other},
		{"POST", "/v1/models//n/predictions", dialect.Other},
		{"POST", "/predictions", dialect.Other},
		{"GET", "/v1/predictions", dialect.Ticket},
		{"GET", "/v1/predictions/p", dialect.Ticket},
		{"POST", "/v1/predictions/p/cancel", dialect.Ticket},
		{"GET", "/v1/predictions/p/cancel", dialect.Other},
		{"POST", "/v1/predictions/p", dialect.Other},
		{"DELETE", "/v1/predictions/p", dialect.Other},
		{"GET", "/v1/models/o/n/versions/x", dialect.Other},
		{"GET", "/v1/models/fofr/face-to-many/versions/x", dialect.Page},
		{"GET", "/v1/webhooks/default/secret", dialect.Page},
		{"POST", "/v1/files", dialect.Files},
		{"GET", "/v1/files", dialect.Files},
		{"GET", "/v1/files/f", dialect.Files},
		{"DELETE", "/v1/files/f", dialect.Files},
		{"GET", "/v1/files/f/download", dialect.Files},
		{"PUT", "/v1/files/f", dialect.Other},
		{"GET", "/v1/files/f/elsewhere", dialect.Other},
		{"GET", "/v1/account", dialect.Other},
	} {
		if got := (replicate.Dialect{}).Route("", c.method, c.path); got != c.want {
			t.Errorf("%s %s: got %d, want %d", c.method, c.path, got, c.want)
		}
	}
}

func TestClaims(t *testing.T) {
	for path, want := range map[string]bool{
		"/v1/predictions":                       true,
		"/v1/predictions/p/cancel":              true,
		"/v1/deployments/o/n/predictions":       true,
		"/v1/webhooks/default/secret":           true,
		"/v1/models/o/n":                        true,
		"/v1/models/o/n/predictions":            true,
		"/v1/models":                            false,
		"/v1/models/gpt-image-2":                false,
		"/v1/models/imagen:predict":             false,
		"/v1/models/tunedModels/x:predict":      false,
		"/v1/files":                             false, // OpenAI has them, too
		"/v1/images/generations":                false,
		"/v1beta/models/o/n":                    false,
		"/v1/predictionsX":                      false,
		"/black-forest-labs/flux-dev":           false,
		"/v1/models/projects/locations/x:count": false,
	} {
		if got := (replicate.Dialect{}).Claims(path, nil, nil); got != want {
			t.Errorf("%s: %t, want %t", path, got, want)
		}
	}
}

func TestKeys(t *testing.T) {
	for header, want := range map[string]string{"Bearer r8_x": "r8_x", "Token r8_x": "r8_x", "bearer  r8_x": "r8_x", "Basic eA==": "", "": ""} {
		h := http.Header{}
		if header != "" {
			h.Set("Authorization", header)
		}
		key := (replicate.Dialect{}).TakeKey(h, nil)
		if key.Reveal() != want || len(h) != 0 {
			t.Errorf("%q: took %q, left %v", header, key.Reveal(), h)
		}
		(replicate.Dialect{}).PutKey(h, key)
		if got := h.Get("Authorization"); want != "" && got != "Bearer "+want || want == "" && got != "" {
			t.Errorf("%q: put %q", header, got)
		}
	}
}

func TestNewTicket(t *testing.T) {
	a, b := (replicate.Dialect{}).NewTicket([20]byte{1}), (replicate.Dialect{}).NewTicket([20]byte{2})
	if !regexp.MustCompile(`^[a-z2-7]{26}$`).MatchString(a) || a == b {
		t.Errorf("%q, %q", a, b)
	}
}

func TestTicketOf(t *testing.T) {
	for _, c := range []struct {
		method, path, id string
		cancel           bool
	}{
		{"GET", "/v1/predictions/p", "p", false},
		{"POST", "/v1/predictions/p/cancel", "p", true},
		{"GET", "/v1/predictions", "", false},
		{"POST", "/v1/models/o/n/predictions", "", false},
	} {
		if call := (replicate.Dialect{}).TicketOf(c.method, c.path); call.ID != c.id || call.Cancel != c.cancel {
			t.Errorf("%s %s: %+v", c.method, c.path, call)
		}
	}
}

var pool *spool.Pool

func newPool(t testing.TB) *spool.Pool {
	t.Helper()
	if pool == nil {
		var err error
		if pool, err = spool.New(spool.Config{Memory: 1 << 20, Dir: t.TempDir()}); err != nil {
			t.Fatal(err)
		}
	}
	return pool
}

func decode(t testing.TB, path, prefer, text string) (*switchyard.Request, error) {
	t.Helper()
	body, err := newPool(t).Read(strings.NewReader(text), -1, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = body.Close() })
	h := http.Header{}
	if prefer != "" {
		h.Set("Prefer", prefer)
	}
	return replicate.Dialect{}.DecodeRequest(&spool.Message{Method: "POST", Path: path, Header: h, Body: body})
}

const sdxl = "7762fd07cf82c948538e41f63f77d685e02b063e37e496e96eefd46c929f9bdc"

func TestModelNames(t *testing.T) {
	other := strings.Repeat("0", 64)
	for _, c := range []struct{ path, body, model, version string }{
		{"/v1/predictions", `{"version":"` + sdxl + `","input":{}}`, "stability-ai/sdxl", sdxl},
		{"/v1/predictions", `{"version":"stability-ai/sdxl:` + other + `","input":{}}`, "stability-ai/sdxl", other},
		{"/v1/predictions", `{"version":"stability-ai/sdxl","input":{}}`, "stability-ai/sdxl", ""},
		{"/v1/models/stability-ai/sdxl/predictions", `{"input":{}}`, "stability-ai/sdxl", ""},
		{"/v1/predictions", `{"version":"` + other + `","input":{"prompt":"a"}}`, "", ""},
		{"/v1/predictions", `{"version":"me/own:` + other + `","input":{"prompt":"a"}}`, "", ""},
		{"/v1/models/meta/llama/predictions", `{"input":{"prompt":"a"}}`, "", ""},
		{"/v1/deployments/stability-ai/sdxl/predictions", `{"input":{"prompt":"a"}}`, "", ""},
	} {
		req, err := decode(t, c.path, "", c.body)
		switch {
		case c.model == "" && !errors.Is(err, dialect.ErrNotGeneration):
			t.Errorf("%s %s: %v, want no generation", c.path, c.body, err)
		case c.model == "":
		case err != nil:
			t.Errorf("%s %s: %v", c.path, c.body, err)
		case req.Model != c.model || req.Memo["version"] != c.version || !req.Async:
			t.Errorf("%s %s: model %q, version %q", c.path, c.body, req.Model, req.Memo["version"])
		}
	}
}

func TestPrefer(t *testing.T) {
	for prefer, want := range map[string]time.Duration{
		"": 0, "wait": time.Minute, "wait=1": time.Second, "wait=60": time.Minute, "wait=61": time.Minute,
		"wait=0": 0, "wait=-5": 0, "respond-async, wait=5": 5 * time.Second, "return=minimal": 0, "waiting": 0,
	} {
		req, err := decode(t, "/v1/models/black-forest-labs/flux-dev/predictions", prefer, `{"input":{"prompt":"a"}}`)
		if err != nil || req.Wait != want {
			t.Errorf("%q: %v %v, want %v", prefer, req.Wait, err, want)
		}
	}
}

// TestImagesOfASequence: a number of pictures counts only if the app has asked for a sequence.
func TestImagesOfASequence(t *testing.T) {
	for input, want := range map[string]int{
		`{"prompt":"a","max_images":3}`:                                          1,
		`{"prompt":"a","max_images":3,"sequential_image_generation":"disabled"}`: 1,
		`{"prompt":"a","max_images":3,"sequential_image_generation":"auto"}`:     3,
	} {
		req, err := decode(t, "/v1/models/bytedance/seedream-4/predictions", "", `{"input":`+input+`}`)
		if err != nil || req.Images != want {
			t.Errorf("%s: %+v, %v", input, req, err)
		}
	}
}

// TestWaits: an app that waits saves the polls; for a ticket the job's id is wanted at once.
func TestWaits(t *testing.T) {
	for async, want := range map[bool]string{false: "wait=60", true: ""} {
		req := &switchyard.Request{Prompt: "a signal box", Images: 1, Async: async}
		out, err := (replicate.Dialect{}).Encode(&switchyard.Target{Model: "black-forest-labs/flux-dev"}, req, nil)
		if err != nil || out.Header.Get("Prefer") != want {
			t.Errorf("async %t: Prefer is %q, %v", async, out.Header.Get("Prefer"), err)
		}
	}
}

// TestPartOfAnOutput: the pictures that are there already are not all of them, unless an answer that was waited for has as many as
// were asked for.
func TestPartOfAnOutput(t *testing.T) {
	const one, two = `["https://x.test/1.png"]`, `["https://x.test/1.png","https://x.test/2.png"]`
	for _, c := range []struct {
		method, status, output string
		images                 int // 0: it is asked for again
	}{
		{"POST", "starting", "null", 0},
		{"POST", "processing", one, 0},
		{"POST", "processing", two, 2},
		{"POST", "succeeded", one, 1},
		{"GET", "processing", one, 0},
		{"GET", "processing", two, 0},
		{"GET", "succeeded", two, 2},
	} {
		body, err := newPool(t).Read(strings.NewReader(`{"id":"p","status":"`+c.status+`","output":`+c.output+`}`), -1, 1<<10)
		if err != nil {
			t.Fatal(err)
		}
		step, err := (replicate.Dialect{}).Decode(&dialect.Exchange{
			Target: &switchyard.Target{}, Request: &switchyard.Request{Images: 2}, Sent: &dialect.Outgoing{Method: c.method},
			Reply: &spool.Message{Status: http.StatusCreated, Header: http.Header{}, Body: body},
		})
		switch {
		case err != nil || step.Poll != (c.images == 0):
			t.Errorf("%s %s %s: %+v, %v", c.method, c.status, c.output, step, err)
		case c.images > 0 && len(step.Result.Images) != c.images:
			t.Errorf("%s %s %s: %d pictures", c.method, c.status, c.output, len(step.Result.Images))
		}
		_ = body.Close()
	}
}

// TestRows writes a simple request for every model of the table.
func TestRows(t *testing.T) {
	for _, row := range (replicate.Dialect{}).Models().Rows() {
		req := &switchyard.Request{Prompt: "a signal box", Images: 1}
		if row.Can.MustRefer {
			req.References = []switchyard.Reference{{Image: switchyard.Image{URL: "https://x.test/a.png"}}}
		}
		out, err := (replicate.Dialect{}).Encode(&switchyard.Target{Model: row.ID, Row: row}, req, nil)
		if err != nil || out.Body.Len() == 0 || !strings.HasPrefix(out.Path, "/v1/") {
			t.Errorf("%s: %v %v", row.ID, out, err)
		}
		if byHash := len(row.Aliases) > 0; byHash != (out.Path == "/v1/predictions") {
			t.Errorf("%s: path %s", row.ID, out.Path)
		}
	}
}
