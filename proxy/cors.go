package proxy

import (
	"net/http"
	"slices"
)

// allowed reports whether browsers at an origin may call us.
func (s *Settings) allowed(origin string) bool {
	return origin != "" && (slices.Contains(s.Origins, origin) || slices.Contains(s.Origins, "*"))
}

// cors lets the calling page read the answer, if it may.
func (s *Settings) cors(h http.Header, r *http.Request) {
	if len(s.Origins) == 0 {
		return
	}
	h.Add("Vary", "Origin")
	if origin := r.Header.Get("Origin"); s.allowed(origin) {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Expose-Headers", "*")
	}
}

// preflight answers a browser's question whether it may call. It reports whether r was one.
func (s *Settings) preflight(w http.ResponseWriter, r *http.Request) bool {
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" || len(s.Origins) == 0 {
		return false
	}
	h := w.Header()
	s.cors(h, r)
	if s.allowed(r.Header.Get("Origin")) {
		h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE, OPTIONS")
		// What is asked for, since "*" does not cover Authorization.
		h.Set("Access-Control-Allow-Headers", r.Header.Get("Access-Control-Request-Headers"))
		h.Set("Access-Control-Max-Age", "600")
	}
	w.WriteHeader(http.StatusNoContent)
	return true
}
