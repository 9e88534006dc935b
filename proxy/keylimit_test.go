package proxy_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"switchyard"
	"switchyard/limit"
	"switchyard/proxy"
)

// TestKeyImages: the images of a key's limit are those that its requests ask for, and nothing else counts as one.
func TestKeyImages(t *testing.T) {
	h, _ := frontDoor(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_ = json.NewEncoder(w).Encode(map[string]any{"created": 1, "data": []any{map[string]any{"b64_json": pixel}}})
	}, proxy.Settings{RequestTimeout: map[string]time.Duration{"": time.Minute}}, &proxy.Key{Name: "web", Secret: switchyard.NewSecret("virtual"), Tenant: "acme"})
	generates(h)
	h.Runner.Limiter.Configure(map[limit.Name]limit.Config{
		{Scope: limit.Key, Name: "web"}: {Images: switchyard.Rate{Events: 1, Per: time.Hour}, Burst: 5},
	})
	for _, c := range []struct {
		method, path, body string
		want               int
	}{
		{http.MethodGet, "/v1/models", "", http.StatusOK},
		{http.MethodPost, "/v1/images/generations", `{"model":"gpt-image-1","prompt":"a","n":4}`, http.StatusOK},
		{http.MethodPost, "/v1/images/generations", `{"model":"gpt-image-1","prompt":"b","n":2}`, http.StatusTooManyRequests},
		{http.MethodPost, "/v1/images/generations", `{"model":"gpt-image-1","prompt":"c"}`, http.StatusOK},
		{http.MethodPost, "/v1/images/generations", `{"model":"gpt-image-1","prompt":"d"}`, http.StatusTooManyRequests},
		{http.MethodGet, "/v1/models", "", http.StatusOK},
	} {
		r := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
		r.Header.Set("Authorization", "Bearer virtual")
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.want || (w.Header().Get("Retry-After") != "") != (c.want == http.StatusTooManyRequests) {
			t.Errorf("%s: %d %v %.100s, want %d", c.body, w.Code, w.Header(), w.Body, c.want)
		}
	}
}
