package fal_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"switchyard"
	"switchyard/dialect"
	"switchyard/dialect/fal"
	"switchyard/spool"
)

func TestRoute(t *testing.T) {
	for _, c := range []struct {
		base, method, path string
		want               dialect.Op
	}{
		{"", "POST", "/fal-ai/flux/dev", dialect.Generate},
		{"", "POST", "/fal-ai/fast-sdxl", dialect.Generate},
		{"", "POST", "/owner/app/a/b/c", dialect.Generate},
		{"", "POST", "/workflows/me/flow/x", dialect.Generate},
		{"", "POST", "/123456-alias", dialect.Generate},
		{"", "POST", "/workflows/me", dialect.Other},
		{"", "POST", "/fal-ai/flux/dev/stream", dialect.Other},
		{"", "POST", "/fal-ai/flux/realtime", dialect.Other},
		{"", "POST", "/alone", dialect.Other},
		{"", "POST", "/", dialect.Other},
		{"", "POST", "/a//b", dialect.Other},
		{"", "POST", "/fal-ai/flux/requests/1", dialect.Other},
		{"", "GET", "/fal-ai/flux/dev", dialect.Other},
		{"queue", "POST", "/fal-ai/flux/dev", dialect.Generate},
		{"queue", "GET", "/fal-ai/flux/requests/1/status", dialect.Ticket},
		{"queue", "GET", "/fal-ai/flux/dev/requests/1/response", dialect.Ticket},
		{"queue", "GET", "/workflows/me/flow/requests/1", dialect.Ticket},
		{"queue", "PUT", "/fal-ai/flux/requests/1/cancel", dialect.Ticket},
		{"queue", "GET", "/fal-ai/flux/requests/1/cancel", dialect.Other}, // which only looks
		{"queue", "PUT", "/fal-ai/flux/requests/1", dialect.Other},
		{"queue", "GET", "/fal-ai/flux/requests/1/elsewhere", dialect.Other},
		{"queue", "GET", "/fal-ai/flux/requests/", dialect.Other},
		{"queue", "POST", "/fal-ai/flux/dev/stream", dialect.Other},
		{"", "GET", "/fal-ai/flux/requests/1", dialect.Other},
		{"rest", "POST", "/storage/upload/initiate", dialect.Files},
		{"rest", "POST", "/storage/upload/initiate-multipart", dialect.Files},
		{"rest", "GET", "/storage/upload/initiate", dialect.Other},
		{"rest", "POST", "/storage/auth/token", dialect.Other},
		{"queue", "POST", "/storage/upload/initiate", dialect.Generate},
		{"files", "PUT", "/upload/u", dialect.Files},
		{"files", "POST", "/fal-ai/flux/dev", dialect.Files},
	} {
		if got := (fal.Dialect{}).Route(c.base, c.method, c.path); got != c.want {
			t.Errorf("%q %s %s: got %d, want %d", c.base, c.method, c.path, got, c.want)
		}
	}
}

func TestClaimsNothing(t *testing.T) {
	for _, path := range []string{"/fal-ai/flux/dev", "/v1/predictions", "/"} {
		if (fal.Dialect{}).Claims(path, nil, nil) {
			t.Errorf("claims %s", path)
		}
	}
}

func TestKeys(t *testing.T) {
	for _, c := range []struct{ header, query, want, put string }{
		{"Key id:secret", "", "id:secret", "Key id:secret"},
		{"key id:secret", "", "id:secret", "Key id:secret"},
		{"Bearer vk-1", "", "vk-1", "Key vk-1"},
		{"Bearer eyJh.eyJi.c", "", "eyJh.eyJi.c", "Bearer eyJh.eyJi.c"},
		{"", "tok", "tok", "Key tok"},
		{"Basic eA==", "", "", ""},
		{"", "", "", ""},
	} {
		h, q := http.Header{}, url.Values{"logs": {"1"}}
		if c.header != "" {
			h.Set("Authorization", c.header)
		}
		if c.query != "" {
			q.Set("fal_jwt_token", c.query)
		}
		key := (fal.Dialect{}).TakeKey(h, q)
		if key.Reveal() != c.want || len(h) != 0 || len(q) != 1 {
			t.Errorf("%q %q: took %q, left %v %v", c.header, c.query, key.Reveal(), h, q)
		}
		(fal.Dialect{}).PutKey(h, key)
		if got := h.Get("Authorization"); got != c.put {
			t.Errorf("put %q, want %q", got, c.put)
		}
	}
}

