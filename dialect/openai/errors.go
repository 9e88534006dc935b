package openai

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

// emptyAccount are the codes of an account that must be paid up before anything works: some come as 400, some as 429.
var emptyAccount = []string{"billing_hard_limit_reached", "billing_not_active", "insufficient_quota", "credit_balance_exhausted"}

// refusalCodes are those of prompts and pictures refused for safety, Azure's among them.
var refusalCodes = []string{"moderation_blocked", "content_policy_violation", "contentFilter", "content_filter"}

// decodeError reads a refusal: by status, then by code. type is no help: on a 429 it names the measure that ran out.
func decodeError(m *spool.Message, root *spool.Value) error {
	code, text := root.Get("error", "code").Text(), root.Get("error", "message").Text()
	e := &switchyard.Error{Err: errors.New("HTTP " + strconv.Itoa(m.Status) + " " + code), Unbilled: true}
	e.RetryAfter = retryAfter(m.Header)
	switch s := m.Status; {
	case slices.Contains(refusalCodes, code):
		e.Outcome = switchyard.Filtered
	case slices.Contains(emptyAccount, code):
		e.Outcome = switchyard.Unauthorized
	case s == http.StatusTooManyRequests, code == "slow_down":
		e.Outcome = switchyard.RateLimited
	case s == http.StatusUnauthorized, s == http.StatusForbidden, s == http.StatusPaymentRequired:
		e.Outcome = switchyard.Unauthorized
	case dialect.Lost(s) != "":
		e.Outcome, e.Unbilled = dialect.Lost(s), false
	case s >= 500:
		e.Outcome = switchyard.Overloaded
	case s < 400: // a redirect, which is followed by nobody here
		e.Outcome = switchyard.BadReply
	default:
		e.Outcome = switchyard.Refused
		e.Dead = s == http.StatusNotFound && (code == "model_not_found" && strings.Contains(text, "deprecated") || strings.Contains(text, "has been deprecated"))
	}
	return e
}

// retryAfter is the longer of the two headers' advice, clamped by whoever keeps it.
func retryAfter(h http.Header) time.Duration {
	var d time.Duration
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil && ms > 0 {
		d = time.Duration(ms * float64(time.Millisecond))
	}
	return max(d, spool.RetryAfter(h))
}
