package openai

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"

	"switchyard"
	"switchyard/dialect"
	"switchyard/spool"
)

type answer struct {
	Created          int64   `json:"created"`
	Background       string  `json:"background,omitempty"`
	Data             []image `json:"data"`
	OutputFormat     string  `json:"output_format,omitempty"`
	Quality          string  `json:"quality,omitempty"`
	SafetyIdentifier string  `json:"safety_identifier,omitempty"`
	Size             string  `json:"size,omitempty"`
	Usage            *usage  `json:"usage,omitempty"`
}

type image struct {
	B64           string `json:"b64_json,omitempty"`
	RevisedPrompt string `json:"revised_prompt,omitempty"`
	URL           string `json:"url,omitempty"`
}

type usage struct {
	InputTokens        int64  `json:"input_tokens"`
	InputTokensDetails tokens `json:"input_tokens_details"`
	OutputTokens       int64  `json:"output_tokens"`
	OutputDetails      tokens `json:"output_tokens_details"`
	TotalTokens        int64  `json:"total_tokens"`
}

type tokens struct {
	Image int64 `json:"image_tokens"`
	Text  int64 `json:"text_tokens"`
}

// encodeUsage is zeros for providers that do not count: typed SDKs read the fields without looking whether they are there.
func encodeUsage(u *switchyard.Usage) *usage {
	if u == nil {
		u = &switchyard.Usage{}
	}
	in, out := u.TextIn+u.ImageIn, u.TextOut+u.ImageOut
	return &usage{in, tokens{u.ImageIn, u.TextIn}, out, tokens{u.ImageOut, u.TextOut}, in + out}
}

// EncodeResult answers as the model that the app named does: a DALL·E with addresses and revised prompts, all others
// inline and with their usage.
func (Dialect) EncodeResult(req *switchyard.Request, res *switchyard.Result) (*dialect.Reply, error) {
	c := &spool.Composer{}
	a := answer{Created: res.Created.Unix(), Data: make([]image, len(res.Images))}
	row := table().Find(req.Model)
	dallE := row != nil && row.Form == formDallE
	for i, img := range res.Images {
		if img.URL != "" || req.Delivery == switchyard.DeliverURL { // one that could not be hosted, too
			a.Data[i].URL = dialect.Link(c, img)
		} else {
			a.Data[i].B64 = c.Inline("", img.Blob)
		}
		a.Data[i].RevisedPrompt = img.RevisedPrompt
		if dallE && req.Model == "dall-e-3" {
			a.Data[i].RevisedPrompt = cmp.Or(img.RevisedPrompt, req.Prompt)
		}
	}
	if !dallE || req.Stream { // events are of the GPT models' kind
		first := res.Images[0]
		a.Background = cmp.Or(res.Background, req.Background, "opaque")
		a.OutputFormat = cmp.Or(strings.TrimPrefix(first.MIME, "image/"), res.Format, req.Format, "png")
		a.Quality = cmp.Or(res.Quality, req.Quality, switchyard.QualityMedium)
		a.Size = cmp.Or(first.Size, res.Size, req.Size).String()
		a.SafetyIdentifier = req.User
		a.Usage = encodeUsage(res.Usage)
	}
	if req.Stream {
		return encodeEvents(c, req, a)
	}
	body, err := c.JSON(a)
	if err != nil {
		return nil, err
	}
	return withID(req, dialect.JSON(http.StatusOK, "application/json", body)), nil
}

// event is the last event of a stream, the only one that is sent for a provider that draws no drafts.
type event struct {
	Type         string `json:"type"`
	B64          string `json:"b64_json"`
	CreatedAt    int64  `json:"created_at"`
	Size         string `json:"size"`
	Quality      string `json:"quality"`
	Background   string `json:"background"`
	OutputFormat string `json:"output_format"`
	Usage        *usage `json:"usage"`
}

func encodeEvents(c *spool.Composer, req *switchyard.Request, a answer) (*dialect.Reply, error) {
	name := "image_generation.completed"
	if req.Form == edits {
		name = "image_edit.completed"
	}
	var out spool.Concat
	for _, img := range a.Data {
		data, err := c.JSON(event{name, img.B64, a.Created, a.Size, a.Quality, a.Background, a.OutputFormat, cmp.Or(a.Usage, encodeUsage(nil))})
		if err != nil {
			return nil, err
		}
		out = append(out, spool.Bytes("event: "+name+"\ndata: "), data, spool.Bytes("\n\n"))
	}
	return withID(req, dialect.JSON(http.StatusOK, "text/event-stream; charset=utf-8", out)), nil
}

