package replicate

import (
	"errors"
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"switchyard"
	"switchyard/dialect"
	"switchyard/spool"
)

const problemType = "application/problem+json"

// problem is a refusal for which no prediction was created.
type problem struct {
	Detail  string         `json:"detail"`
	Status  int            `json:"status"`
	Title   string         `json:"title,omitempty"`
	Invalid []invalidField `json:"invalid_fields,omitempty"`
}

type invalidField struct {
	Type        string `json:"type"`
	Field       string `json:"field"`
	Description string `json:"description"`
}

const noImage = "Failed to load an image of the input."

const unsuitable = "- input: The input was not accepted by the model.\n"

var (
	invalidInput = problem{Status: 422, Title: "Input validation failed", Detail: unsuitable}
	noToken      = problem{Status: 401, Title: "Unauthenticated", Detail: "You did not pass a valid authentication token"}
	nothing      = problem{Status: 404, Detail: "The requested resource could not be found."}
)

var refusals = map[switchyard.Kind]problem{
	switchyard.BadRequest:      invalidInput,
	switchyard.BadImage:        {Status: 422, Title: "Input validation failed", Detail: "- input: " + noImage + "\n"},
	switchyard.Unsupported:     {Status: 422, Title: "Input validation failed", Detail: "- input: The input cannot be served by any configured model.\n"},
	switchyard.Unauthenticated: noToken,
	switchyard.NoKey:           noToken,
	switchyard.UnknownModel:    nothing,
	switchyard.NotFound:        nothing,
	switchyard.Forbidden:       {Status: 403, Title: "Forbidden", Detail: "You do not have permission to perform this action."},
	switchyard.TooLarge:        {Status: 413, Title: "Request too large", Detail: "The request body is too large."},
	switchyard.Conflict:        {Status: 422, Title: "Idempotency key reused", Detail: "The idempotency key was used with another request."},
	switchyard.Blocked:         {Status: 422, Title: "Input flagged", Detail: sensitive},
	switchyard.OverBudget:      {Status: 402, Title: "Insufficient credit", Detail: "You have insufficient credit to run this model. Go to https://replicate.com/account/billing#billing to purchase credit. Once you purchase credit, please wait a few minutes before trying again."},
	switchyard.Throttled:       {Status: 429},
	switchyard.Unavailable:     {Status: 503, Title: "Service unavailable", Detail: "The service is temporarily unavailable. Please try again later."},
	switchyard.TimedOut:        {Status: 504, Title: "Gateway timeout", Detail: "The request timed out. Please try again."},
	switchyard.Internal:        {Status: 500, Title: "Internal server error", Detail: "An internal error occurred. Please try again."},
}

// EncodeError answers when there is no prediction that could report the failure.
func (Dialect) EncodeError(req *switchyard.Request, e *switchyard.Error) *dialect.Reply {
	p, ok := refusals[e.Kind]
	if !ok {
		p = refusals[switchyard.Internal]
	}
	switch call, _ := parseCreate(req.Path); {
	case e.Kind == switchyard.BadRequest && strings.HasPrefix(e.Detail, "- "):
		p.Detail = e.Detail
	case e.Kind == switchyard.BadRequest && e.Param == "webhook":
		p.Detail = "- webhook: " + e.Detail + "\n"
	case e.Kind == switchyard.BadRequest && e.Detail != "":
		p = problem{Status: 400, Title: "Bad request", Detail: e.Detail}
	case e.Kind == switchyard.UnknownModel && call == create{} && req.Path != "":
		p = problem{Status: 422, Title: "Invalid version or not permitted", Detail: "The specified version does not exist (or perhaps you don't have permission to use it?)"}
	case e.Kind == switchyard.Blocked:
		p.Detail = failure(req, e)
	case e.Kind == switchyard.Throttled:
		p.Detail = "Request was throttled. Your rate limit resets in ~" + strconv.Itoa(resets(e.RetryAfter)) + "s."
	}
	if p.Status == http.StatusUnprocessableEntity {
		p.Invalid = invalidFields(p.Detail)
	}
	body, _ := (&spool.Composer{}).JSON(p) // of texts alone: it cannot fail
	reply := dialect.JSON(p.Status, problemType, body)
	if e.Kind == switchyard.Throttled {
		reply.Header.Set("Retry-After", strconv.Itoa(resets(e.RetryAfter)))
	}
	return reply
}

// resets returns a wait in whole seconds; half a minute if none is known.
func resets(d time.Duration) int {
	if d <= 0 {
		d = 30 * time.Second
	}
	return int(math.Ceil(d.Seconds()))
}

// invalidFields repeats the lines of a detail in a form for machines.
func invalidFields(detail string) []invalidField {
	var fields []invalidField
	for line := range strings.Lines(detail) {
		text, ok := strings.CutPrefix(strings.TrimSpace(line), "- ")
		if !ok {
			continue
		}
		field, description, ok := strings.Cut(text, ": ")
		if !ok || strings.ContainsRune(field, ' ') {
			field, description = "", text
		}
		fields = append(fields, invalidField{typeOf(description), field, description})
	}
	return fields
}

func typeOf(description string) string {
	switch {
	case strings.HasSuffix(description, " is required"):
		return "required"
	case strings.HasPrefix(description, "Must be less"):
		return "number_lte"
	case strings.HasPrefix(description, "Must be greater"):
		return "number_gte"
	case strings.HasPrefix(description, "Additional property"):
		return "additional_property_not_allowed"
	case strings.Contains(description, "must be one of the following"):
		return "enum"
	case strings.HasPrefix(description, "Does not match format"):
		return "format"
	}
	return "invalid_type"
}

// resetText finds when a limit ends, if no header says so.
var resetText = regexp.MustCompile(`resets in ~([0-9]{1,4})s`)

// decodeError reads a refusal. For a request that was refused as such nothing ran; after a 5xx nobody knows whether a
// prediction was created all the same.
func decodeError(m *spool.Message, root *spool.Value) *switchyard.Error {
	e := &switchyard.Error{
		Unbilled:   m.Status >= 400 && m.Status < 500,
		RetryAfter: spool.RetryAfter(m.Header),
		Err:        errors.New(strings.TrimSpace("HTTP " + strconv.Itoa(m.Status) + " " + root.Get("title").Text())),
	}
	switch s := m.Status; {
	case s == http.StatusUnauthorized, s == http.StatusForbidden, s == http.StatusPaymentRequired:
		e.Outcome = switchyard.Unauthorized
	case s == http.StatusTooManyRequests:
		e.Outcome = switchyard.RateLimited
		if match := resetText.FindStringSubmatch(root.Get("detail").Text()); match != nil && e.RetryAfter == 0 {
			n, _ := strconv.Atoi(match[1])
			e.RetryAfter = time.Duration(n) * time.Second
		}
	case dialect.Lost(s) != "":
		e.Outcome, e.Unbilled = dialect.Lost(s), false
	case s >= 500:
		e.Outcome = switchyard.Overloaded
	case s < 400: // a redirect, which we do not follow
		e.Outcome = switchyard.BadReply
	default:
		e.Outcome = switchyard.Refused
	}
	return e
}
