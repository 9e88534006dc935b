package gemini_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"switchyard"
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
		{path: "/v1/models/gemini:countTokens", want: true},
		{path: "/v1/models/ft:gpt-4.1-mini:acme::AbCdEf"}, // a model that OpenAI has tuned for somebody
		{path: "/v1/models/llama3:latest"},                // one of a server that speaks as OpenAI does
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

// TestNoPicture: what the model makes of a request is told from what ails the provider, and the app gets its finish reasons, and the
// words that it takes.
func TestNoPicture(t *testing.T) {
	pool, err := spool.New(spool.Config{Memory: 1 << 20, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	const talks, draws = `{"contents":[{"parts":[{"text":"a cat"}]}]}`, `{"contents":[{"parts":[{"text":"a cat"}]}],"generationConfig":{"responseModalities":["IMAGE"]}}`
	for _, c := range []struct {
		request, reply string
		declined, said bool
	}{
		{draws, `{"candidates":[{"content":{},"finishReason":"NO_IMAGE"}]}`, true, true},
		{draws, `{"candidates":[{"content":{},"finishReason":"IMAGE_OTHER"}]}`, true, true},
		{draws, `{"candidates":[{"content":{},"finishReason":"MAX_TOKENS"}]}`, true, true},
		{draws, `{"candidates":[{"content":{"parts":[{"text":"I would rather not."}]},"finishReason":"STOP"}]}`, true, false},
		{talks, `{"candidates":[{"content":{"parts":[{"text":"I would rather not."}]},"finishReason":"STOP"}]}`, true, true},
		{talks, `{"candidates":[{"content":{"parts":[{"text":"Hm.","thought":true}]},"finishReason":"STOP"}]}`, false, false},
		{talks, `{"candidates":[{"content":{},"finishReason":"OTHER"}]}`, false, false},
		{talks, `{"candidates":[{"content":{},"finishReason":"MALFORMED_RESPONSE"}]}`, false, false},
		{talks, `{"candidates":[{"content":{}}]}`, false, false},
		{talks, `{}`, false, false},
	} {
		const path = "/v1beta/models/gemini-nano-banana-2.1:generateContent"
		read := func(text string) *spool.Message {
			body, err := pool.Read(strings.NewReader(text), -1, 1<<10)
			if err != nil {
				t.Fatal(err)
			}
			return &spool.Message{Method: http.MethodPost, Path: path, Status: http.StatusOK, Header: http.Header{}, Body: body}
		}
		asked, reply := read(c.request), read(c.reply)
		req, err := (gemini.Dialect{}).DecodeRequest(asked)
		if err != nil {
			t.Fatal(err)
		}
		_, err = (gemini.Dialect{}).Decode(&dialect.Exchange{
			Target: &switchyard.Target{}, Request: req, Sent: &dialect.Outgoing{Method: http.MethodPost, Path: path}, Reply: reply,
		})
		e := switchyard.AsError(err)
		if e.Outcome != switchyard.BadReply || e.Declined != c.declined || e.Said != c.said {
			t.Errorf("%s: %s, declined %t, said %t", c.reply, e.Outcome, e.Declined, e.Said)
		}
		_, _ = asked.Body.Close(), reply.Body.Close()
	}
}
