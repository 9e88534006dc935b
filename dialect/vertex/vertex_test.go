package vertex_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"switchyard"
	"switchyard/dialect"
	"switchyard/dialect/dialecttest"
	"switchyard/dialect/vertex"
	"switchyard/spool"
)

func TestExchanges(t *testing.T) { dialecttest.Run(t, vertex.Dialect{}) }

func TestClaims(t *testing.T) {
	for path, want := range map[string]bool{
		"/v1beta1/projects/p/locations/global/publishers/google/models/gemini-3-pro-image:generateContent": true,
		"/v1/projects/p/locations/us-central1/endpoints/7:predict":                                         true,
		"/v1/publishers/google/models/gemini-3-pro-image:generateContent":                                  true,
		"/v1beta/models/gemini-3-pro-image:generateContent":                                                false,
		"/v1/models/imagen:predict":                                                                        false,
		"/v1/images/generations":                                                                           false,
		"/projects/p":                                                                                      false,
	} {
		if got := (vertex.Dialect{}).Claims(path, http.Header{}, nil); got != want {
			t.Errorf("%s: %t, want %t", path, got, want)
		}
	}
}

// TestGenerationOrNot: predict is what embeddings and forecasts are asked by, too; what Google writes to an app's own bucket, or
// makes larger, nobody else can do.
func TestGenerationOrNot(t *testing.T) {
	const (
		imagen = "projects/p/locations/us-central1/publishers/google/models/imagen-4.0-generate-001:predict"
		drawn  = `{"instances":[{"prompt":"a cat"}]}`
		asked  = `{"contents":[{"parts":[{"text":"a cat"}]}],"generationConfig":{"responseModalities":["IMAGE"]}}`
	)
	pool, err := spool.New(spool.Config{Memory: 1 << 20, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, path, body string
		want             bool
	}{
		{"Imagen", imagen, drawn, true},
		{"Imagen in express mode", "publishers/google/models/imagen-4.0-generate-001:predict", drawn, true},
		{"an Imagen of long ago", "projects/p/locations/us-central1/publishers/google/models/imagegeneration@002:predict", drawn, true},
		{"an Imagen that nobody knows yet", "projects/p/locations/us-central1/publishers/google/models/imagen-5.0-generate-001:predict", drawn, true},
		{"Gemini", "projects/p/locations/global/publishers/google/models/gemini-3-pro-image:generateContent", asked, true},
		{"embeddings", "projects/p/locations/us-central1/publishers/google/models/text-embedding-005:predict", `{"instances":[{"content":"a"},{"content":"b"}]}`, false},
		{"a try-on", "projects/p/locations/us-central1/publishers/google/models/virtual-try-on-001:predict", drawn, false},
		{"an upscale", imagen, `{"instances":[{"image":{"bytesBase64Encoded":"AAAA"}}],"parameters":{"mode":"upscale","sampleCount":1}}`, false},
		{"Imagen to a bucket", imagen, `{"instances":[{"prompt":"a cat"}],"parameters":{"storageUri":"gs://b/p"}}`, false},
		{"Gemini to a bucket, in protobuf's own spelling", "projects/p/locations/global/publishers/google/models/gemini-3-pro-image:generateContent", strings.TrimSuffix(asked, "}") + `,"output_config":{"output_uri_prefix":"gs://b/p/"}}`, false},
		{"Gemini, kept by Google", "projects/p/locations/global/publishers/google/models/gemini-3-pro-image:generateContent", strings.Replace(asked, `["IMAGE"]`, `["IMAGE"],"responseFormat":[{"image":{"delivery":"URI"}}]`, 1), false},
		{"Gemini, kept by Google, in protobuf's own spelling", "projects/p/locations/global/publishers/google/models/gemini-3-pro-image:generateContent", `{"contents":[{"parts":[{"text":"a cat"}]}],"generation_config":{"response_modalities":["IMAGE"],"response_format":{"image":{"delivery":"URI"}}}}`, false},
		{"Gemini to a bucket", "projects/p/locations/global/publishers/google/models/gemini-3-pro-image:generateContent", strings.TrimSuffix(asked, "}") + `,"outputConfig":{"outputUriPrefix":"gs://b/p/"}}`, false},
		{"a chat", "projects/p/locations/global/publishers/google/models/gemini-3-pro:generateContent", `{"contents":[{"parts":[{"text":"a cat"}]}]}`, false},
		{"somebody else's model", "projects/p/locations/us-east5/publishers/anthropic/models/claude:rawPredict", `{}`, false},
		{"another's generateContent", "projects/p/locations/us-east5/publishers/other/models/x-image:generateContent", asked, false},
		{"an endpoint", "projects/p/locations/us-central1/endpoints/7:predict", drawn, false},
	} {
		body, err := pool.Read(strings.NewReader(c.body), -1, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		m := &spool.Message{Method: http.MethodPost, Path: "/v1beta1/" + c.path, Header: http.Header{}, Body: body}
		got := (vertex.Dialect{}).Route("", m.Method, m.Path) == dialect.Generate
		if got {
			_, err = (vertex.Dialect{}).DecodeRequest(m)
			got = !errors.Is(err, dialect.ErrNotGeneration)
		}
		if got != c.want || got && err != nil {
			t.Errorf("%s: a generation: %t, want %t (%v)", c.name, got, c.want, err)
		}
		_ = body.Close()
	}
}

// TestBuckets: a picture in a bucket is for Google alone to read, under the app's account.
func TestBuckets(t *testing.T) {
	pool, err := spool.New(spool.Config{Memory: 1 << 20, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{
		"imagen-3.0-capability-001:predict":  `{"instances":[{"prompt":"a hat","referenceImages":[{"referenceType":"REFERENCE_TYPE_RAW","referenceImage":{"gcsUri":"gs://b/cat.png"}}]}]}`,
		"gemini-3-pro-image:generateContent": `{"contents":[{"parts":[{"text":"a hat"},{"fileData":{"mimeType":"image/png","fileUri":"gs://b/cat.png"}}]}]}`,
	} {
		body, err := pool.Read(strings.NewReader(text), -1, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		req, err := (vertex.Dialect{}).DecodeRequest(&spool.Message{Method: http.MethodPost, Path: "/v1/publishers/google/models/" + path, Header: http.Header{}, Body: body})
		if err != nil || len(req.References) != 1 || req.References[0].Kept != "vertex" || req.References[0].URL != "gs://b/cat.png" {
			t.Errorf("%s: %+v, %v", path, req, err)
		}
		_ = body.Close()
	}
}

func TestLocate(t *testing.T) {
	const (
		model = "publishers/google/models/gemini-3-pro-image:generateContent"
		ours  = "projects/ours/locations/europe-west4"
	)
	bases := map[string]string{"": "https://global", "us-central1": "https://us", "europe-west4": "https://eu"}
	for _, c := range []struct {
		name, home, key string
		path            string
		base, there     string
	}{
		{"the app's own", "", "", "/v1beta1/projects/theirs/locations/us-central1/" + model, "us-central1", "/v1beta1/projects/theirs/locations/us-central1/" + model},
		{"the app's own, anywhere", "", "", "/v1/projects/theirs/locations/global/" + model, "", "/v1/projects/theirs/locations/global/" + model},
		{"a place that nobody knows", "", "", "/v1/projects/theirs/locations/evil.example%2F/" + model, "", "/v1/projects/theirs/locations/evil.example%2F/" + model},
		{"the app's own key", "", "", "/v1beta1/" + model, "", "/v1beta1/" + model},
		{"ours", ours, "k", "/v1beta1/projects/theirs/locations/us-central1/" + model, "europe-west4", "/v1beta1/" + ours + "/" + model},
		{"ours, for an app with a key", ours, "k", "/v1/" + model, "europe-west4", "/v1/" + ours + "/" + model},
		{"our key alone", "", "k", "/v1/projects/theirs/locations/us-central1/" + model, "", "/v1/" + model},
		{"ours, for a key and an escaped colon", ours, "k", "/v1/publishers/google/models/text-embedding-005%3Apredict", "europe-west4", "/v1/" + ours + "/publishers/google/models/text-embedding-005%3Apredict"},
		{"a list, with our key", ours, "k", "/v1beta1/publishers/google/models", "", "/v1beta1/publishers/google/models"},
		{"an endpoint, with our key", ours, "k", "/v1/projects/theirs/locations/us-central1/endpoints/7:predict", "us-central1", "/v1/projects/theirs/locations/us-central1/endpoints/7:predict"},
	} {
		target := &switchyard.Target{Bases: bases, Home: c.home, Key: switchyard.NewSecret(c.key)}
		if base, there := (vertex.Dialect{}).Locate(target, c.path); base != c.base || there != c.there {
			t.Errorf("%s: %q %s, want %q %s", c.name, base, there, c.base, c.there)
		}
	}
}

// TestProjects: a project may have a colon in its name, or models/ at its end, or what a path has to escape.
func TestProjects(t *testing.T) {
	pool, err := spool.New(spool.Config{Memory: 1 << 20, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	for project, escaped := range map[string]string{"p": "p", "example.com:p": "example.com:p", "acme-models": "acme-models", "a?b c": "a%3Fb%20c"} {
		const model = "publishers/google/models/gemini-3-pro-image"
		body, err := pool.Read(strings.NewReader(`{"contents":[{"parts":[{"text":"a cat"}]}]}`), -1, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		home := "projects/" + project + "/locations/global/"
		m := &spool.Message{Method: http.MethodPost, Path: "/v1/" + home + model + ":generateContent", Header: http.Header{}, Body: body}
		req, err := (vertex.Dialect{}).DecodeRequest(m)
		if err != nil || req.Model != "gemini-3-pro-image" {
			t.Errorf("%s: %+v, %v", project, req, err)
			continue
		}
		req.Dialect, req.Path = "vertex", m.Path
		want := "/v1/projects/" + escaped + "/locations/global/" + model + ":generateContent"
		target := &switchyard.Target{Dialect: "vertex", Model: req.Model, Bases: map[string]string{"": "https://global"}}
		encoded, err := (vertex.Dialect{}).Encode(target, req, nil)
		if err != nil || encoded.Path != want {
			t.Errorf("%s: written to %s, %v, want %s", project, encoded.Path, err, want)
		}
		forwarded, err := (vertex.Dialect{}).Forward(target, req, m)
		if err != nil || forwarded.Path != want {
			t.Errorf("%s: forwarded to %s, %v, want %s", project, forwarded.Path, err, want)
		}
		reply := (vertex.Dialect{}).EncodeError(req, &switchyard.Error{Kind: switchyard.UnknownModel})
		if text := string(reply.Body.(spool.Bytes)); !strings.Contains(text, "Publisher Model `"+home+model+"` was not found") {
			t.Errorf("%s: %s", project, text)
		}
		_ = body.Close()
	}
}

// TestPasses: what names a project, or how it pays, goes along with its own credential alone.
func TestPasses(t *testing.T) {
	for _, c := range []struct {
		name string
		own  bool
		want bool
	}{
		{"X-Vertex-AI-LLM-Request-Type", true, true},
		{"X-Vertex-AI-LLM-Shared-Request-Type", true, true},
		{"X-Vertex-AI-LLM-Request-Type", false, false},
		{"X-Goog-User-Project", true, true},
		{"X-Goog-User-Project", false, false},
		{"X-Goog-Api-Client", false, true},
		{"Cookie", true, false},
	} {
		if got := (vertex.Dialect{}).Passes(http.CanonicalHeaderKey(c.name), c.own); got != c.want {
			t.Errorf("%s, own %t: %t", c.name, c.own, got)
		}
	}
}
