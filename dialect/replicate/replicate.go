// Package replicate speaks Replicate's format: predictions, which are created, waited for, polled and cancelled. As a
// front it hands out tickets; towards the provider it polls.
package replicate

import (
	_ "embed"
	"encoding/base32"
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

var (
	_ dialect.Dialect  = Dialect{}
	_ dialect.Ticketer = Dialect{}
)

// Name is replicate.
func (Dialect) Name() string { return "replicate" }

// Models are the rows of models.yaml, by way of models.json.
func (Dialect) Models() *dialect.Table { return table() }

// Places are the base addresses that the SDKs are given: some SDKs add /v1 themselves, the others have it in their
// base URL.
func (Dialect) Places() []dialect.Place { return places }

var places = []dialect.Place{{Prefix: "/replicate"}, {Hosts: []string{"api.replicate.com"}}}

// Claims takes what only Replicate has below /v1: its models have an owner and a name, where OpenAI's have one name,
// and Google's a method after a colon.
func (Dialect) Claims(path string, _ http.Header, _ url.Values) bool {
	parts, ok := split(path)
	if !ok {
		return false
	}
	switch parts[0] {
	case "predictions":
		return true
	case "deployments", "webhooks":
		return len(parts) > 1
	case "models":
		return len(parts) > 2 && !strings.Contains(path, ":")
	}
	return false
}

// split returns the parts of a path below /v1; false if there are none.
func split(path string) ([]string, bool) {
	rest, ok := strings.CutPrefix(path, "/v1/")
	if !ok || rest == "" {
		return nil, false
	}
	return strings.Split(strings.TrimSuffix(rest, "/"), "/"), true
}

// Route recognizes requests for predictions and files: to create one, to ask for it, or to cancel or delete it.
func (d Dialect) Route(_, method, path string) dialect.Op {
	if d.FileCall("", method, path).Act != dialect.NoFile {
		return dialect.Files
	}
	if _, ok := parseCreate(path); ok && method == http.MethodPost {
		return dialect.Generate
	}
	if call := d.TicketOf(method, path); call.List || call.ID != "" && (call.Cancel || method == http.MethodGet) {
		return dialect.Ticket
	}
	if parts, ok := split(path); ok && method == http.MethodGet && isPage(parts) {
		return dialect.Page
	}
	return dialect.Other
}

// create is a path at which predictions are created.
type create struct {
	model      string // owner/name; empty if the body's version says it
	deployment bool   // of the account's own, whatever its name
}

func parseCreate(path string) (create, bool) {
	parts, _ := split(path)
	switch {
	case len(parts) == 1 && parts[0] == "predictions":
		return create{}, true
	case len(parts) != 4 || parts[3] != "predictions" || parts[1] == "" || parts[2] == "":
		return create{}, false
	case parts[0] == "models":
		return create{model: parts[1] + "/" + parts[2]}, true
	case parts[0] == "deployments":
		return create{deployment: true}, true
	}
	return create{}, false
}

// NewTicket makes 26 characters of the alphabet that Replicate's ids have, from 130 random bits.
func (Dialect) NewTicket(random [20]byte) string {
	return strings.ToLower(base32.StdEncoding.EncodeToString(random[:]))[:26]
}

// TicketOf reads the id of a prediction.
func (Dialect) TicketOf(method, path string) dialect.TicketCall {
	parts, _ := split(path)
	switch {
	case len(parts) == 1 && parts[0] == "predictions" && method == http.MethodGet:
		return dialect.TicketCall{List: true}
	case len(parts) == 2 && parts[0] == "predictions" && method != http.MethodPost:
		return dialect.TicketCall{ID: parts[1]}
	case len(parts) == 3 && parts[0] == "predictions" && parts[2] == "cancel" && method == http.MethodPost:
		return dialect.TicketCall{ID: parts[1], Cancel: true}
	}
	return dialect.TicketCall{}
}

// TakeKey reads both schemes, of which Token is the older one.
func (Dialect) TakeKey(h http.Header, _ url.Values) switchyard.Secret {
	key := ""
	scheme, token, ok := strings.Cut(h.Get("Authorization"), " ")
	if ok && (strings.EqualFold(scheme, "bearer") || strings.EqualFold(scheme, "token")) {
		key = strings.TrimSpace(token)
	}
	h.Del("Authorization")
	return switchyard.NewSecret(key)
}

// PutKey writes a bearer token.
func (Dialect) PutKey(h http.Header, key switchyard.Secret) {
	if !key.IsZero() {
		h.Set("Authorization", "Bearer "+key.Reveal())
	}
}

// Passes lets the headers through that control a prediction.
func (Dialect) Passes(name string, _ bool) bool {
	switch name {
	case "Accept", "Content-Type", "User-Agent", "Prefer", "Cancel-After":
		return true
	}
	return false
}
