package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/oauth2"
)

// noToken is why an account has no token.
type noToken struct {
	status int    // of the endpoint's answer; 0 if it gave none, or one without a mistake in it
	code   string // what the endpoint calls it, such as invalid_grant; empty if it does not say
	words  string // how it explains that, or what else went wrong; for logs
}

var (
	refusal   = regexp.MustCompile(`^[a-z_]{1,40}$`)    // what a token endpoint's error may be called (RFC 6749, section 5.2)
	anyStatus = regexp.MustCompile(`status code (\d+)`) // after which the library quotes an answer in errors of no type
)

// whyNone makes of an error of the library's what may be told of it: the answer of the endpoint may be a page, or repeat what was sent.
func whyNone(err error) *noToken {
	answered, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		if found := anyStatus.FindStringSubmatch(err.Error()); found != nil {
			status, _ := strconv.Atoi(found[1])
			return &noToken{status: status}
		}
		return &noToken{words: err.Error()}
	}
	why := &noToken{status: answered.Response.StatusCode}
	var says struct {
		Error       string
		Description string `json:"error_description"`
	}
	if json.Unmarshal(answered.Body, &says) == nil && refusal.MatchString(says.Error) {
		why.code, why.words = says.Error, explained(says.Description)
	}
	return why
}

// No explanation needs more, and no word of one is longer. What was sent and is secret is: even a client's older secrets have 24 letters.
const (
	maxExplanation = 200
	maxWord        = 20
)

// explained is what an endpoint says of a refusal, without what it may have been sent.
func explained(text string) string {
	words := strings.Fields(text)
	length := 0
	for i, w := range words {
		if len(w) > maxWord || strings.ContainsFunc(w, func(r rune) bool { return r < ' ' || r > '~' }) {
			words[i] = "…"
		}
		if length += len(words[i]) + 1; length > maxExplanation {
			words = words[:i]
			break
		}
	}
	return strings.Join(words, " ")
}

func (n *noToken) Error() string {
	switch {
	case n.status == 0:
		return n.words
	case n.words == "":
		return "no token: " + n.brief()
	}
	return "no token: " + n.brief() + ": " + n.words
}

// same reports whether the log has the reason already if it has before, which may be nil. How a way is broken is told in other words
// each time: they have ports and addresses.
func (n *noToken) same(before *noToken) bool {
	return before != nil && n.status == before.status && n.code == before.code && (n.status == 0 || n.words == before.words)
}

// brief is what everybody may read.
func (n *noToken) brief() string {
	if n.status == 0 {
		return "the log says why"
	}
	return strings.TrimSpace(fmt.Sprintf("status %d %s", n.status, n.code))
}

// refused reports whether it is our credentials that are wrong, and not the endpoint, or the way there.
func (n *noToken) refused() bool {
	return n.status >= 400 && n.status < 500 && n.status != http.StatusTooManyRequests && n.status != http.StatusRequestTimeout
}