// withID adds the headers that every answer has. SDKs show the id to people who look for a request.
func withID(req *switchyard.Request, r *dialect.Reply) *dialect.Reply {
	r.Header.Set("Openai-Version", "2020-10-01")
	r.Header.Set("X-Request-Id", "req_"+strings.ToLower(req.ID))
	return r
}

type failure struct {
	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"`
	Code    *string `json:"code"`
}

// refusals are what an app is told, by kind. Texts in which something of the request is named are made in message.
var refusals = map[switchyard.Kind]struct {
	status           int
	kind, code, text string
}{
	switchyard.BadRequest:      {400, "invalid_request_error", "invalid_value", "The request was not accepted."},
	switchyard.BadImage:        {400, "invalid_request_error", "", "An image of the request could not be read."},
	switchyard.Unsupported:     {400, "invalid_request_error", "invalid_value", "The request cannot be served by any configured model."},
	switchyard.UnknownModel:    {404, "invalid_request_error", "model_not_found", ""},
	switchyard.NotFound:        {404, "invalid_request_error", "", "Not found."},
	switchyard.TooLarge:        {413, "invalid_request_error", "", "The request body is too large."},
	switchyard.Unauthenticated: {401, "invalid_request_error", "invalid_api_key", "Incorrect API key provided. You can find your API key at https://platform.openai.com/account/api-keys."},
	switchyard.NoKey:           {401, "invalid_request_error", "", "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY)."},
	switchyard.Forbidden:       {403, "invalid_request_error", "", "You are not allowed to make this request."},
	switchyard.Conflict:        {422, "invalid_request_error", "idempotency_error", "The idempotency key was used with another request."},
	switchyard.Blocked:         {400, "image_generation_user_error", "moderation_blocked", "Your request was rejected by the safety system."},
	switchyard.Throttled:       {429, "requests", "rate_limit_exceeded", "Rate limit reached. Please try again later."},
	switchyard.OverBudget:      {429, "insufficient_quota", "insufficient_quota", "You exceeded your current quota, please check your plan and billing details. For more information on this error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors."},
	switchyard.Unavailable:     {503, "service_unavailable_error", "server_is_overloaded", "The server is currently overloaded. Please try again later."},
	switchyard.TimedOut:        {504, "server_error", "", "The request timed out. Please try again."},
	switchyard.Internal:        {500, "server_error", "", "The server had an error while processing your request. Sorry about that!"},
}

// EncodeError answers in the envelope, all four keys of which are always there.
func (Dialect) EncodeError(req *switchyard.Request, e *switchyard.Error) *dialect.Reply {
	told, ok := refusals[e.Kind]
	if !ok {
		told = refusals[switchyard.Internal]
	}
	f := failure{Message: cmp.Or(e.Detail, told.text), Type: told.kind, Param: orNull(e.Param), Code: orNull(told.code)}
	switch row := table().Find(req.Model); {
	case e.Kind == switchyard.BadRequest && e.Param == "":
		f.Code = nil
	case e.Kind == switchyard.UnknownModel:
		f.Message = "The model `" + req.Model + "` does not exist or you do not have access to it."
	case e.Kind == switchyard.Blocked && row != nil && row.Form == formDallE:
		f.Type, f.Code = "invalid_request_error", orNull("content_policy_violation")
		f.Message = "Your request was rejected as a result of our safety system. Your prompt may contain text that is not allowed by our safety system."
	case strings.HasPrefix(e.Detail, "Missing required parameter"):
		f.Code = orNull("missing_required_parameter")
	case e.Kind == switchyard.Unauthenticated:
		f.Message = told.text
	}
	body, _ := (&spool.Composer{}).JSON(map[string]failure{"error": f}) // of texts alone: it cannot fail
	reply := withID(req, dialect.JSON(told.status, "application/json", body))
	if e.RetryAfter > 0 {
		reply.Header.Set("Retry-After-Ms", strconv.FormatInt(e.RetryAfter.Milliseconds(), 10))
	}
	if e.Kind == switchyard.OverBudget || e.Paid {
		reply.Header.Set("X-Should-Retry", "false") // or the SDKs would try twice more, and pay each time
	}
	return reply
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
