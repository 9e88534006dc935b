package gemini_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"switchyard/dialect"
	"switchyard/dialect/dialecttest"
	"switchyard/dialect/gemini"
	"switchyard/spool"
)

func TestExchanges(t *testing.T) { dialecttest.Run(t, gemini.Dialect{}) }

func TestClaims(t *testing.T) {
	for _, c := range []struct {
		path, header, query string
		want                bool
	}{
		{path: "/v1beta/models", want: true},
		{path: "/v1beta/models/imagen:predict", want: true},
		{path: "/upload/v1beta/files", want: true},
		{path: "/v1/models/imagen:predict", want: true},
		{path: "/v1/tunedModels/x:generateContent"},
		{path: "/v1/models"},
		{path: "/v1/models", header: "Authorization"},
		{path: "/v1/models", header: "X-Goog-Api-Key", want: true},
		{path: "/v1/models/gemini", header: "X-Goog-Api-Key", want: true},
		{path: "/v1/batches", query: "key=k", want: true},
		{path: "/v1/images/generations", header: "X-Goog-Api-Key"},
		{path: "/models", query: "key=k"},
		{path: "/fal/run/x", header: "X-Goog-Api-Key"},
	} {
		query, err := url.ParseQuery(c.query)
		if err != nil {
			t.Fatal(err)
		}
		h := http.Header{}
		if c.header != "" {
			h.Set(c.header, "Bearer k")
		}
		if got := (gemini.Dialect{}).Claims(c.path, h, query); got != c.want {
			t.Errorf("%s with %q and %q: %t, want %t", c.path, c.header, c.query, got, c.want)
		}
	}
}

// TestGenerationOrNot: models that draw can be asked for text alone, which is nobody's picture.
func TestGenerationOrNot(t *testing.T) {
	pool, err := spool.New(spool.Config{Memory: 1 << 20, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		model, config string
		want          bool
	}{
		{"gemini-3-pro-image", `{}`, true},
		{"gemini-3-pro-image", `{"responseModalities":["TEXT","IMAGE"]}`, true},
		{"gemini-3-pro-image", `{"responseModalities":["TEXT"]}`, false},
		{"gemini-3-pro", `{}`, false},
		{"gemini-3-pro", `{"responseModalities":["image"]}`, true},
		{"gemini-3-pro", `{"responseModalities":"Image"}`, true},
		{"gemini-3-pro-image", `{"responseModalities":"TEXT"}`, false},
	} {
		body, err := pool.Read(strings.NewReader(`{"contents":[{"parts":[{"text":"a cat"}]}],"generationConfig":`+c.config+`}`), -1, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		path := "/v1beta/models/" + c.model + ":generateContent"
		_, err = (gemini.Dialect{}).DecodeRequest(&spool.Message{Method: "POST", Path: path, Header: http.Header{}, Body: body})
		if got := !errors.Is(err, dialect.ErrNotGeneration); got != c.want || got && err != nil {
			t.Errorf("%s %s: %v", c.model, c.config, err)
		}
		_ = body.Close()
	}
}
