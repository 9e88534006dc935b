package admin

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"switchyard"
)

// policy lets a page load what comes from this server and nothing else, and run no script that is written in the page
// itself.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// shield sets the headers of every answer to a browser.
func shield(w http.ResponseWriter) {
	head := w.Header()
	head.Set("Content-Security-Policy", policy)
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Referrer-Policy", "no-referrer")
	head.Set("Cross-Origin-Opener-Policy", "same-origin")
	head.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// sameOrigin refuses forms and scripts of other pages, whatever they ask for.
func (h *Handler) sameOrigin(next http.Handler) http.Handler {
	p := http.NewCrossOriginProtection()
	p.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		shield(w)
		fail(w, http.StatusForbidden, "this request comes from another page")
	}))
	return p.Handler(next)
}

// local lets in whoever called us by a name of ours. Otherwise a foreign page could have its own name resolve to our
// address, and then read whatever a logged-in browser may.
func (h *Handler) local(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		shield(w)
		w.Header().Set("Cache-Control", "no-store")
		if !h.knows(r.Host) {
			fail(w, http.StatusForbidden, "the dashboard is not called by this name; admin.hosts in the config has those it is called by")
			return
		}
		next(w, r)
	}
}

// knows reports whether a Host header names us: by an IP address, a name of the loopback, or a name of the config. An IP
// address is safe: nobody can make it point elsewhere.
func (h *Handler) knows(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if _, err := netip.ParseAddr(host); err == nil || host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	return slices.ContainsFunc(h.Hosts, func(known string) bool { return strings.EqualFold(known, host) })
}

// who returns who asks, if they may: somebody who sends the token, or a browser that has logged in with it.
func (h *Handler) who(r *http.Request) (name string, ok bool) {
	if h.bearer(r) {
		return "token", true
	}
	if !h.knows(r.Host) {
		return "", false
	}
	return h.dash.sessions.find(r)
}

func (h *Handler) bearer(r *http.Request) bool {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.EqualFold(scheme, "Bearer") && !h.dash.headers.spent(r) && h.opens(token)
}

// refused counts a request that brought a wrong token, and returns the status to answer it with.
func (h *Handler) refused(w http.ResponseWriter, r *http.Request) int {
	if r.Header.Get("Authorization") != "" {
		if h.dash.headers.spent(r) {
			w.Header().Set("Retry-After", "1")
			return http.StatusTooManyRequests
		}
		h.dash.headers.wrong(r)
	}
	w.Header().Set("WWW-Authenticate", "Bearer")
	return http.StatusUnauthorized
}

// opens reports whether a text is the token. The time that it takes does not depend on how much of it is right.
func (h *Handler) opens(token string) bool {
	return !h.Token.IsZero() && h.Token.Equal(switchyard.NewSecret(token))
}

// page lets in those who may see the dashboard; others get the login form, at the same address.
func (h *Handler) page(next http.HandlerFunc) http.HandlerFunc {
	inner := func(w http.ResponseWriter, r *http.Request) {
		if _, ok := h.who(r); !ok {
			h.askToken(w, r, h.refused(w, r), "")
			return
		}
		next(w, r)
	}
	named := h.local(inner)
	return func(w http.ResponseWriter, r *http.Request) {
		if h.bearer(r) { // whatever name we were called by: a foreign page cannot know the token
			shield(w)
			w.Header().Set("Cache-Control", "no-store")
			inner(w, r)
			return
		}
		named(w, r)
	}
}
