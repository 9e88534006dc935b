// Package openai speaks the format of OpenAI's image endpoints: generations as JSON, edits as multipart or JSON, answers
// inline or by address, as the GPT image models give them and as DALL·E did.
package openai

import (
	_ "embed"
	"net/http"
	"net/url"
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

// Forms of models: what they take, and how they answer.
const (
	formGPT   = "gpt"
	formDallE = "dall-e"
)

// Forms of requests.
const (
	generations = "generations"
	edits       = "edits"
)

// Name is openai.
func (Dialect) Name() string { return "openai" }

// Models are the rows of models.yaml, by way of models.json.
func (Dialect) Models() *dialect.Table { return table() }

// Places are where the SDKs are pointed: their base URL contains /v1.
func (Dialect) Places() []dialect.Place { return places }

var places = []dialect.Place{{Prefix: "/openai"}, {Hosts: []string{"api.openai.com"}}}

// Claims takes every /v1 path that no other dialect has taken before.
func (Dialect) Claims(path string, _ http.Header, _ url.Values) bool {
	return strings.HasPrefix(path, "/v1/")
}

// Route tells images from the rest by the end of the path: gateways and Azure put more in front of it.
func (Dialect) Route(_, method, path string) dialect.Op {
	if method == http.MethodPost && (strings.HasSuffix(path, "/images/generations") || strings.HasSuffix(path, "/images/edits")) {
		return dialect.Generate
	}
	return dialect.Other
}

// TakeKey reads a bearer token, or Azure's header.
func (Dialect) TakeKey(h http.Header, _ url.Values) switchyard.Secret {
	key := h.Get("Api-Key")
	if scheme, token, ok := strings.Cut(h.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "bearer") {
		key = strings.TrimSpace(token)
	}
	h.Del("Authorization")
	h.Del("Api-Key")
	return switchyard.NewSecret(key)
}

// PutKey writes a bearer token.
func (Dialect) PutKey(h http.Header, key switchyard.Secret) {
	if !key.IsZero() {
		h.Set("Authorization", "Bearer "+key.Reveal())
	}
}

// Passes lets the SDK's own headers through.
func (Dialect) Passes(name string, own bool) bool {
	switch name {
	case "Accept", "Content-Type", "User-Agent", "Openai-Beta":
		return true
	case "Openai-Organization", "Openai-Project":
		return own
	}
	return strings.HasPrefix(name, "X-Stainless-")
}
