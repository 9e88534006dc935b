package gemini

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"switchyard"
	"switchyard/dialect"
	"switchyard/spool"
)

const jsonType = "application/json; charset=UTF-8"

// EncodeResult answers in the form of the request.
func (Dialect) EncodeResult(req *switchyard.Request, res *switchyard.Result) (*dialect.Reply, error) {
	c := &spool.Composer{}
	if req.Form == Predict {
		body, err := c.JSON(encodePredictions(c, req, res))
		return dialect.JSON(http.StatusOK, jsonType, body), err
	}
	body, err := c.JSON(encodeCandidate(c, req, res))
	return content(req, body), err
}

// content puts a response object into the form that the method sends: alone, as the one event of a stream, or in an
// array.
func content(req *switchyard.Request, body switchyard.Blob) *dialect.Reply {
	switch {
	case !req.Stream:
		return dialect.JSON(http.StatusOK, jsonType, body)
	case req.Memo[memoArray] != "":
		return dialect.JSON(http.StatusOK, jsonType, spool.Concat{spool.Bytes("["), body, spool.Bytes("]")})
	}
	// No comments, no other fields, an empty line at the end: the SDKs' parsers accept nothing else.
	return dialect.JSON(http.StatusOK, "text/event-stream", spool.Concat{spool.Bytes("data: "), body, spool.Bytes("\n\n")})
}

type predictions struct {
	Predictions []prediction `json:"predictions"`
}

type prediction struct {
	MimeType     string  `json:"mimeType,omitempty"`
	Bytes        string  `json:"bytesBase64Encoded,omitempty"`
	Prompt       string  `json:"prompt,omitempty"`
	ContentType  string  `json:"contentType,omitempty"`
	Safety       *safety `json:"safetyAttributes,omitempty"`
	FilterReason string  `json:"raiFilteredReason,omitempty"`
}

// safety has no scores: none were measured.
type safety struct {
	Categories []string  `json:"categories"`
	Scores     []float64 `json:"scores"`
}

// encodePredictions writes placeholders and attributes only if they were asked for: SDKs that do not expect them fail,
// or write empty files.
func encodePredictions(c *spool.Composer, req *switchyard.Request, res *switchyard.Result) predictions {
	var none *safety
	if req.Memo[memoSafety] != "" {
		none = &safety{[]string{}, []float64{}}
	}
	p := predictions{[]prediction{}}
	for _, img := range res.Images {
		p.Predictions = append(p.Predictions, prediction{
			MimeType: img.MIME, Bytes: c.Inline("", img.Blob), Prompt: img.RevisedPrompt, Safety: none,
		})
	}
	if missing := req.Images - len(res.Images); missing > 0 && req.Memo[memoReason] != "" {
		p.Predictions = append(p.Predictions, prediction{FilterReason: "Your current safety filter threshold filtered out " +
			strconv.Itoa(missing) + " generated images. You will not be charged for blocked images. Try rephrasing the prompt. If you think this was an error, send feedback."})
	}
	if none != nil {
		p.Predictions = append(p.Predictions, prediction{ContentType: "Positive Prompt", Safety: none})
	}
	return p
}

type response struct {
	Candidates     []candidate    `json:"candidates,omitempty"`
	PromptFeedback *feedback      `json:"promptFeedback,omitempty"`
	Usage          *usageMetadata `json:"usageMetadata"`
	ModelVersion   string         `json:"modelVersion"`
	ResponseID     string         `json:"responseId,omitempty"`
}

type candidate struct {
	Content      turn   `json:"content"`
	FinishReason string `json:"finishReason"`
	Index        int    `json:"index"`
}

type feedback struct {
	BlockReason string `json:"blockReason"`
}

type turn struct {
	Parts []part `json:"parts,omitempty"`
	Role  string `json:"role,omitempty"`
}

type part struct {
	Text   string      `json:"text,omitempty"`
	Inline *inlineData `json:"inlineData,omitempty"`
	File   *fileData   `json:"fileData,omitempty"`
}

type fileData struct {
	MimeType string `json:"mimeType,omitempty"`
	URI      string `json:"fileUri"`
}

