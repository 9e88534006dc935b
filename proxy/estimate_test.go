package proxy_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"switchyard/proxy"
)

// TestEstimatesAreBounded: what it takes to answer grows with the pictures that are asked about, and so there is an end to them, in
// one request and in all of a list together.
func TestEstimatesAreBounded(t *testing.T) {
	h, _ := frontDoor(t, echo, proxy.Settings{})
	list := func(n int, one string) string {
		return fmt.Sprintf(`{"requests":[%s]}`, strings.TrimSuffix(strings.Repeat(one+",", n), ","))
	}
	for _, c := range []struct {
		body string
		want int
	}{
		{`{"images":100000}`, http.StatusOK},
		{`{"images":100001}`, http.StatusBadRequest},
		{`{"references":1001}`, http.StatusBadRequest},
		{list(1000, `{"images":90,"references":10}`), http.StatusOK},
		{list(1000, `{"images":90,"references":11}`), http.StatusBadRequest},
		{list(2, `{"images":50001}`), http.StatusBadRequest},
	} {
		r := httptest.NewRequest(http.MethodPost, "/switchyard/v1/estimate", strings.NewReader(c.body))
		r.Header.Set("Authorization", "Bearer x")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%.60s…: %d %.200s, want %d", c.body, w.Code, w.Body, c.want)
		}
	}
}
