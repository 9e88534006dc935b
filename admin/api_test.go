package admin_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"switchyard"
	"switchyard/ledger"
)

// call is a request of a program that has the token.
func (d *desk) call(method, path, body string) *httptest.ResponseRecorder {
	d.Helper()
	r := httptest.NewRequest(method, "http://127.0.0.1:9090"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer admin-token")
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return w
}

// TestGenerationUnread: a database that cannot be read does not make a generation one that never was.
func TestGenerationUnread(t *testing.T) {
	d := newDesk(t)
	if w := d.call(http.MethodGet, "/api/generations/g", ""); w.Code != http.StatusNotFound {
		t.Errorf("one that is not there: %d %s", w.Code, w.Body)
	}
	d.books.accounts = []ledger.Account{{Generation: switchyard.Generation{ID: "g"}}}
	d.books.broken = true
	if w := d.call(http.MethodGet, "/api/generations/g", ""); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "cannot be read") {
		t.Errorf("one that cannot be read: %d %s", w.Code, w.Body)
	}
}

// TestKillForDays: an order says how long as config files and the command line do.
func TestKillForDays(t *testing.T) {
	d := newDesk(t)
	if w := d.call(http.MethodPost, "/api/kill", `{"scope":"provider","name":"fal","for":"2d"}`); w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if k := d.switches.List()[0]; time.Until(k.Until) < 47*time.Hour {
		t.Errorf("until %v", k.Until)
	}
}

// TestBearerByAnyCase: the word before the token is written as anybody likes.
func TestBearerByAnyCase(t *testing.T) {
	d := newDesk(t)
	for header, want := range map[string]int{"Bearer admin-token": 200, "bearer admin-token": 200, "BEARER admin-token": 200, "Basic admin-token": 401, "admin-token": 401} {
		if w := d.ask(http.MethodGet, "/api/status", nil, "Authorization", header); w.Code != want {
			t.Errorf("%q: %d", header, w.Code)
		}
	}
}
