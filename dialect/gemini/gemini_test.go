package gemini_test

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
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

// TestTakeKey: whatever may authenticate at Google is found, and taken out.
func TestTakeKey(t *testing.T) {
	for _, c := range []struct{ key, bearer, query, want string }{
		{},
		{key: "k", want: "k"},
		{query: "key=k", want: "k"},
		{bearer: "Bearer t", want: "bearer t"},
		{query: "access_token=t", want: "bearer t"},
		{query: "oauth_token=t", want: "bearer t"},
		{key: "k", bearer: "Bearer t", query: "key=q&access_token=u&oauth_token=v", want: "k"},
		{bearer: "Basic t", want: ""},
	} {
		h := http.Header{"X-Goog-Api-Key": {c.key}, "Authorization": {c.bearer}}
		query, err := url.ParseQuery(c.query + "&alt=sse")
		if err != nil {
			t.Fatal(err)
		}
		if got := (gemini.Dialect{}).TakeKey(h, query).Reveal(); got != c.want || len(h) > 0 || query.Encode() != "alt=sse" {
			t.Errorf("%+v: %q, want %q; left are %v and %v", c, got, c.want, h, query)
		}
	}
}

// TestTexts: a text that cannot be read is told of. Left out, it would be a part of the prompt that got lost.
func TestTexts(t *testing.T) {
	pool, err := spool.New(spool.Config{Memory: 8 << 20, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		`"a cat"`: "", `null`: "", `""`: "",
		`7`:         "Invalid value at 'part.text': expected a string, got a number",
		`["a cat"]`: "Invalid value at 'part.text': expected a string, got an array",
		`"` + strings.Repeat("a", spool.MaxText+1) + `"`: "Invalid value at 'part.text': expected a shorter string, got a string",
	} {
		body, err := pool.Read(strings.NewReader(`{"contents":[{"parts":[{"text":`+text+`},{"text":"a hat"}]}]}`), -1, 4<<20)
		if err != nil {
			t.Fatal(err)
		}
		_, err = (gemini.Dialect{}).DecodeRequest(&spool.Message{Method: "POST", Path: "/v1beta/models/gemini-3-pro-image:generateContent", Header: http.Header{}, Body: body})
		if got := switchyard.AsError(err); want == "" && err != nil || want != "" && (got == nil || got.Detail != want) {
			t.Errorf("%.20s: %v, want %s", text, err, want)
		}
		_ = body.Close()
	}
}

// TestPicturesOfOldImagen: models before Imagen 3 took a picture and its mask beside the prompt. They are what the picture is made
// of, and nothing that may get lost.
func TestPicturesOfOldImagen(t *testing.T) {
	pool, err := spool.New(spool.Config{Memory: 1 << 20, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	body, err := pool.Read(strings.NewReader(`{"instances":[{"prompt":"a hat","image":{"bytesBase64Encoded":"AAAA","mimeType":"image/png"},
		"mask":{"image":{"gcsUri":"gs://b/mask.png"}},"video":"none"}],"parameters":{"sampleCount":1,"editConfig":{"editMode":"inpainting-insert"}}}`), -1, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	req, err := (gemini.Dialect{}).DecodeRequest(&spool.Message{Method: "POST", Path: "/v1/models/imagegeneration@006:predict", Header: http.Header{}, Body: body})
	if err != nil {
		t.Fatal(err)
	}
	if len(req.References) != 1 || req.References[0].Blob == nil || req.References[0].MIME != "image/png" {
		t.Errorf("the picture is %+v", req.References)
	}
	if req.Mask == nil || req.Mask.URL != "gs://b/mask.png" || req.Mask.Polarity != switchyard.White {
		t.Errorf("the mask is %+v", req.Mask)
	}
	if len(req.Extra) != 2 || req.Extra["video"] == nil || req.Extra["editConfig"] == nil {
		t.Errorf("the rest is %s", req.Extra)
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

// TestDraftsAreNoReferences: a chat sends back all that the model has answered, its drafts and thoughts, too. No other model is to go by
// those, and a target that takes one picture takes the one that was meant.
func TestDraftsAreNoReferences(t *testing.T) {
	pool, err := spool.New(spool.Config{Memory: 1 << 20, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
	body, err := pool.Read(strings.NewReader(`{"contents":[
		{"role":"user","parts":[{"text":"a signal box"}]},
		{"role":"model","parts":[{"text":"Let me see.","thought":true},{"inlineData":{"mimeType":"image/jpeg","data":"`+pixel+`"},"thought":true},
			{"inlineData":{"mimeType":"image/png","data":"`+pixel+`"},"thoughtSignature":"c2ln"}]},
		{"role":"user","parts":[{"text":"at dusk"}]}]}`), -1, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	req, err := gemini.Dialect{}.DecodeRequest(&spool.Message{Method: http.MethodPost, Path: "/v1beta/models/gemini-3-pro-image:generateContent", Header: http.Header{}, Body: body})
	if err != nil || req.Prompt != "a signal box\nat dusk" || len(req.References) != 1 || req.References[0].MIME != "image/png" {
		t.Errorf("%+v, %v", req, err)
	}
}

// TestImageFormats: what an app says of the picture's shape is understood wherever it stands, in words and in figures. What cannot be
// understood is no square: it is left for the report.
func TestImageFormats(t *testing.T) {
	pool, err := spool.New(spool.Config{Memory: 1 << 20, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ config, want, left string }{
		{config: `{}`, want: "1:1"},
		{config: `{"imageConfig":{"aspectRatio":"16:9","imageSize":"2K"}}`, want: "16:9 2K"},
		{config: `{"responseFormat":{"image":{"aspectRatio":"16:9","imageSize":"2k"}}}`, want: "16:9 2K"},
		{config: `{"responseFormat":[{"image":{"aspectRatio":"ASPECT_RATIO_SIXTEEN_BY_NINE","imageSize":"IMAGE_SIZE_TWO_K","mimeType":"image/jpeg","delivery":"INLINE"}}]}`, want: "16:9 2K jpeg"},
		{config: `{"response_format":{"image":{"aspect_ratio":"ASPECT_RATIO_TWENTY_ONE_BY_NINE","image_size":"IMAGE_SIZE_FIVE_TWELVE","mime_type":"IMAGE_JPEG"}}}`, want: "21:9 512 jpeg"},
		{config: `{"imageConfig":{"aspectRatio":"ASPECT_RATIO_FOUR_BY_FIVE","imageSize":"IMAGE_SIZE_FOUR_K","imageOutputOptions":{"mimeType":"image/png"}}}`, want: "4:5 4K png"},
		{config: `{"responseFormat":{"image":{"aspectRatio":"ASPECT_RATIO_UNSPECIFIED","imageSize":"IMAGE_SIZE_UNSPECIFIED","mimeType":"MIME_TYPE_UNSPECIFIED"}}}`, want: "1:1"},
		{config: `{"responseFormat":{"image":{"imageSize":"IMAGE_SIZE_HUGE"}}}`, want: "1:1", left: "imageSize"},
		{config: `{"imageConfig":{"aspectRatio":"3:4"},"responseFormat":{"image":{"aspectRatio":"wide"}}}`, want: "3:4", left: "aspectRatio"},
		{config: `{"imageConfig":{"aspectRatio":"wide"}}`, want: "1:1", left: "aspectRatio"},
		{config: `{"responseFormat":[{"image":{"aspectRatio":"3:4","delivery":"URI"}},{"text":{}}]}`, want: "3:4", left: "delivery responseFormat"},
	} {
		body, err := pool.Read(strings.NewReader(`{"contents":[{"parts":[{"text":"a cat"}]}],"generationConfig":`+c.config+`}`), -1, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		req, err := (gemini.Dialect{}).DecodeRequest(&spool.Message{Method: "POST", Path: "/v1beta/models/gemini-3-pro-image:generateContent", Header: http.Header{}, Body: body})
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join(strings.Fields(req.Aspect.String()+" "+req.Resolution+" "+req.Format), " ")
		if left := strings.Join(slices.Sorted(maps.Keys(req.Extra)), " "); got != c.want || left != c.left {
			t.Errorf("%s: %q, left %q; want %q, left %q", c.config, got, left, c.want, c.left)
		}
		_ = body.Close()
	}
	body, err := pool.Read(strings.NewReader(`{"contents":[{"parts":[{"text":"a cat"}]}],"generationConfig":{"imageConfig":{"aspectRatio":[16,9]}}}`), -1, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if _, err := (gemini.Dialect{}).DecodeRequest(&spool.Message{Method: "POST", Path: "/v1beta/models/gemini-3-pro-image:generateContent", Header: http.Header{}, Body: body}); switchyard.AsError(err) == nil {
		t.Error("a ratio that is a list was taken")
	}
}

// TestSafetyLevels: each level is asked for in Google's words, for all that Google tells apart.
func TestSafetyLevels(t *testing.T) {
	for level, word := range map[string]string{
		switchyard.SafetyStrict: "BLOCK_LOW_AND_ABOVE", switchyard.SafetyDefault: "BLOCK_MEDIUM_AND_ABOVE",
		switchyard.SafetyRelaxed: "BLOCK_ONLY_HIGH", switchyard.SafetyOff: "OFF",
	} {
		asked := message(t, `{"contents":[{"parts":[{"text":"a cat"}]}],"safetySettings":[{"category":"HARM_CATEGORY_HARASSMENT","threshold":"`+word+`"}]}`)
		req, err := (gemini.Dialect{}).DecodeRequest(asked)
		if err != nil || req.Safety != level {
			t.Fatalf("%s: %+v, %v", word, req, err)
		}
		out, err := (gemini.Dialect{}).Encode(&switchyard.Target{Model: "gemini-3-pro-image"}, req, nil)
		if err != nil {
			t.Fatal(err)
		}
		body := text(t, out.Body)
		for _, category := range []string{"HARASSMENT", "HATE_SPEECH", "SEXUALLY_EXPLICIT", "DANGEROUS_CONTENT"} {
			if want := `{"category":"HARM_CATEGORY_` + category + `","threshold":"` + word + `"}`; !strings.Contains(body, want) {
				t.Errorf("%s: no %s in %s", level, want, body)
			}
		}
	}
}

// TestUsageWithoutAPicture: words are charged for as words. If it is not known what else was made, it counts as a picture.
func TestUsageWithoutAPicture(t *testing.T) {
	const words = `{"content":{"parts":[{"text":"I would rather not."}]},"finishReason":"STOP"}`
	for reply, want := range map[string]switchyard.Usage{
		`{"candidates":[` + words + `],"usageMetadata":{"promptTokenCount":6,"candidatesTokenCount":15,"thoughtsTokenCount":3}}`: {TextIn: 6, TextOut: 18},
		`{"candidates":[` + words + `],"usageMetadata":{"promptTokenCount":6,"candidatesTokenCount":15,
			"candidatesTokensDetails":[{"modality":"IMAGE","tokenCount":10}]}}`: {TextIn: 6, TextOut: 5, ImageOut: 10},
		`{"candidates":[{"content":{},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":6,"candidatesTokenCount":15}}`:         {TextIn: 6, ImageOut: 15},
		`{"candidates":[{"content":{},"finishReason":"IMAGE_SAFETY"}],"usageMetadata":{"promptTokenCount":6,"candidatesTokenCount":15}}`: {TextIn: 6, ImageOut: 15},
		`{"candidates":[{"content":{"parts":[{"inlineData":{"data":"%%%"}}]}}],"usageMetadata":{"candidatesTokenCount":15}}`:             {ImageOut: 15},
	} {
		_, err := (gemini.Dialect{}).Decode(&dialect.Exchange{
			Target: &switchyard.Target{}, Request: &switchyard.Request{}, Sent: &dialect.Outgoing{Method: http.MethodPost}, Reply: message(t, reply),
		})
		if e := switchyard.AsError(err); e.Usage == nil || *e.Usage != want {
			t.Errorf("%s: %+v, want %+v", reply, e.Usage, want)
		}
	}
}

// message is a request for a picture, or an answer to one.
func message(t *testing.T, text string) *spool.Message {
	t.Helper()
	pool, err := spool.New(spool.Config{Memory: 1 << 20, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	body, err := pool.Read(strings.NewReader(text), -1, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = body.Close() })
	return &spool.Message{
		Method: http.MethodPost, Path: "/v1beta/models/gemini-3-pro-image:generateContent", Status: http.StatusOK, Header: http.Header{}, Body: body,
	}
}

func text(t *testing.T, b switchyard.Blob) string {
	t.Helper()
	r, err := b.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	all, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(all)
}
