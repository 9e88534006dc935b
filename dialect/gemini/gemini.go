// Package gemini speaks the formats of Google's Gemini API: generateContent of the Gemini image models, and Imagen's
// predict. Google has switched predict off, but apps, older SDKs and services that copy it still speak it.
package gemini

import (
	_ "embed"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"switchyard"
	"switchyard/dialect"
)

//go:embed models.json
var models []byte

var table = dialect.Embedded(models)

// Dialect is the format. The zero value is ready.
type Dialect struct{}

var _ dialect.Dialect = Dialect{}

// Forms, of models and of requests alike. A streamed generateContent is one with Stream set.
const (
	Predict     = "predict"
	formContent = "generateContent"
)

// Name is gemini.
func (Dialect) Name() string { return "gemini" }

// Models are the rows of models.yaml, by way of models.json.
func (Dialect) Models() *dialect.Table { return table() }

// Places are the base addresses that the SDKs are given: they add the version themselves.
func (Dialect) Places() []dialect.Place { return places }

var places = []dialect.Place{{Prefix: "/gemini"}, {Hosts: []string{"generativelanguage.googleapis.com"}}}

// Claims takes the API versions that only Google has. Of /v1 it takes what ends in one of Google's methods or has Google's
// credential: no other dialect may see that, and another would answer with its own lists of models and batches.
func (Dialect) Claims(path string, h http.Header, query url.Values) bool {
	for _, own := range []string{"/v1beta/", "/v1alpha/", "/upload/v1"} {
		if strings.HasPrefix(path, own) {
			return true
		}
	}
	if !strings.HasPrefix(path, "/v1/") || strings.HasPrefix(path, "/v1/images/") { // which only OpenAI has
		return false
	}
	call, ok := parsePath(path)
	return h.Get("X-Goog-Api-Key") != "" || query.Has("key") || ok && slices.Contains(methods, call.method) && strings.HasPrefix(path, "/v1/models/")
}

// methods are the methods of a model. A colon alone proves nothing: names of models that were tuned at OpenAI have
// several, on the same paths.
var methods = []string{
	"predict", "predictLongRunning", "generateContent", "streamGenerateContent", "batchGenerateContent",
	"countTokens", "embedContent", "batchEmbedContents", "asyncBatchEmbedContent",
}

// Route recognizes the methods that can make images; the model's name and the body show whether the model does.
func (Dialect) Route(_, method, path string) dialect.Op {
	call, ok := parsePath(path)
	if ok && method == http.MethodPost && call.form() != "" {
		return dialect.Generate
	}
	return dialect.Other
}

// call is a path of the form /VERSION/…models/MODEL:METHOD, or …tunedModels/….
type call struct {
	before string // up to the model's name
	model  string
	method string
}

func parsePath(path string) (call, bool) {
	colon := strings.LastIndexByte(path, ':')
	if colon < 0 {
		return call{}, false
	}
	const list = "odels/"
	at := strings.LastIndex(path[:colon], list) // a project of Vertex AI may have that name, too
	if at < 0 || at+len(list) == colon {
		return call{}, false
	}
	return call{path[:at+len(list)], path[at+len(list) : colon], path[colon+1:]}, true
}

func (c call) form() string {
	switch c.method {
	case "predict":
		return Predict
	case "generateContent", "streamGenerateContent":
		return formContent
	}
	return ""
}

// version is the API version, for error texts.
func (c call) version() string {
	version, _, _ := strings.Cut(strings.TrimPrefix(c.before, "/"), "/")
	return version
}

// tokenQueries are the query parameters in which any of Google's addresses may have an OAuth token.
var tokenQueries = []string{"access_token", "oauth_token"}

// TakeKey looks wherever Google does: keys and tokens each have a header, and names in the query.
func (Dialect) TakeKey(h http.Header, q url.Values) switchyard.Secret {
	key := h.Get("X-Goog-Api-Key")
	if key == "" {
		key = q.Get("key")
	}
	if scheme, token, ok := strings.Cut(h.Get("Authorization"), " "); ok && key == "" && strings.EqualFold(scheme, "bearer") {
		key = dialect.Bearer + strings.TrimSpace(token)
	}
	for _, name := range tokenQueries {
		if token := q.Get(name); token != "" && key == "" {
			key = dialect.Bearer + token
		}
		q.Del(name)
	}
	h.Del("X-Goog-Api-Key")
	h.Del("Authorization")
	q.Del("key")
	return switchyard.NewSecret(key)
}

// PutKey writes the header, never the query, which ends up in logs.
func (Dialect) PutKey(h http.Header, key switchyard.Secret) {
	if token, ok := strings.CutPrefix(key.Reveal(), dialect.Bearer); ok {
		h.Set("Authorization", "Bearer "+token)
	} else if !key.IsZero() {
		h.Set("X-Goog-Api-Key", key.Reveal())
	}
}

// Passes lets the SDK's own headers through.
func (Dialect) Passes(name string, own bool) bool {
	switch name {
	case "Accept", "Content-Type", "User-Agent", "X-Goog-Api-Client", "X-Server-Timeout":
		return true
	case "X-Goog-User-Project":
		return own
	}
	return strings.HasPrefix(name, "X-Goog-Upload-")
}

var _ dialect.Linker = Dialect{}

// Links are the headers with the addresses to which the bytes of an upload go, and at which it is cancelled.
func (Dialect) Links() []string { return []string{"X-Goog-Upload-URL", "X-Goog-Upload-Control-URL"} }
