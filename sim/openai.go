package sim

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"switchyard"
)

// openai speaks the Images API, the list of models, and as much of chat completions as a pass-through needs.
type openai struct{ p *Provider }

func newOpenAI(p *Provider) *openai { return &openai{p} }

const plainJSON = "application/json"

func (o *openai) serve(x *exchange) {
	path := x.r.URL.Path
	if strings.HasPrefix(path, "/img/") {
		x.site.deliver(x, "private, max-age=3600") // signed by its name; no key
		return
	}
	var id [16]byte
	_, _ = rand.Read(id[:])
	h := x.w.Header()
	h.Set("X-Request-Id", "req_"+hex.EncodeToString(id[:]))
	h.Set("Openai-Version", "2020-10-01")
	h.Set("Openai-Organization", "org-sim")
	h.Set("Openai-Processing-Ms", "12")
	h.Add("Set-Cookie", "__cf_bm=sim; path=/; HttpOnly; Secure")
	if !o.admit(x) {
		return
	}
	get, post := x.r.Method == http.MethodGet, x.r.Method == http.MethodPost
	switch {
	case path == "/v1/images/generations" && post:
		o.generations(x)
	case path == "/v1/images/edits" && post:
		o.edits(x)
	case path == "/v1/models" && get:
		o.listModels(x)
	case strings.HasPrefix(path, "/v1/models/") && get:
		o.oneModel(x, strings.TrimPrefix(path, "/v1/models/"))
	case path == "/v1/chat/completions" && post:
		o.chat(x)
	default:
		o.fail(x, http.StatusNotFound, "invalid_request_error", nil, nil, "Invalid URL ("+x.r.Method+" "+path+")")
	}
}

func (o *openai) admit(x *exchange) bool {
	auth := x.r.Header.Get("Authorization")
	key, ok := strings.CutPrefix(auth, "Bearer ")
	switch {
	case !ok || key == "":
		o.fail(x, http.StatusUnauthorized, "invalid_request_error", nil, nil, "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY), or as the password field (with blank username) if you're accessing the API from your browser and are prompted for a username and password. You can obtain an API key from https://platform.openai.com/account/api-keys.")
	case !slices.Contains(o.p.keys, key):
		o.denied(x)
	default:
		return true
	}
	return false
}

// fail answers with the error envelope, which always has its four keys. param and code are strings or nil.
func (o *openai) fail(x *exchange, status int, kind string, param, code any, message string) {
	x.json(status, plainJSON, obj{"error": obj{"message": message, "type": kind, "param": param, "code": code}})
}

// denied answers a wrong key, and quotes it.
func (o *openai) denied(x *exchange) {
	key := strings.TrimPrefix(x.r.Header.Get("Authorization"), "Bearer ")
	o.fail(x, http.StatusUnauthorized, "invalid_request_error", nil, "invalid_api_key",
		"Incorrect API key provided: "+key+". You can find your API key at https://platform.openai.com/account/api-keys.")
}

func (o *openai) overloaded(x *exchange) {
	x.w.Header().Set("Retry-After", "1")
	o.fail(x, http.StatusServiceUnavailable, "service_unavailable_error", nil, "server_is_overloaded", "The server is currently overloaded. Please try again later.")
}

func (o *openai) failed(x *exchange) {
	o.fail(x, http.StatusInternalServerError, "server_error", nil, nil, "The server had an error while processing your request. Sorry about that!")
}

// limited answers with the exhausted limit as the error's type.
func (o *openai) limited(x *exchange) {
	wait := 12 * time.Second
	if x.b.RetryAfter > 0 {
		wait = x.b.RetryAfter
	}
	h := x.w.Header()
	h.Set("Retry-After", strconv.FormatInt(int64((wait+time.Second-1)/time.Second), 10))
	h.Set("Retry-After-Ms", strconv.FormatInt(wait.Milliseconds(), 10))
	h.Set("X-Ratelimit-Limit-Requests", "5")
	h.Set("X-Ratelimit-Remaining-Requests", "0")
	h.Set("X-Ratelimit-Reset-Requests", wait.String())
	o.fail(x, http.StatusTooManyRequests, "input-images", nil, "rate_limit_exceeded", fmt.Sprintf(
		"Rate limit reached for %s (for limit gpt-image) in organization org-abc on input-images per min: Limit 5, Used 5, Requested 1. Please try again in %s. Visit https://platform.openai.com/account/rate-limits to learn more.", x.call.Model, wait))
}

