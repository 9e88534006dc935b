package sim

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// google speaks the Gemini API: Imagen's :predict, :generateContent and :streamGenerateContent of the image models,
// and the list of models. It also speaks the same methods in the form of Vertex AI.
type google struct{ p *Provider }

const googleJSON = "application/json; charset=UTF-8"

func (g *google) serve(x *exchange) {
	version, rest, ok := strings.Cut(strings.TrimPrefix(x.r.URL.Path, "/"), "/")
	if !ok || !slices.Contains([]string{"v1", "v1beta", "v1alpha"}, version) {
		x.write(http.StatusNotFound, "text/html; charset=UTF-8", []byte("<html><title>Error 404 (Not Found)!!1</title></html>\n"))
		return
	}
	if !g.admit(x) {
		return
	}
	if rest == "models" && x.r.Method == http.MethodGet {
		g.listModels(x)
		return
	}
	id, ok := strings.CutPrefix(rest, "models/")
	if !ok {
		g.errNotFound(x)
		return
	}
	i := strings.LastIndexByte(id, ':')
	switch {
	case i < 0 && x.r.Method == http.MethodGet:
		g.oneModel(x, version, id)
	case i < 0 || x.r.Method != http.MethodPost:
		g.errNotFound(x)
	default:
		g.method(x, version, id[:i], id[i+1:])
	}
}

func (g *google) method(x *exchange, version, id, method string) {
	x.edit(func(c *Call) { c.Model = id })
	m, gone, ok := g.model(x.b, id)
	if gone {
		g.fail(x, http.StatusNotFound, "NOT_FOUND", "This model models/"+id+" is no longer available. Please update your code to use a newer model for the latest features and improvements.")
		return
	}
	if !ok || !m.serves(method) {
		g.fail(x, http.StatusNotFound, "NOT_FOUND", "models/"+id+" is not found for API version "+version+", or is not supported for "+method+". Call ListModels to see the list of available models and their supported methods.")
		return
	}
	if m.imagen {
		g.predict(x, m)
		return
	}
	g.content(x, m, method == "streamGenerateContent")
}

// admit checks the credentials, which Google does before it looks at the model. A key may be in the header or the
// query. A bearer token is not a key, and a key is not a bearer token.
func (g *google) admit(x *exchange) bool {
	key := x.r.Header.Get("x-goog-api-key")
	if key == "" {
		key = x.r.URL.Query().Get("key")
	}
	bearer, _ := strings.CutPrefix(x.r.Header.Get("Authorization"), "Bearer ")
	switch {
	case key != "" && slices.Contains(g.p.keys, key):
		return true
	case key != "":
		g.denied(x)
	case bearer != "" && !strings.HasPrefix(bearer, "AIza") && slices.Contains(g.p.keys, bearer):
		return true
	case x.r.Header.Get("Authorization") != "":
		g.badToken(x)
	default:
		g.fail(x, http.StatusForbidden, "PERMISSION_DENIED", "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form of API consumer identity to call this API.")
	}
	return false
}

// badToken answers a wrong bearer token.
func (g *google) badToken(x *exchange) {
	g.fail(x, http.StatusUnauthorized, "UNAUTHENTICATED", "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
		obj{"@type": typePrefix + "ErrorInfo", "reason": "ACCESS_TOKEN_TYPE_UNSUPPORTED", "domain": "googleapis.com"})
}

const typePrefix = "type.googleapis.com/google.rpc."

// fail answers with the envelope of every Google error.
func (g *google) fail(x *exchange, status int, name, message string, details ...any) {
	e := obj{"code": status, "message": message, "status": name}
	if len(details) > 0 {
		e["details"] = details
	}
	x.json(status, googleJSON, obj{"error": e})
}

// invalid answers a value that a model does not take. The service does not say which value; note does.
func (g *google) invalid(x *exchange, note string) {
	x.note(note)
	g.fail(x, http.StatusBadRequest, "INVALID_ARGUMENT", "Request contains an invalid argument.")
}

func (g *google) errNotFound(x *exchange) {
	g.fail(x, http.StatusNotFound, "NOT_FOUND", "Requested entity was not found.")
}

func (g *google) overloaded(x *exchange) {
	g.fail(x, http.StatusServiceUnavailable, "UNAVAILABLE", "The model is overloaded. Please try again later.")
}

