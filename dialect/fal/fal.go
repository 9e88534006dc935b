// Package fal speaks fal's formats: the synchronous run of an app, and, towards the provider, its queue. An app here is
// what fal calls an endpoint: "fal-ai/flux/dev".
package fal

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

// Bases of fal, besides the main one, which is for synchronous runs. Run and submit have the same paths: only the base
// tells them apart.
const (
	queue = "queue"
	rest  = "rest"
	files = "files" // which is ours alone
)

// Name is fal.
func (Dialect) Name() string { return "fal" }

// Models are the rows of models.yaml, by way of models.json.
func (Dialect) Models() *dialect.Table { return table() }

// Places are the addresses to which middlewares rewrite fal's three hosts, and to which the JavaScript client's
// proxyUrl sends everything.
func (Dialect) Places() []dialect.Place { return places }

var places = []dialect.Place{
	{Prefix: "/fal/run"},
	{Prefix: "/fal/queue", Base: queue},
	{Prefix: "/fal/rest", Base: rest},
	{Prefix: filesPrefix, Base: files},
	{Prefix: "/fal/proxy", Header: targetHeader},
	{Prefix: "/api/fal/proxy", Header: targetHeader},
	{Hosts: []string{"fal.run"}},
	{Hosts: []string{"queue.fal.run"}, Base: queue},
	{Hosts: []string{"rest.fal.ai", "rest.alpha.fal.ai"}, Base: rest},
}

const targetHeader = "X-Fal-Target-Url"

// Claims is always false: any path may be an app.
func (Dialect) Claims(string, http.Header, url.Values) bool { return false }

// Route recognizes calls of apps, synchronous and queued, the questions about queued ones, and the storage. Event
// streams of outputs go to fal as they are.
func (d Dialect) Route(base, method, path string) dialect.Op {
	if base == files || d.FileCall(base, method, path).Act != dialect.NoFile {
		return dialect.Files
	}
	if a, ok := parseApp(path); ok && method == http.MethodPost && base != rest && !a.streams() {
		return dialect.Generate
	}
	if path == keysPath && base == rest && method == http.MethodGet {
		return dialect.Page
	}
	if q, ok := parseQuestion(path); ok && base == queue && method == q.method() {
		return dialect.Ticket
	}
	return dialect.Other
}

// app is an app's id: [namespace/]owner/alias[/sub].
type app struct {
	name string // namespace, owner and alias: what the queue calls it
	sub  string // with its leading slash; used only to submit and to run
}

func (a app) id() string { return a.name + a.sub }

// streams reports whether the end of the path asks the app for a stream, and is not a part of its id.
func (a app) streams() bool {
	return strings.HasSuffix(a.sub, "/stream") || strings.HasSuffix(a.sub, "/realtime")
}

// parseApp reads a path or an id; false if it does not have the parts of one, or is about a request in the queue.
func parseApp(path string) (app, bool) {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	if len(parts) == 1 {
		parts = legacy(parts[0])
	}
	named := 2
	if parts[0] == "workflows" || parts[0] == "comfy" {
		named = 3
	}
	if len(parts) < named {
		return app{}, false
	}
	for _, p := range parts {
		if p == "" || p == "." || p == ".." || p == "requests" || strings.ContainsAny(p, "?#:%\\ ") {
			return app{}, false
		}
	}
	a := app{name: strings.Join(parts[:named], "/")}
	if len(parts) > named {
		a.sub = "/" + strings.Join(parts[named:], "/")
	}
	return a, true
}

// legacy splits an id of the oldest kind, "123456-alias".
func legacy(id string) []string {
	owner, alias, ok := strings.Cut(id, "-")
	if !ok || owner == "" || alias == "" || strings.Trim(owner, "0123456789") != "" {
		return []string{id}
	}
	return []string{owner, alias}
}

// TakeKey reads both schemes, and the token that streams carry in the query.
func (Dialect) TakeKey(h http.Header, q url.Values) switchyard.Secret {
	key := q.Get(tokenQuery)
	scheme, credential, ok := strings.Cut(h.Get("Authorization"), " ")
	if ok && (strings.EqualFold(scheme, "key") || strings.EqualFold(scheme, "bearer")) {
		key = strings.TrimSpace(credential)
	}
	h.Del("Authorization")
	q.Del(tokenQuery)
	return switchyard.NewSecret(key)
}

const tokenQuery = "fal_jwt_token"

// PutKey writes the scheme of API keys; for a token that can only be a session's, that of sessions.
func (Dialect) PutKey(h http.Header, key switchyard.Secret) {
	switch text := key.Reveal(); {
	case key.IsZero():
	case strings.HasPrefix(text, "eyJ") && strings.Count(text, ".") == 2:
		h.Set("Authorization", "Bearer "+text)
	default:
		h.Set("Authorization", "Key "+text)
	}
}

// Passes lets the platform's headers through, but not the one with the address that a proxy was given.
func (Dialect) Passes(name string, _ bool) bool {
	switch name {
	case "Accept", "Content-Type", "User-Agent", "X-App-Fal-Disable-Fallback":
		return true
	case targetHeader:
		return false
	}
	return strings.HasPrefix(name, "X-Fal-")
}