type inlineData struct {
	MimeType string `json:"mimeType"`
	Data     string `json:"data"`
}

type usageMetadata struct {
	Prompt           int64     `json:"promptTokenCount"`
	Candidates       int64     `json:"candidatesTokenCount,omitempty"`
	Total            int64     `json:"totalTokenCount"`
	PromptDetails    []details `json:"promptTokensDetails,omitempty"`
	CandidateDetails []details `json:"candidatesTokensDetails,omitempty"`
}

type details struct {
	Modality string `json:"modality"`
	Tokens   int64  `json:"tokenCount"`
}

func encodeCandidate(c *spool.Composer, req *switchyard.Request, res *switchyard.Result) response {
	t := turn{Role: "model"}
	if res.Text != "" && req.Memo[memoText] != "" {
		t.Parts = append(t.Parts, part{Text: res.Text})
	}
	for _, img := range res.Images {
		t.Parts = append(t.Parts, part{Inline: &inlineData{img.MIME, c.Inline("", img.Blob)}})
	}
	return response{
		Candidates:   []candidate{{t, "STOP", 0}},
		Usage:        encodeUsage(res.Usage),
		ModelVersion: req.Model,
		ResponseID:   req.ID,
	}
}

// encodeUsage always writes the usage, since people read it; with zeros if the provider does not count.
func encodeUsage(u *switchyard.Usage) *usageMetadata {
	if u == nil {
		return &usageMetadata{}
	}
	m := &usageMetadata{Prompt: u.TextIn + u.ImageIn, Candidates: u.TextOut + u.ImageOut}
	m.Total = m.Prompt + m.Candidates
	add := func(to *[]details, modality string, n int64) {
		if n > 0 {
			*to = append(*to, details{modality, n})
		}
	}
	add(&m.PromptDetails, "TEXT", u.TextIn)
	add(&m.PromptDetails, "IMAGE", u.ImageIn)
	add(&m.CandidateDetails, "IMAGE", u.ImageOut)
	return m
}

type status struct {
	Code    int      `json:"code"`
	Message string   `json:"message"`
	Status  string   `json:"status"`
	Details []detail `json:"details,omitempty"`
}

type detail struct {
	Type       string            `json:"@type"`
	Reason     string            `json:"reason,omitempty"`
	Domain     string            `json:"domain,omitempty"`
	Metadata   map[string]string `json:"metadata,omitempty"`
	Locale     string            `json:"locale,omitempty"`
	Message    string            `json:"message,omitempty"`
	RetryDelay string            `json:"retryDelay,omitempty"`
}

const badKey = "API key not valid. Please pass a valid API key."

var refusals = map[switchyard.Kind]status{
	switchyard.BadRequest:      {Code: 400, Status: "INVALID_ARGUMENT", Message: "Request contains an invalid argument."},
	switchyard.BadImage:        {Code: 400, Status: "INVALID_ARGUMENT", Message: "An image of the request could not be read."},
	switchyard.Unsupported:     {Code: 400, Status: "INVALID_ARGUMENT", Message: "The request cannot be served by any configured model."},
	switchyard.UnknownModel:    {Code: 404, Status: "NOT_FOUND"},
	switchyard.NotFound:        {Code: 404, Status: "NOT_FOUND", Message: "Requested entity was not found."},
	switchyard.TooLarge:        {Code: 413, Status: "INVALID_ARGUMENT", Message: "Request payload size exceeds the limit."},
	switchyard.Unauthenticated: {Code: 400, Status: "INVALID_ARGUMENT", Message: badKey},
	switchyard.NoKey:           {Code: 403, Status: "PERMISSION_DENIED", Message: "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form of API consumer identity to call this API."},
	switchyard.Forbidden:       {Code: 403, Status: "PERMISSION_DENIED", Message: "The caller does not have permission"},
	switchyard.Conflict:        {Code: 400, Status: "INVALID_ARGUMENT", Message: "The idempotency key was used with another request."},
	switchyard.Blocked:         {Code: 400, Status: "INVALID_ARGUMENT", Message: "Image generation failed with the following error: The prompt could not be submitted. This prompt contains sensitive words that violate Google's Responsible AI practices. Try rephrasing the prompt. If you think this was an error, send feedback. Support codes: 42876398"},
	switchyard.Throttled:       {Code: 429, Status: "RESOURCE_EXHAUSTED", Message: "Resource has been exhausted (e.g. check quota)."},
	switchyard.OverBudget:      {Code: 429, Status: "RESOURCE_EXHAUSTED", Message: "You exceeded your current quota, please check your plan and billing details."},
	switchyard.Unavailable:     {Code: 503, Status: "UNAVAILABLE", Message: "The model is overloaded. Please try again later."},
	switchyard.TimedOut:        {Code: 504, Status: "DEADLINE_EXCEEDED", Message: "The request timed out. Please try again."},
	switchyard.Internal:        {Code: 500, Status: "INTERNAL", Message: "An internal error has occurred. Please retry or report in https://developers.generativeai.google/guide/troubleshooting"},
}

