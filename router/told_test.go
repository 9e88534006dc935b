package router_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"mime"
	"net/url"
	"strings"
	"testing"

	"switchyard"
	"switchyard/dialect"
	"switchyard/dialect/all"
	"switchyard/router"
	"switchyard/spool"
)

// wishes are what an app may say, one at a time. Those that are a model's default need not be said to it, and are not here.
var wishes = map[string]func(*switchyard.Request){
	"negative prompt":      func(r *switchyard.Request) { r.NegativePrompt = "rain" },
	"2048x2048":            func(r *switchyard.Request) { r.Size = switchyard.Size{Width: 2048, Height: 2048} },
	"1280x960":             func(r *switchyard.Request) { r.Size = switchyard.Size{Width: 1280, Height: 960} },
	"2:3":                  func(r *switchyard.Request) { r.Aspect = switchyard.Aspect{W: 2, H: 3} },
	"512":                  func(r *switchyard.Request) { r.Resolution = "512" },
	"4K":                   func(r *switchyard.Request) { r.Resolution = "4K" },
	"a class nobody knows": func(r *switchyard.Request) { r.Resolution = "32K" },
	"low quality":          func(r *switchyard.Request) { r.Quality = switchyard.QualityLow },
	"highest quality":      func(r *switchyard.Request) { r.Quality = switchyard.QualityMax },
	"gif":                  func(r *switchyard.Request) { r.Format = "gif" },
	"small jpeg":           func(r *switchyard.Request) { r.Format, r.Compression = "jpeg", ptr(20) },
	"small":                func(r *switchyard.Request) { r.Compression = ptr(20) },
	"transparent":          func(r *switchyard.Request) { r.Background = "transparent" },
	"seed":                 func(r *switchyard.Request) { r.Seed = ptr(uint64(7)) },
	"guidance":             func(r *switchyard.Request) { r.Guidance = ptr(1.25) },
	"steps":                func(r *switchyard.Request) { r.Steps = ptr(2) },
	"strength":             func(r *switchyard.Request) { r.Strength = ptr(0.5) },
	"style":                func(r *switchyard.Request) { r.Style = "cubist" },
	"strict":               func(r *switchyard.Request) { r.Safety = switchyard.SafetyStrict },
	"relaxed":              func(r *switchyard.Request) { r.Safety = switchyard.SafetyRelaxed },
	"no checks":            func(r *switchyard.Request) { r.Safety = switchyard.SafetyOff },
	"no people":            func(r *switchyard.Request) { r.People = "none" },
	"all people":           func(r *switchyard.Request) { r.People = "all" },
	"Japanese":             func(r *switchyard.Request) { r.Language = "ja" },
	"enhanced":             func(r *switchyard.Request) { r.Enhance = ptr(true) },
	"as it is written":     func(r *switchyard.Request) { r.Enhance = ptr(false) },
	"no watermark":         func(r *switchyard.Request) { r.Watermark = ptr(false) },
	"kept closely":         func(r *switchyard.Request) { r.KeepInput = "high" },
	"user":                 func(r *switchyard.Request) { r.User = "u-1" },
}

// TestNothingIsLostInSilence: whatever an app wishes for, each model is told, or the app is told that it is not.
func TestNothingIsLostInSilence(t *testing.T) {
	fitted := 0
	for _, d := range all.Dialects() {
		for _, row := range d.Models().Rows() {
			for references := range min(row.Can.References, 1) + 1 {
				if row.Can.MustRefer && references == 0 {
					continue
				}
				said := func(wish func(*switchyard.Request)) (string, *router.Fitted) {
					req := &switchyard.Request{Dialect: "an app's", Prompt: "a signal box", Images: 1}
					for range references {
						req.References = append(req.References, switchyard.Reference{Image: switchyard.Image{Blob: spool.Bytes("a picture"), MIME: "image/png"}})
					}
					wish(req)
					f, err := router.Fit(req, row, target(d.Name(), row))
					if err != nil {
						t.Fatalf("%s: %v", row.ID, err)
					}
					return encoded(t, d, row, f.Request), f
				}
				plain, before := said(func(*switchyard.Request) {})
				if n := strings.Count(plain, "a picture") + strings.Count(plain, base64.StdEncoding.EncodeToString([]byte("a picture"))); n != references {
					t.Errorf("%s: %s is sent %d of %d pictures", d.Name(), row.ID, n, references)
				}
				for name, wish := range wishes {
					if name == "strength" && references == 0 {
						continue // of what?
					}
					text, f := said(wish)
					fitted++
					if text == plain && f.Fidelity.String() == before.Fidelity.String() && f.Format == before.Format {
						t.Errorf("%s: %s with %d references is not told %q, and the app hears %q", d.Name(), row.ID, references, name, f.Fidelity)
					}
				}
			}
		}
	}
	if fitted == 0 {
		t.Error("no model was asked")
	}
}

