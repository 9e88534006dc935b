package sim_test

import (
	"bytes"
	"encoding/json"
	"image"
	_ "image/jpeg"
	_ "image/png"
	"io"
	"net/http"
	"strings"
	"testing"

	_ "golang.org/x/image/webp"

	"switchyard"
	"switchyard/sim"
)

// start runs a world for one test.
func start(t *testing.T, cfg sim.Config) *sim.World {
	t.Helper()
	w, err := sim.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// reply is what came back; err is set instead if the connection broke.
type reply struct {
	status int
	header http.Header
	body   []byte
	err    error
}

func (r reply) json(t *testing.T) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal(r.body, &v); err != nil {
		t.Fatalf("status %d, body %.200q: %v", r.status, r.body, err)
	}
	return v
}

// call sends body, with header as "Name: value" lines.
func call(t *testing.T, method, url, body string, header ...string) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return reply{err: err}
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, data, err}
}

// at walks v by keys and indexes.
func at(v any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}

// checkPicture wants an image of that format and size that carries the mark.
func checkPicture(t *testing.T, data []byte, format string, size switchyard.Size, want sim.Mark) {
	t.Helper()
	img, got, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("%.40q: %v", data, err)
	}
	if got != format {
		t.Errorf("format %s, want %s", got, format)
	}
	if b := img.Bounds(); b.Dx() != size.Width || b.Dy() != size.Height {
		t.Errorf("size %v, want %v", b, size)
	}
	m, ok := sim.ReadMark(img)
	if !ok || m != want {
		t.Errorf("mark %+v %v, want %+v", m, ok, want)
	}
}

// wire is one exchange of a table: what is sent, and parts of what must come back.
type wire struct {
	name   string
	method string // POST if empty
	path   string
	body   string
	header []string // in place of the provider's own credentials, if not nil
	status int
	want   []string // texts that the body must have
	not    []string // and must not
}

// exchange plays each line of a table at base with auth as its credentials.
func exchange(t *testing.T, base, auth string, table []wire) {
	for _, w := range table {
		t.Run(w.name, func(t *testing.T) {
			header := w.header
			if header == nil {
				header = []string{auth}
			}
			method := w.method
			if method == "" {
				method = "POST"
			}
			r := call(t, method, base+w.path, w.body, header...)
			if r.err != nil || r.status != w.status {
				t.Fatalf("status %d, want %d; %v; %.300s", r.status, w.status, r.err, r.body)
			}
			for _, s := range w.want {
				if !strings.Contains(string(r.body), s) {
					t.Errorf("want %s in %.600s", s, r.body)
				}
			}
			for _, s := range w.not {
				if strings.Contains(string(r.body), s) {
					t.Errorf("do not want %s in %.600s", s, r.body)
				}
			}
		})
	}
}
