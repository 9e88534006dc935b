package gemini_test

import (
	"net/http"
	"net/url"
	"testing"

	"switchyard/dialect/dialecttest"
	"switchyard/dialect/gemini"
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
