package gemini

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"switchyard"
	"switchyard/dialect"
	"switchyard/spool"
)

// Decode reads an answer in either form; the answer itself shows which one it is.
func (Dialect) Decode(x *dialect.Exchange) (dialect.Step, error) {
	root, err := x.Reply.JSON()
	if x.Reply.Status >= 300 {
		return dialect.Step{}, decodeError(x.Reply, root)
	}
	res := &switchyard.Result{Model: x.Target.Model}
	predict := strings.HasSuffix(x.Sent.Path, ":predict")
	switch kind := root.Kind(); {
	case err == nil && kind == spool.Object && predict:
		err = decodePredictions(root, res)
	case err == nil && (kind == spool.Object || kind == spool.Array && !predict):
		err = decodeCandidates(root.OneOrMany(), x.Request, res) // a stream without alt=sse is an array
	default:
		err = &switchyard.Error{Outcome: switchyard.BadReply, Err: err}
	}
	if err != nil {
		return dialect.Step{}, err
	}
	return dialect.Step{Result: res}, nil
}

func decodePredictions(root *spool.Value, res *switchyard.Result) error {
	for _, p := range root.Get("predictions").Items() {
		data := p.Get("bytesBase64Encoded")
		if !data.Given() { // the reason for what was filtered, or the attributes of the prompt
			continue
		}
		blob, err := data.Base64(0)
		if err != nil {
			return &switchyard.Error{Outcome: switchyard.BadReply, Err: err}
		}
		res.Images = append(res.Images, switchyard.Image{Blob: blob, MIME: p.Get("mimeType").Text(), RevisedPrompt: p.Get("prompt").Text()})
	}
	// An image that is filtered is simply missing, and is not charged for.
	if len(res.Images) == 0 {
		return &switchyard.Error{Outcome: switchyard.Filtered, Output: true, Unbilled: true, Err: errors.New("all images filtered")}
	}
	return nil
}

// filterReasons are the finish reasons of a content filter.
var filterReasons = []string{
	"SAFETY", "IMAGE_SAFETY", "PROHIBITED_CONTENT", "IMAGE_PROHIBITED_CONTENT", "BLOCKLIST", "SPII", "RECITATION", "IMAGE_RECITATION",
}

// declinedReasons are the finish reasons of a model that drew nothing because of this request: IMAGE_OTHER means that it "could not
// generate the image based on the prompt provided", as its message says, and the last two are about what the app asked for. Other
// reasons, or none at all, mean that the provider has a problem.
var declinedReasons = []string{"NO_IMAGE", "IMAGE_OTHER", "MAX_TOKENS", "LANGUAGE"}

// decodeCandidates reads an answer, whole or in pieces; the usage in the last piece counts all of it.
func decodeCandidates(pieces []*spool.Value, req *switchyard.Request, res *switchyard.Result) error {
	var blocked *spool.Value
	var reason string
	detailed := false
	for _, p := range pieces {
		if v := p.Get("usageMetadata"); v.Given() {
			res.Usage, detailed = decodeUsage(v), v.Get("candidatesTokensDetails").Given()
		}
		if b := p.Get("promptFeedback", "blockReason"); b.Given() {
			blocked = b
		}
	}
	for _, p := range pieces {
		for _, c := range p.Get("candidates").Items() {
			reason = c.Get("finishReason").Text()
			if err := decodeParts(c.Get("content", "parts"), res); err != nil {
				return &switchyard.Error{Outcome: switchyard.BadReply, Err: err, Usage: res.Usage}
			}
		}
	}
	if len(res.Images) > 0 {
		return nil
	}
	if u := res.Usage; u != nil && !detailed && reason == "STOP" && res.Text != "" { // words are all that it made
		u.TextOut, u.ImageOut = u.TextOut+u.ImageOut, 0
	}
	return withheld(blocked, reason, req, res)
}

// decodeParts adds a candidate's pictures and words to a result, except its drafts.
func decodeParts(parts *spool.Value, res *switchyard.Result) error {
	for _, p := range parts.Items() {
		if p.Get("thought").Truth() {
			continue
		}
		if data := p.Get("inlineData", "data"); data.Given() {
			blob, err := data.Base64(0)
			if err != nil {
				return err
			}
			res.Images = append(res.Images, switchyard.Image{Blob: blob, MIME: p.Get("inlineData", "mimeType").Text()})
		}
		res.Text += p.Get("text").Text()
	}
	return nil
}

