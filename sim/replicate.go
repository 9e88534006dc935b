package sim

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// replicate speaks Replicate's API. Outputs are on a site of their own.
type replicate struct {
	p        *Provider
	delivery *Site
	secret   string // of webhooks

	mu    sync.Mutex
	jobs  map[string]*prediction // :: id → prediction; guarded by mu
	order []string               // ids, oldest first
	files map[string]obj         // :: id → what the files API says of it; guarded by mu
	named []string               // file ids, oldest first
}

func newReplicate(w *World, delivery *Site) *replicate {
	return &replicate{
		p: w.Replicate, delivery: delivery, secret: "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3",
		jobs: map[string]*prediction{}, files: map[string]obj{},
	}
}

const problemJSON = "application/problem+json"

func (s *replicate) serve(x *exchange) {
	if !s.admit(x) {
		return
	}
	h := x.w.Header()
	h.Set("Ratelimit-Remaining", "2999")
	h.Set("Ratelimit-Reset", "1")
	path, ok := strings.CutPrefix(x.r.URL.Path, "/v1/")
	parts := strings.Split(path, "/")
	if !ok {
		s.notFound(x)
		return
	}
	get, post := x.r.Method == http.MethodGet, x.r.Method == http.MethodPost
	switch {
	case path == "predictions" && post:
		s.createByVersion(x)
	case path == "predictions" && get:
		s.list(x)
	case parts[0] == "predictions" && len(parts) == 2 && get:
		s.get(x, parts[1])
	case parts[0] == "predictions" && len(parts) == 3 && parts[2] == "cancel" && post:
		s.cancel(x, parts[1])
	case (parts[0] == "models" || parts[0] == "deployments") && len(parts) == 4 && parts[3] == "predictions" && post:
		s.createByName(x, parts[1]+"/"+parts[2], parts[0] == "deployments")
	case parts[0] == "models" && len(parts) >= 3 && get:
		s.describe(x, parts[1]+"/"+parts[2], parts[3:])
	case parts[0] == "files":
		s.serveFiles(x, parts[1:])
	case path == "account" && get:
		x.json(http.StatusOK, plainJSON, obj{"type": "organization", "username": "sim", "name": "Sim", "github_url": "https://github.com/sim"})
	case path == "webhooks/default/secret" && get:
		x.json(http.StatusOK, plainJSON, obj{"key": s.secret})
	default:
		s.notFound(x)
	}
}

func (s *replicate) admit(x *exchange) bool {
	scheme, token, _ := strings.Cut(x.r.Header.Get("Authorization"), " ")
	if (scheme == "Bearer" || scheme == "Token") && slices.Contains(s.p.keys, token) {
		return true
	}
	s.denied(x)
	return false
}

// problem answers with a problem document. A title is left out if it is empty.
func (s *replicate) problem(x *exchange, status int, title, detail string) {
	v := obj{"detail": detail, "status": status}
	if title != "" {
		v["title"] = title
	}
	x.json(status, problemJSON, v)
}

func (s *replicate) denied(x *exchange) {
	s.problem(x, http.StatusUnauthorized, "Unauthenticated", "You did not pass a valid authentication token")
}

func (s *replicate) broke(x *exchange) {
	s.problem(x, http.StatusPaymentRequired, "Insufficient credit", "You have insufficient credit to run this model. Go to https://replicate.com/account/billing#billing to purchase credit. Once you purchase credit, please wait a few minutes before trying again.")
}

func (s *replicate) limited(x *exchange) {
	wait := 10 * time.Second
	if x.b.RetryAfter > 0 {
		wait = x.b.RetryAfter
	}
	seconds := strconv.Itoa(int((wait + time.Second - 1) / time.Second))
	x.w.Header().Set("Retry-After", seconds)
	s.problem(x, http.StatusTooManyRequests, "", "Request was throttled. Your rate limit resets in ~"+seconds+"s.")
}

func (s *replicate) overloaded(x *exchange) {
	s.problem(x, http.StatusServiceUnavailable, "Service Unavailable", "The service is temporarily unavailable. Please try again later.")
}