// EncodeError answers with an error status, except for safety refusals that the format puts into an ordinary answer: of
// a prompt in generateContent, of finished pictures in both forms.
func (Dialect) EncodeError(req *switchyard.Request, e *switchyard.Error) *dialect.Reply {
	if e.Kind == switchyard.Blocked && (e.Output || req.Form == formContent) {
		return encodeBlocked(req, e)
	}
	told, ok := refusals[e.Kind]
	if !ok {
		told = refusals[switchyard.Internal]
	}
	call, _ := parsePath(req.Path)
	switch {
	case e.Kind == switchyard.UnknownModel:
		told.Message = "models/" + strings.TrimPrefix(call.model, "models/") + " is not found for API version " + call.version() +
			", or is not supported for " + call.method + ". Call ListModels to see the list of available models and their supported methods."
	case e.Kind == switchyard.Unauthenticated:
		told.Details = []detail{
			{Type: "type.googleapis.com/google.rpc.ErrorInfo", Reason: "API_KEY_INVALID", Domain: "googleapis.com", Metadata: map[string]string{"service": "generativelanguage.googleapis.com"}},
			{Type: "type.googleapis.com/google.rpc.LocalizedMessage", Locale: "en-US", Message: badKey},
		}
	case e.Detail != "":
		told.Message = e.Detail
	}
	if e.RetryAfter > 0 && told.Code == http.StatusTooManyRequests {
		seconds := strconv.FormatFloat(e.RetryAfter.Round(time.Millisecond).Seconds(), 'f', -1, 64)
		told.Details = append(told.Details, detail{Type: "type.googleapis.com/google.rpc.RetryInfo", RetryDelay: seconds + "s"})
	}
	return refuse(told)
}

// Refuse writes the envelope of all Google's errors.
func Refuse(code int, name, message string) *dialect.Reply {
	return refuse(status{Code: code, Status: name, Message: message})
}

func refuse(told status) *dialect.Reply {
	body, _ := (&spool.Composer{}).JSON(map[string]status{"error": told}) // of texts alone: it cannot fail
	return dialect.JSON(told.Code, jsonType, body)
}

func encodeBlocked(req *switchyard.Request, e *switchyard.Error) *dialect.Reply {
	c := &spool.Composer{}
	if req.Form == Predict {
		if req.Memo[memoReason] == "" {
			return dialect.JSON(http.StatusOK, jsonType, spool.Bytes("{}"))
		}
		body, _ := c.JSON(predictions{[]prediction{{FilterReason: "Unable to show generated images. All images were filtered out because they violated Vertex AI's usage guidelines. You will not be charged for blocked images. Try rephrasing the prompt. If you think this was an error, send feedback. Support codes: 39322892, 29310472"}}})
		return dialect.JSON(http.StatusOK, jsonType, body)
	}
	r := response{Usage: encodeUsage(e.Usage), ModelVersion: req.Model, ResponseID: req.ID}
	if e.Output {
		r.Candidates = []candidate{{turn{}, "IMAGE_SAFETY", 0}}
	} else {
		r.PromptFeedback = &feedback{"PROHIBITED_CONTENT"}
	}
	body, _ := c.JSON(r)
	return content(req, body)
}