// broke answers with a 429 against which waiting does not help.
func (o *openai) broke(x *exchange) {
	o.fail(x, http.StatusTooManyRequests, "insufficient_quota", nil, "insufficient_quota",
		"You exceeded your current quota, please check your plan and billing details. For more information on this error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors.")
}

func (o *openai) blocked(x *exchange, m openaiModel) {
	if m.dalle {
		o.fail(x, http.StatusBadRequest, "invalid_request_error", nil, "content_policy_violation",
			"Your request was rejected as a result of our safety system. Your prompt may contain text that is not allowed by our safety system.")
		return
	}
	o.fail(x, http.StatusBadRequest, "image_generation_user_error", nil, "moderation_blocked",
		"Your request was rejected by the safety system. If you believe this is an error, contact us at help.openai.com and include the request ID "+x.w.Header().Get("X-Request-Id")+". safety_violations=[violence].")
}

func (o *openai) noModel(x *exchange, id string) {
	o.fail(x, http.StatusNotFound, "invalid_request_error", nil, "model_not_found",
		"The model `"+id+"` does not exist or you do not have access to it.")
}

func (o *openai) describe(id string) obj {
	return obj{"id": id, "object": "model", "created": 1777000000, "owned_by": "system"}
}

func (o *openai) listModels(x *exchange) {
	data := list{o.describe(chatModel)}
	for _, m := range openaiModels {
		if _, ok := o.model(x.b, m.id); ok {
			data = append(data, o.describe(m.id))
		}
	}
	x.json(http.StatusOK, plainJSON, obj{"object": "list", "data": data})
}

func (o *openai) oneModel(x *exchange, id string) {
	if _, ok := o.model(x.b, id); !ok && id != chatModel {
		o.noModel(x, id)
		return
	}
	x.json(http.StatusOK, plainJSON, o.describe(id))
}

const (
	chatModel  = "gpt-5.5-mini"
	chatChunks = 20
)

// chat answers any conversation with the same twenty pieces, spread over the latency in force.
func (o *openai) chat(x *exchange) {
	body, err := x.object()
	if err != nil {
		o.badJSON(x)
		return
	}
	model, _ := body["model"].(string)
	x.about(model, "")
	if len(asList(body["messages"])) == 0 {
		o.missing(x, "messages")
		return
	}
	if x.struck(x.b.Fault) {
		return
	}
	x.made = true
	d, _ := x.p.roll(x.b, model, 0)
	id := "chatcmpl-" + rand.Text()
	base := func(kind string, choice obj) obj {
		choice["index"] = 0
		return obj{"id": id, "object": kind, "created": time.Now().Unix(), "model": model, "choices": list{choice}}
	}
	if body["stream"] != true {
		if !switchyard.Sleep(x.p.world.ctx, d) {
			panic(http.ErrAbortHandler)
		}
		v := base("chat.completion", obj{"message": obj{"role": "assistant", "content": "word word word"}, "finish_reason": "stop"})
		v["usage"] = obj{"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
		x.json(http.StatusOK, plainJSON, v)
		return
	}
	x.beginEvents("text/event-stream; charset=utf-8")
	for i := range chatChunks {
		if !switchyard.Sleep(x.r.Context(), d/chatChunks) || x.lateFault() == Cut && i == chatChunks/2 {
			panic(http.ErrAbortHandler)
		}
		_, _ = x.w.Write(event{data: base("chat.completion.chunk", obj{"delta": obj{"content": fmt.Sprintf("word%d ", i)}, "finish_reason": nil})}.bytes())
		x.flush()
	}
	_, _ = x.w.Write(event{raw: "[DONE]"}.bytes())
}