func (s *replicate) failed(x *exchange) {
	s.problem(x, http.StatusInternalServerError, "Internal server error", "An internal error occurred.")
}

func (s *replicate) notFound(x *exchange) {
	s.problem(x, http.StatusNotFound, "", "The requested resource could not be found.")
}

// invalidField is one element of a problem's invalid_fields.
type invalidField struct{ kind, field, text string }

// invalid answers with all fields at once; detail has a line for each.
func (s *replicate) invalid(x *exchange, fields []invalidField) {
	detail, elements := "", list{}
	for _, f := range fields {
		if f.field != "" {
			detail += "- " + f.field + ": " + f.text + "\n"
		} else {
			detail += "- " + f.text + "\n"
		}
		elements = append(elements, obj{"type": f.kind, "field": f.field, "description": f.text})
	}
	x.json(http.StatusUnprocessableEntity, problemJSON, obj{
		"title": "Input validation failed", "detail": detail, "status": http.StatusUnprocessableEntity, "invalid_fields": elements,
	})
}

// describeFault words a fault of the schema.
func describeFault(f fault) invalidField {
	field := "input." + f.field.name
	switch f.rule {
	case "required":
		return invalidField{"required", "input", f.field.name + " is required"}
	case "low":
		return invalidField{"number_gte", field, "Must be greater than or equal to " + limit(f.field.low)}
	case "high":
		return invalidField{"number_lte", field, "Must be less than or equal to " + limit(f.field.high)}
	case "enum":
		var q []string
		for _, v := range f.field.values {
			q = append(q, strconv.Quote(v))
		}
		return invalidField{"enum", field, f.field.name + " must be one of the following: " + strings.Join(q, ", ")}
	}
	want := f.field.kind
	if want == "uri" {
		want = "string"
	}
	return invalidField{"invalid_type", field, wrongType(want, f.got)}
}

func wrongType(want string, got any) string {
	_, kind, _ := strings.Cut(kindOf(got), " ") // without the article
	return "Invalid type. Expected: " + want + ", given: " + kind
}

// describe answers what is asked about a model: the model itself, its versions, or one version with the schema of its
// output.
func (s *replicate) describe(x *exchange, name string, rest []string) {
	m, ok := s.modelNamed(x.b, name)
	if !ok {
		s.notFound(x)
		return
	}
	output := obj{"type": "string", "title": "Output", "format": "uri"}
	if m.list {
		output = obj{"type": "array", "title": "Output", "items": obj{"type": "string", "format": "uri"}}
	}
	version := obj{
		"id": m.shownVersion(), "created_at": "2024-03-05T12:00:00.000000Z", "cog_version": "0.8.6",
		"openapi_schema": obj{"openapi": "3.0.2", "components": obj{"schemas": obj{
			"Input": obj{"type": "object", "title": "Input", "properties": inputProperties(m.fields)}, "Output": output,
		}}},
	}
	owner, short, _ := strings.Cut(name, "/")
	switch {
	case len(rest) == 0:
		x.json(http.StatusOK, plainJSON, obj{
			"url": "https://replicate.com/" + name, "owner": owner, "name": short, "description": short,
			"visibility": "public", "run_count": 1, "latest_version": version, "is_official": m.version == "",
		})
	case len(rest) == 1 && rest[0] == "versions" && m.version != "":
		x.json(http.StatusOK, plainJSON, obj{"next": nil, "previous": nil, "results": list{version}})
	case len(rest) == 2 && rest[0] == "versions" && m.version != "" && rest[1] == m.version:
		x.json(http.StatusOK, plainJSON, version)
	default:
		s.notFound(x)
	}
}

func inputProperties(fields []field) obj {
	out := obj{}
	for _, f := range fields {
		kind := f.kind
		if kind == "uri" {
			kind = "string"
		}
		out[f.name] = obj{"type": kind}
	}
	return out
}

// serveDelivery serves outputs to everyone. Uploads are there, too, for the account's key only.
func (s *replicate) serveDelivery(x *exchange) {
	if strings.HasPrefix(x.r.URL.Path, privatePath) {
		s.notFound(x)
		return
	}
	s.delivery.deliver(x, "public, max-age=3600")
}

const privatePath = "/private/"
