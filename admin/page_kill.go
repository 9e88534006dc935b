package admin

import (
	"errors"
	"net"
	"net/http"
	"strings"
	"time"

	"switchyard/breaker"
)

// killRow is a kill in force.
type killRow struct{ breaker.Kill }

// Title names what is stopped.
func (k killRow) Title() string {
	switch {
	case k.Bypass:
		return "everything is bypassed"
	case k.Scope == breaker.All:
		return "everything"
	}
	return string(k.Scope) + " " + k.Name
}

// stops returns the kills in force.
func (h *Handler) stops(now time.Time) []killRow {
	var rows []killRow
	for _, k := range h.killList() {
		if k.Until.IsZero() || now.Before(k.Until) {
			rows = append(rows, killRow{k})
		}
	}
	return rows
}

func (h *Handler) killList() []breaker.Kill {
	if h.Kills == nil {
		return nil
	}
	return h.Kills.List()
}

func (v *overview) killed(scope breaker.Scope, name string) *killRow {
	for i := range v.Kills {
		if k := &v.Kills[i]; k.Scope == scope && k.Name == name {
			return k
		}
	}
	return nil
}

// killView asks whether the operator really means it.
type killView struct {
	view
	Kill    breaker.Kill
	For     string
	Message string
}

// killPage asks that in browsers that run no scripts; others ask it in place.
func (h *Handler) killPage(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	k := breaker.Kill{Scope: breaker.Scope(q.Get("scope")), Name: q.Get("name")}
	if err := k.Validate(); err != nil {
		h.trouble(w, r, http.StatusBadRequest, "%v", err)
		return
	}
	if err := h.known(k.Scope, k.Name); err != nil {
		h.trouble(w, r, http.StatusNotFound, "%v", err)
		return
	}
	show(h, w, page[killView]{"kill", 0, killView{view: h.view(r, "overview", "Stop "+subject(k.Scope, k.Name)), Kill: k}})
}

// killForm sets the kill. If something else went wrong, the page says so; the kill is in force all the same.
func (h *Handler) killForm(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	k := breaker.Kill{
		Scope: breaker.Scope(r.PostFormValue("scope")), Name: r.PostFormValue("name"), Reason: strings.TrimSpace(r.PostFormValue("reason")),
		Abort: r.PostFormValue("how") == "abort", Bypass: r.PostFormValue("how") == "bypass",
	}
	v := killView{view: h.view(r, "overview", "Stop "+subject(k.Scope, k.Name)), Kill: k, For: r.PostFormValue("for")}
	var err error
	if k.Until, err = until(v.For, time.Now()); err == nil {
		err = k.Validate()
	}
	if err == nil && k.Reason == "" {
		err = errors.New("say why, for those who come after you")
	}
	if err != nil {
		v.Message = err.Error()
		show(h, w, page[killView]{"kill", http.StatusUnprocessableEntity, v})
		return
	}
	err = h.kill(k, h.actor(r))
	var unknown *errUnknown
	switch {
	case errors.As(err, &unknown):
		h.trouble(w, r, http.StatusNotFound, "Nothing is stopped: %v", err)
	case err != nil:
		h.trouble(w, r, http.StatusInternalServerError, "It is stopped. But: %v", err)
	default:
		toDashboard(w, r)
	}
}

func (h *Handler) reviveForm(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	lifted, err := h.revive(breaker.Scope(r.PostFormValue("scope")), r.PostFormValue("name"), h.actor(r))
	switch {
	case err != nil && lifted:
		h.trouble(w, r, http.StatusInternalServerError, "It is revived. But: %v", err)
	case err != nil:
		h.trouble(w, r, http.StatusInternalServerError, "It is not revived: %v", err)
	default: // somebody else has revived it, or it had ended: either way it is as asked for
		toDashboard(w, r)
	}
}

// actor returns the name for the audit.
func (h *Handler) actor(r *http.Request) string {
	who, _ := h.who(r)
	return from(who, r)
}

func from(who string, r *http.Request) string {
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		return who + " from " + host
	}
	return who
}
