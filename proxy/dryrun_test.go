package proxy_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"switchyard/breaker"
	"switchyard/proxy"
)

// TestDryRunAsksNobody: whoever asks for a plan does not mean to pay, also for what is no generation, or is handed on as it is; what
// costs nothing goes its way.
func TestDryRunAsksNobody(t *testing.T) {
	for _, bypass := range []bool{false, true} {
		calls := 0
		h, _ := frontDoor(t, func(http.ResponseWriter, *http.Request) { calls++ }, proxy.Settings{RequestTimeout: map[string]time.Duration{"": time.Minute}})
		h.Runner.Switches = &breaker.Switches{}
		if bypass {
			if err := h.Runner.Switches.Set(breaker.Kill{Scope: breaker.All, Bypass: true}); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range []struct {
			method, path string
			status       int
		}{
			{http.MethodPost, "/v1/chat/completions", http.StatusBadRequest},
			{http.MethodPost, "/v1/images/generations", map[bool]int{false: http.StatusOK, true: http.StatusBadRequest}[bypass]},
			{http.MethodPost, "/voices/v1/say", http.StatusBadRequest},
		} {
			r := httptest.NewRequest(c.method, c.path, strings.NewReader(`{"model":"gpt-image-1","prompt":"a"}`))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("X-Switchyard-Dry-Run", "true")
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != c.status || calls != 0 || w.Code != http.StatusOK && !strings.Contains(w.Body.String(), "X-Switchyard-Dry-Run") {
				t.Errorf("%s, bypass %v: %d %s, %d calls", c.path, bypass, w.Code, w.Body, calls)
			}
		}
		r := httptest.NewRequest(http.MethodGet, "/v1/models", nil)
		r.Header.Set("X-Switchyard-Dry-Run", "true")
		h.ServeHTTP(httptest.NewRecorder(), r)
		if calls != 1 {
			t.Errorf("bypass %v: a list of models was asked for %d times", bypass, calls)
		}
	}
}