// TestWhatIsToldIsUnderstood: what a dialect writes of an app's wish, an app of that dialect may write, and is understood.
func TestWhatIsToldIsUnderstood(t *testing.T) {
	pool, err := spool.New(spool.Config{Memory: 8 << 20, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	understood := 0
	for _, d := range all.Dialects() {
		for _, row := range d.Models().Rows() {
			for references := range min(row.Can.References, 1) + 1 {
				if row.ID == dialect.Anything || row.Can.MustRefer && references == 0 {
					continue
				}
				told := func(wish func(*switchyard.Request)) *switchyard.Request {
					req := &switchyard.Request{Dialect: "an app's", Prompt: "a signal box", Images: 1}
					for range references {
						req.References = append(req.References, switchyard.Reference{Image: switchyard.Image{Blob: spool.Bytes("a picture"), MIME: "image/png"}})
					}
					wish(req)
					f, err := router.Fit(req, row, target(d.Name(), row))
					if err != nil {
						t.Fatalf("%s: %v", row.ID, err)
					}
					return f.Request
				}
				unasked := told(func(*switchyard.Request) {})
				plain, silence := settings(unasked), encoded(t, d, row, unasked)
				for name, wish := range wishes {
					req := told(wish)
					if encoded(t, d, row, req) == silence {
						continue // that is what it makes
					}
					got, err := decoded(t, pool, d, row, req)
					if err != nil {
						t.Errorf("%s: %s with %d references: %s: %v", d.Name(), row.ID, references, name, err)
						continue
					}
					is, want := settings(got), settings(req)
					for field, value := range want {
						switch {
						case value == plain[field]:
						case field == "aspect" && req.Size != switchyard.Size{}: // that of the size
						case field == "safety" && row.Form == "flux-2": // its laxest is not off elsewhere
						case is[field] != value:
							t.Errorf("%s: %s with %d references: of %s the %s %s is understood as %s", d.Name(), row.ID, references, name, field, value, is[field])
						default:
							understood++
						}
					}
				}
			}
		}
	}
	if understood == 0 {
		t.Error("no model was asked")
	}
}

// settings are the fields that wishes are about.
func settings(r *switchyard.Request) map[string]string {
	text, _ := json.Marshal(map[string]any{
		"negative prompt": r.NegativePrompt, "size": r.Size, "aspect": r.Aspect, "resolution": r.Resolution, "quality": r.Quality, "format": r.Format,
		"compression": r.Compression, "background": r.Background, "seed": r.Seed, "guidance": r.Guidance, "steps": r.Steps, "strength": r.Strength,
		"style": r.Style, "safety": r.Safety, "people": r.People, "language": r.Language, "enhance": r.Enhance, "watermark": r.Watermark,
		"input": r.KeepInput, "user": r.User,
	})
	raw, list := map[string]json.RawMessage{}, map[string]string{}
	_ = json.Unmarshal(text, &raw)
	for field, value := range raw {
		list[field] = string(value)
	}
	return list
}

// decoded is what a request that is sent to a model means.
func decoded(t *testing.T, pool *spool.Pool, d dialect.Dialect, row *switchyard.Model, req *switchyard.Request) (*switchyard.Request, error) {
	t.Helper()
	out, err := d.Encode(target(d.Name(), row), req, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := out.Body.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	read := pool.ReadJSON
	if strings.HasPrefix(out.Header.Get("Content-Type"), "multipart/") {
		read = pool.Read
	}
	body, err := read(r, out.Body.Len(), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	path, err := url.PathUnescape(out.Path)
	if err != nil {
		t.Fatal(err)
	}
	return d.DecodeRequest(&spool.Message{Base: out.Base, Method: out.Method, Path: path, Query: out.Query, Header: out.Header, Body: body})
}

// encoded is what a model is sent.
func encoded(t *testing.T, d dialect.Dialect, row *switchyard.Model, req *switchyard.Request) string {
	t.Helper()
	out, err := d.Encode(target(d.Name(), row), req, nil)
	if err != nil {
		t.Fatalf("%s: %v", row.ID, err)
	}
	r, err := out.Body.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if _, params, err := mime.ParseMediaType(out.Header.Get("Content-Type")); err == nil && params["boundary"] != "" {
		return strings.ReplaceAll(string(text), params["boundary"], "boundary") // another one each time
	}
	return string(text)
}