func (g *google) failed(x *exchange) {
	g.fail(x, http.StatusInternalServerError, "INTERNAL", "An internal error has occurred. Please retry or report in https://developers.generativeai.google/guide/troubleshooting")
}

const googleQuota = "You exceeded your current quota, please check your plan and billing details. For more information on this error, head to: https://ai.google.dev/gemini-api/docs/rate-limits. "

// limited answers with the wait in the body alone: there is no Retry-After.
func (g *google) limited(x *exchange) {
	if x.cloud() {
		g.fail(x, http.StatusTooManyRequests, "RESOURCE_EXHAUSTED", "Resource exhausted. Please try again later. Please refer to https://cloud.google.com/vertex-ai/generative-ai/docs/error-code-429 for more details.")
		return
	}
	wait, text := 21*time.Second, "21.113"
	if x.b.RetryAfter > 0 {
		wait = x.b.RetryAfter
		text = strconv.FormatFloat(wait.Seconds(), 'f', -1, 64)
	}
	delay := strconv.FormatFloat(wait.Seconds(), 'f', -1, 64) + "s"
	g.fail(x, http.StatusTooManyRequests, "RESOURCE_EXHAUSTED", googleQuota+"\nPlease retry in "+text+"s.",
		g.quotaFailure(x, "GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "10"),
		obj{"@type": typePrefix + "Help", "links": list{obj{"description": "Learn more about Gemini API quotas", "url": "https://ai.google.dev/gemini-api/docs/rate-limits"}}},
		obj{"@type": typePrefix + "RetryInfo", "retryDelay": delay})
}

func (g *google) quotaFailure(x *exchange, id, value string) obj {
	return obj{"@type": typePrefix + "QuotaFailure", "violations": list{obj{
		"quotaMetric":     "generativelanguage.googleapis.com/generate_content_free_tier_requests",
		"quotaId":         id,
		"quotaDimensions": obj{"location": "global", "model": x.call.Model},
		"quotaValue":      value,
	}}}
}

// broke answers that a daily quota is used up: come back tomorrow.
func (g *google) broke(x *exchange) {
	g.fail(x, http.StatusTooManyRequests, "RESOURCE_EXHAUSTED", googleQuota,
		g.quotaFailure(x, "GenerateRequestsPerDayPerProjectPerModel", "100"))
}

// denied answers a wrong key with a 400, as Google does, not with a 401.
func (g *google) denied(x *exchange) {
	const text = "API key not valid. Please pass a valid API key."
	service := "generativelanguage.googleapis.com"
	if x.cloud() {
		service = "aiplatform.googleapis.com"
	}
	g.fail(x, http.StatusBadRequest, "INVALID_ARGUMENT", text,
		obj{"@type": typePrefix + "ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com", "metadata": obj{"service": service}},
		obj{"@type": typePrefix + "LocalizedMessage", "locale": "en-US", "message": text})
}

// listModels lists only living models, in pages.
func (g *google) listModels(x *exchange) {
	q := x.r.URL.Query()
	size, err := strconv.Atoi(q.Get("pageSize"))
	if err != nil || size <= 0 {
		size = 50
	}
	size = min(size, 1000)
	from, _ := strconv.Atoi(q.Get("pageToken"))
	all := list{}
	for _, m := range googleModels {
		if _, gone, _ := g.model(x.b, m.id); !gone {
			all = append(all, m.describe())
		}
	}
	from = min(max(from, 0), len(all))
	to := min(from+size, len(all))
	page := obj{"models": all[from:to]}
	if to < len(all) {
		page["nextPageToken"] = strconv.Itoa(to)
	}
	x.json(http.StatusOK, googleJSON, page)
}

// oneModel still answers for a model that was stopped, as the real one may.
func (g *google) oneModel(x *exchange, version, id string) {
	m, _, ok := g.model(x.b, id)
	if !ok || m.title == "" {
		g.fail(x, http.StatusNotFound, "NOT_FOUND", "models/"+id+" is not found for API version "+version+", or is not supported for GetModel. Call ListModels to see the list of available models and their supported methods.")
		return
	}
	x.json(http.StatusOK, googleJSON, m.describe())
}
