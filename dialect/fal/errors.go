package fal

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strconv"

	"switchyard"
	"switchyard/dialect"
	"switchyard/spool"
)

// told is what an app is told of failures that are not in its input: a text, and fal's name for it.
type told struct {
	status     int
	text, kind string
}

// refusals are the answers by kind. There is no 402 in fal's format: an account without money is locked.
var refusals = map[switchyard.Kind]told{
	switchyard.TooLarge:    {413, "Request body is too large", ""},
	switchyard.Forbidden:   {403, "You are not allowed to access this application.", ""},
	switchyard.Throttled:   {429, "Too many requests. Please try again later.", "concurrent_requests_limit"},
	switchyard.OverBudget:  {403, "User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing.", ""},
	switchyard.Unavailable: {503, "No runner is available. Please try again later.", "runner_scheduling_failure"},
	switchyard.TimedOut:    {504, "Request timed out", "request_timeout"},
	switchyard.Internal:    {500, "Internal server error", "internal_error"},
}

// EncodeError answers in the list form if something is wrong with the input, and with a text for everything else.
// Refused content is a 422 whichever app was called: the black picture that the open models send would have to be made
// up, and would look like a success.
func (Dialect) EncodeError(req *switchyard.Request, e *switchyard.Error) *dialect.Reply {
	a, _ := parseApp(cmp.Or(req.Model, req.Path))
	t, ok := refusals[e.Kind]
	switch e.Kind {
	case switchyard.BadRequest:
		return encodeItems(req, newItem(e.Param, cmp.Or(e.Detail, refused)), e.Outcome == "")
	case switchyard.BadImage:
		return encodeItems(req, newItem("", badImage), true)
	case switchyard.Unsupported:
		return encodeItems(req, newItem(e.Param, unable), true)
	case switchyard.Conflict: // not a 409, which the Python client would send nine times more
		return encodeItems(req, newItem("", conflict), true)
	case switchyard.Blocked:
		return encodeItems(req, newItem("prompt", flagged), false)
	case switchyard.UnknownModel:
		t = told{404, "Application \"" + a.id() + "\" not found", ""}
	case switchyard.NotFound:
		if _, ok := parseQuestion(req.Path); ok {
			return encodeText(req, http.StatusNotFound, "status", "NOT_FOUND")
		}
		t = told{404, "Path " + req.Path + " not found", ""}
	case switchyard.Unauthenticated, switchyard.NoKey:
		t = told{401, "Cannot access application \"" + a.name + "\". Authentication is required to access this application.", ""}
	default:
		// After a 429 or a 503 the JavaScript client sends the request three more times, and would pay each time.
		if !ok || e.Paid && (t.status == http.StatusTooManyRequests || t.status == http.StatusServiceUnavailable) {
			t = refusals[switchyard.Internal]
		}
	}
	return encodeTold(req, t)
}

func encodeTold(req *switchyard.Request, t told) *dialect.Reply {
	fields := &dialect.Fields{}
	fields.Set("detail", t.text)
	fields.SetIf(t.kind != "", "error_type", t.kind)
	body, _ := (&spool.Composer{}).JSON(fields) // of texts alone: it cannot fail
	reply := withID(req, dialect.JSON(t.status, jsonType, body))
	if t.kind != "" {
		reply.Header.Set("X-Fal-Error-Type", t.kind)
	}
	switch t.status {
	case http.StatusTooManyRequests:
		reply.Header.Set("X-Fal-Needs-Retry", "1")
	case http.StatusGatewayTimeout:
		// Without this header the JavaScript client sends the request three more times, whatever the first may still
		// cost.
		reply.Header.Set("X-Fal-Request-Timeout-Type", "user")
	}
	return reply
}

// encodeItems says that nothing was charged, but only if the request was refused before any provider was asked.
func encodeItems(req *switchyard.Request, it item, free bool) *dialect.Reply {
	body, _ := (&spool.Composer{}).JSON(map[string][]item{"detail": {it}})
	reply := withID(req, dialect.JSON(http.StatusUnprocessableEntity, jsonType, body))
	reply.Header.Set("X-Fal-Retryable", "false")
	if free {
		reply.Header.Set("X-Fal-Billable-Units", "0")
	}
	return reply
}

// decodeError reads a refusal, by its status and by the types in its list. fal never charges for its own errors; for a
// 422 it says whether it charges.
func decodeError(m *spool.Message, root *spool.Value) *switchyard.Error {
	types := errorTypes(root)
	e := &switchyard.Error{
		Unbilled:   m.Status != http.StatusUnprocessableEntity || m.Header.Get("X-Fal-Billable-Units") == "0",
		RetryAfter: spool.RetryAfter(m.Header),
		Err:        errors.New("HTTP " + strconv.Itoa(m.Status)),
	}
	if len(types) > 0 {
		e.Err = errors.New(e.Err.Error() + " " + types[0])
	}
	is := func(kind string) bool { return slices.Contains(types, kind) }
	switch s := m.Status; {
	case is("content_policy_violation"):
		e.Outcome = switchyard.Filtered
	case is("no_media_generated"):
		e.Outcome, e.Output = switchyard.Filtered, true
	case s == http.StatusUnauthorized, s == http.StatusForbidden, s == http.StatusPaymentRequired:
		e.Outcome = switchyard.Unauthorized
	case s == http.StatusTooManyRequests:
		e.Outcome = switchyard.RateLimited
	case s == http.StatusGatewayTimeout:
		e.Outcome = switchyard.Timeout
	case s == dialect.StatusLeft:
		e.Outcome, e.Unbilled = switchyard.Canceled, false
	case dialect.Lost(s) != "":
		e.Outcome, e.Unbilled = dialect.Lost(s), false
	case s >= 500, is("downstream_service_error"): // it used to be a 400
		e.Outcome = switchyard.Overloaded
	case s < 400: // a redirect, which we do not follow
		e.Outcome, e.Unbilled = switchyard.BadReply, false
	default:
		e.Outcome = switchyard.Refused
	}
	return e
}

// errorTypes returns the machine-readable words in a refusal: those of the list's items, or the platform's one.
func errorTypes(root *spool.Value) []string {
	var types []string
	for _, it := range root.Get("detail").Items() {
		types = append(types, it.Get("type").Text())
	}
	if kind := root.Get("error_type").Text(); kind != "" {
		types = append(types, kind)
	}
	return types
}