// withheld returns the error of an answer without a picture: by the reason for which its prompt was blocked, if it was, and by the
// finish reason of the last candidate.
func withheld(blocked *spool.Value, reason string, req *switchyard.Request, res *switchyard.Result) error {
	switch {
	case blocked.Given():
		return &switchyard.Error{Outcome: switchyard.Filtered, Usage: res.Usage, Err: errors.New("prompt blocked: " + blocked.Text())}
	case slices.Contains(filterReasons, reason):
		return &switchyard.Error{Outcome: switchyard.Filtered, Output: true, Usage: res.Usage, Err: errors.New("finished with " + reason)}
	}
	declined := slices.Contains(declinedReasons, reason) // apps know these from Google, as they know IMAGE_SAFETY
	return &switchyard.Error{
		Outcome: switchyard.BadReply, Usage: res.Usage, Err: errors.New("no image, finished with " + reason),
		Declined: declined || res.Text != "",
		Said:     declined || res.Text != "" && req.Memo[memoText] != "",
	}
}

var _ dialect.Counter = Dialect{}

// Counts is what a whole answer calls it, too.
func (Dialect) Counts() string { return "usageMetadata" }

// Counted goes by the piece with which an answer has finished: each piece counts all that came up to it.
func (Dialect) Counted(event *spool.Value, _ int) *switchyard.Usage {
	for _, c := range event.Get("candidates").Items() {
		if c.Get("finishReason").Given() {
			return decodeUsage(event.Get("usageMetadata"))
		}
	}
	return nil
}

// decodeUsage counts all output that is not image as text, thoughts included. Without details all output counts as image.
func decodeUsage(v *spool.Value) *switchyard.Usage {
	if !v.Given() {
		return nil
	}
	at := func(v *spool.Value) int64 { n, _ := v.Int(); return n }
	image := func(details *spool.Value) (n int64) {
		for _, d := range details.Items() {
			if d.Get("modality").Text() == "IMAGE" {
				n += at(d.Get("tokenCount"))
			}
		}
		return n
	}
	u := &switchyard.Usage{ImageIn: image(v.Get("promptTokensDetails")), ImageOut: image(v.Get("candidatesTokensDetails"))}
	u.TextIn = max(at(v.Get("promptTokenCount"))-u.ImageIn, 0)
	out := at(v.Get("candidatesTokenCount"))
	if v.Get("candidatesTokensDetails").Kind() == spool.Missing {
		u.ImageOut = out
	}
	u.TextOut = max(out-u.ImageOut, 0) + at(v.Get("thoughtsTokenCount"))
	return u
}

// refusedWords are words that the texts of content refusals have in common: predict sends such refusals as ordinary 400s.
var refusedWords = []string{"Responsible AI", "safety filter threshold", "Support codes:", "Person Generation"}

// accountWords are in the texts of 400s that are about the account: it has no billing, or is used from a place that Google does not
// serve. Other failed preconditions are about the request, such as a file that is not ready yet. Imagen says the same as an invalid argument.
var accountWords = []string{"User location", "in your country", "billing"}

const imagenUnbilled = "only accessible to billed users"

func decodeError(m *spool.Message, root *spool.Value) error {
	text := root.Get("error", "message").Text()
	e := &switchyard.Error{Unbilled: true, Err: errors.New("HTTP " + strconv.Itoa(m.Status) + " " + root.Get("error", "status").Text())}
	contains := func(word string) bool { return strings.Contains(text, word) }
	badAccount := contains(imagenUnbilled) ||
		root.Get("error", "status").Text() == "FAILED_PRECONDITION" && slices.ContainsFunc(accountWords, contains)
	for _, d := range root.Get("error", "details").Items() {
		if reason := d.Get("reason").Text(); strings.HasPrefix(reason, "API_KEY_") {
			badAccount = true
		}
		if delay, err := time.ParseDuration(d.Get("retryDelay").Text()); err == nil {
			e.RetryAfter = max(e.RetryAfter, delay)
		}
		for _, v := range d.Get("violations").Items() {
			if strings.Contains(v.Get("quotaId").Text(), "PerDay") || v.Get("quotaValue").Text() == "0" {
				e.RetryAfter = max(e.RetryAfter, time.Hour) // not today
			}
		}
	}
	e.RetryAfter = max(e.RetryAfter, spool.RetryAfter(m.Header))
	switch s := m.Status; {
	case badAccount, s == http.StatusUnauthorized, s == http.StatusForbidden, s == http.StatusPaymentRequired:
		e.Outcome = switchyard.Unauthorized
	case s == http.StatusTooManyRequests:
		e.Outcome = switchyard.RateLimited
	case dialect.Lost(s) != "":
		e.Outcome, e.Unbilled = dialect.Lost(s), false
	case s >= 500:
		e.Outcome = switchyard.Overloaded
	case s < 400:
		e.Outcome = switchyard.BadReply
	case s == http.StatusBadRequest && slices.ContainsFunc(refusedWords, contains):
		e.Outcome = switchyard.Filtered
	default:
		e.Outcome = switchyard.Refused
		e.Dead = s == http.StatusNotFound && strings.Contains(text, "is no longer available")
	}
	return e
}