func TestPasses(t *testing.T) {
	for name, want := range map[string]bool{
		"Accept": true, "X-Fal-Queue-Priority": true, "X-App-Fal-Disable-Fallback": true,
		"X-Fal-Target-Url": false, "Authorization": false, "Cookie": false, "X-Request-Id": false,
	} {
		if got := (fal.Dialect{}).Passes(name, false); got != want {
			t.Errorf("%s: %t, want %t", name, got, want)
		}
	}
}

func TestGenerationOrNot(t *testing.T) {
	pool, err := spool.New(spool.Config{Memory: 1 << 20, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path, body string
		want       bool
	}{
		{"/me/my-pictures", `{"prompt":"a"}`, true},
		{"/fal-ai/ideogram/v3", `{"prompt":"a"}`, true},
		{"/fal-ai/qwen-image", `{"prompt":"a"}`, true},
		{"/me/my-pictures", `{"text":"a"}`, false},
		{"/me/my-pictures", `{"prompt":["a"]}`, false},
		{"/fal-ai/minimax-video/image-to-video", `{"prompt":"a"}`, false},
		{"/fal-ai/kling-video/v2/master", `{"prompt":"a"}`, false},
		{"/fal-ai/wan/v2.2-a14b", `{"prompt":"a"}`, false},
		{"/fal-ai/any-llm", `{"prompt":"a"}`, false},
		{"/fal-ai/stable-audio", `{"prompt":"a"}`, false},
		{"/fal-ai/elevenlabs/tts", `{"prompt":"a"}`, false},
		{"/fal-ai/photomaker", `{"prompt":"a","image_archive_url":"https://x.test/a.zip"}`, false},
	} {
		body, err := pool.Read(strings.NewReader(c.body), -1, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		_, err = (fal.Dialect{}).DecodeRequest(&spool.Message{Method: "POST", Path: c.path, Header: http.Header{}, Body: body})
		if got := !errors.Is(err, dialect.ErrNotGeneration); got != c.want || got && err != nil {
			t.Errorf("%s %s: %v", c.path, c.body, err)
		}
		_ = body.Close()
	}
}

// TestMaskless: an app that must have a mask is not asked without one, if it has a sibling that needs none.
func TestMaskless(t *testing.T) {
	for _, app := range []string{"fal-ai/fast-sdxl", "fal-ai/fast-lightning-sdxl"} {
		target := &switchyard.Target{Model: app + "/inpainting", Row: fal.Dialect{}.Models().Find(app + "/inpainting")}
		req := &switchyard.Request{Prompt: "a signal box", Images: 1, References: make([]switchyard.Reference, 1)}
		req.References[0].URL = "https://x.test/a.png"
		for _, want := range []string{"/image-to-image", "/inpainting"} {
			out, err := (fal.Dialect{}).Encode(target, req, nil)
			if err != nil || out.Path != "/"+app+want {
				t.Errorf("%v, %v; want %s", out, err, want)
			}
			req.Mask = &switchyard.Mask{Image: req.References[0].Image}
		}
	}
}

// TestRows writes a simple request for every model of the table.
func TestRows(t *testing.T) {
	for _, row := range (fal.Dialect{}).Models().Rows() {
		req := &switchyard.Request{Prompt: "a signal box", Images: 1}
		if row.Can.MustRefer {
			req.References = make([]switchyard.Reference, min(row.Can.References, 1))
		}
		for i := range req.References {
			req.References[i].URL = "https://x.test/a.png"
		}
		target := &switchyard.Target{Model: row.ID, Row: row}
		out, err := (fal.Dialect{}).Encode(target, req, nil)
		if err != nil || out.Body.Len() == 0 || !strings.HasPrefix(out.Path, "/") {
			t.Errorf("%s: %v %v", row.ID, out, err)
		}
		for kind, id := range row.Endpoints {
			if kind != "text" && kind != "edit" && kind != "mask" && kind != "multi" {
				t.Errorf("%s: endpoint %q", row.ID, kind)
			}
			if (fal.Dialect{}).Models().Find(id) == nil {
				t.Errorf("%s: endpoint %s is no row", row.ID, id)
			}
		}
	}
}
