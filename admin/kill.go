package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"switchyard/breaker"
	"switchyard/config"
)

// Switches are the kills in force; breaker.Switches implements it.
type Switches interface {
	Set(breaker.Kill) error
	Lift(scope breaker.Scope, name string) (lifted bool, err error)
	List() []breaker.Kill
}

// errUnknown says that a kill names something that the config does not have.
type errUnknown struct {
	scope breaker.Scope
	name  string
	known []string
}

func (e *errUnknown) Error() string {
	text := fmt.Sprintf("no %s %q", e.scope, e.name)
	if len(e.known) <= config.MostListed {
		return text + config.List(e.known)
	}
	return text + config.Which(e.name, e.known)
}

// kill stops a thing on behalf of actor, from now on. If the error wraps breaker.ErrNotKept, or comes from the audit,
// the kill is in force all the same.
func (h *Handler) kill(k breaker.Kill, actor string) error {
	k.Since, k.By = time.Now().UTC(), actor
	if err := k.Validate(); err != nil {
		return err
	}
	if err := h.known(k.Scope, k.Name); err != nil {
		return err
	}
	err := h.Kills.Set(k)
	h.Live.tell(0)
	return errors.Join(err, h.Audit.Add(Entry{Time: k.Since, Actor: actor, Action: ActionKill, Subject: subject(k.Scope, k.Name), Detail: detail(k)}))
}

// known returns an errUnknown if the config has no such thing to stop.
func (h *Handler) known(scope breaker.Scope, name string) error {
	if scope == breaker.All {
		return nil
	}
	if known := h.Names(scope); !slices.Contains(known, name) {
		return &errUnknown{scope, name, known}
	}
	return nil
}

// revive takes a kill back on behalf of actor, and reports whether there was one. It also works for a name that the
// config does not have any more.
func (h *Handler) revive(scope breaker.Scope, name, actor string) (bool, error) {
	lifted, err := h.Kills.Lift(scope, name)
	if !lifted {
		return false, err
	}
	h.Live.tell(0)
	return true, errors.Join(err, h.Audit.Add(Entry{Actor: actor, Action: ActionRevive, Subject: subject(scope, name)}))
}

func subject(scope breaker.Scope, name string) string {
	if scope == breaker.All {
		return string(scope)
	}
	return string(scope) + " " + name
}

// detail returns the reason of a kill, and what is special about it.
func detail(k breaker.Kill) string {
	parts := []string{}
	if k.Reason != "" {
		parts = append(parts, k.Reason)
	}
	if !k.Until.IsZero() {
		parts = append(parts, "until "+k.Until.Format(time.RFC3339))
	}
	if k.Abort {
		parts = append(parts, "abort")
	}
	if k.Bypass {
		parts = append(parts, "bypass")
	}
	return strings.Join(parts, "; ")
}

// CommandAgent begins the User-Agent of our own command line.
const CommandAgent = "switchyard-cli/"

// actorOf names whoever uses the API.
func actorOf(r *http.Request) string {
	if strings.HasPrefix(r.UserAgent(), CommandAgent) {
		return "cli " + r.RemoteAddr
	}
	return "api " + r.RemoteAddr
}

// killList is what GET /api/kill answers.
type killList struct {
	Kills []breaker.Kill `json:"kills"`
}

func (h *Handler) kills(w http.ResponseWriter, _ *http.Request) {
	answer(w, killList{append([]breaker.Kill{}, h.Kills.List()...)})
}

// killRequest is the body of POST /api/kill.
type killRequest struct {
	Scope  breaker.Scope `json:"scope"`
	Name   string        `json:"name"`
	Reason string        `json:"reason"`
	For    string        `json:"for"` // as "30m" or "7d"; empty: until somebody revives it
	Abort  bool          `json:"abort"`
	Bypass bool          `json:"bypass"`
}

// changed answers what was done. Warning is what went wrong besides: the change is made all the same.
type changed struct {
	Kill    *breaker.Kill  `json:"kill,omitempty"`
	Revived string         `json:"revived,omitempty"`
	Still   []breaker.Kill `json:"still,omitempty"` // kills that a revival leaves in force: that of all is only one of them
	Warning string         `json:"warning,omitempty"`
}

func (h *Handler) postKill(w http.ResponseWriter, r *http.Request) {
	k, err := readKill(http.MaxBytesReader(w, r.Body, 64<<10), time.Now())
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	err = h.kill(k, actorOf(r))
	var unknown *errUnknown
	if errors.As(err, &unknown) {
		fail(w, http.StatusNotFound, err.Error())
		return
	}
	for _, now := range h.Kills.List() {
		if now.Scope == k.Scope && now.Name == k.Name {
			answer(w, changed{Kill: &now, Warning: warning(err)})
			return
		}
	}
	fail(w, http.StatusConflict, "it is over already")
}

func warning(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// readOne reads a body of one JSON object strictly: a field that we do not know may be the one that mattered.
func readOne[T any](body io.Reader, want string) (doc T, err error) {
	dec := json.NewDecoder(body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&doc); err != nil {
		return doc, fmt.Errorf("want %s: %w", want, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return doc, errors.New("want one JSON object, and nothing behind it")
	}
	return doc, nil
}

func readKill(body io.Reader, now time.Time) (k breaker.Kill, err error) {
	req, err := readOne[killRequest](body, "a JSON object of scope, name, reason, for, abort, bypass")
	if err != nil {
		return k, err
	}
	k = breaker.Kill{Scope: req.Scope, Name: req.Name, Reason: req.Reason, Abort: req.Abort, Bypass: req.Bypass}
	if k.Scope == breaker.All && k.Name == string(breaker.All) {
		k.Name = "" // the path of DELETE calls it "all", too
	}
	if k.Until, err = until(req.For, now); err != nil {
		return k, err
	}
	return k, k.Validate()
}

// until returns when a kill ends that lasts for a length of time, written as in config files; the zero time if it is
// for good.
func until(length string, now time.Time) (time.Time, error) {
	if length == "" {
		return time.Time{}, nil
	}
	d, err := config.ParseDuration(length)
	if err != nil || d == 0 {
		return time.Time{}, fmt.Errorf("for: want a time such as 30m, 36h or 7d, got %q", length)
	}
	return now.Add(d).UTC(), nil
}

// deleteKill revives what the path names; for the scope all the name is "all".
func (h *Handler) deleteKill(w http.ResponseWriter, r *http.Request) {
	scope, name := breaker.Scope(r.PathValue("scope")), r.PathValue("name")
	place := subject(scope, name)
	if scope == breaker.All && name == string(breaker.All) {
		name = ""
	}
	lifted, err := h.revive(scope, name, actorOf(r))
	if !lifted {
		fail(w, http.StatusNotFound, place+" is not stopped")
		return
	}
	answer(w, changed{Revived: place, Still: h.Kills.List(), Warning: warning(err)})
}

// audit answers the last limit entries (100; at most 10,000), the newest first.
func (h *Handler) audit(w http.ResponseWriter, r *http.Request) {
	limit, err := limitOf(r)
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	entries, err := h.Audit.Latest(limit)
	if err != nil {
		fail(w, http.StatusServiceUnavailable, "the audit record cannot be read")
		return
	}
	answer(w, map[string][]Entry{"entries": append([]Entry{}, entries...)})
}
