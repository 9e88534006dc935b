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

// TestGenerations: the list can be asked for what the app called a request, and one of it for all that was tried.
func TestGenerations(t *testing.T) {
	d := newDesk(t)
	at := time.Date(2026, 11, 24, 6, 0, 0, 0, time.UTC)
	cost := switchyard.Cost{Amount: 25_000_000, Basis: switchyard.BasisBook, Charge: switchyard.ChargeSettled}
	d.books.accounts = []ledger.Account{{
		Generation: switchyard.Generation{
			ID: "g1", RequestID: "req-7", Started: at, Latency: 1500 * time.Millisecond, Kind: "generation", Outcome: switchyard.OK, Served: "m",
			Attempts: 1, Asked: 2, Delivered: 1, Cost: cost, Hosted: []string{"a-secret-name.png"},
		},
		Attempts: []switchyard.Attempt{{ID: "a1", Number: 1, Started: at, Latency: time.Second, Stage: switchyard.Answered, Outcome: switchyard.OK, Status: 200, Images: 1, Cost: switchyard.Cost{Basis: switchyard.BasisUnknown, Charge: switchyard.ChargePossible}}},
		Rating:   ledger.ThumbsUp,
	}, {Generation: switchyard.Generation{ID: "g2", RequestID: "req-8", Started: at}}}
	const generation = `"id":"g1","request_id":"req-7","at":"2026-11-24T06:00:00Z","tenant":"","key":"","tier":"","kind":"generation","dialect":"","path":"",` +
		`"model":"","route":"","variant":"","outcome":"ok","target":"","provider":"","served_model":"m","tried":1,"asked":2,"images":1,"latency_ms":1500,` +
		`"cost_usd":0.025,"cost_basis":"price-book","charge":"settled","fidelity":"","prompt":"","labels":null,"rating":"thumbs_up"`
	const attempt = `{"id":"a1","number":1,"part":0,"at":"2026-11-24T06:00:00Z","target":"","provider":"","model":"","stage":"answered","outcome":"ok","status":200,` +
		`"images":1,"latency_ms":1000,"cost_usd":null,"cost_basis":"unknown","charge":"possible","job":""}`
	for path, want := range map[string]string{
		"/api/generations?request_id=req-7": `{"generations":[{` + generation + `}]}`,
		"/api/generations?request_id=none":  `{"generations":[]}`,
		"/api/generations/g1":               `{` + generation + `,"attempts":[` + attempt + `]}`,
	} {
		if w := d.call(http.MethodGet, path, ""); w.Code != http.StatusOK || w.Body.String() != want+"\n" {
			t.Errorf("%s: %d %s\nwant %s", path, w.Code, w.Body, want)
		}
	}
	for _, query := range []string{"since=yesterday", "until=1h", "limit=0", "since=2026-11-24T12:00:00Z&until=2026-11-23T12:00:00Z"} {
		if w := d.call(http.MethodGet, "/api/generations?"+query, ""); w.Code != http.StatusBadRequest {
			t.Errorf("%s: %d %s", query, w.Code, w.Body)
		}
	}
	if w := d.call(http.MethodGet, "/api/ledger?since=2026-11-24T12:00:00+01:00", ""); w.Code != http.StatusOK { // as people type it
		t.Errorf("%d %s", w.Code, w.Body)
	}
	d.books.broken = true
	if w := d.call(http.MethodGet, "/api/generations", ""); w.Code != http.StatusServiceUnavailable {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := d.ask(http.MethodGet, "/api/generations", nil); w.Code != http.StatusUnauthorized {
		t.Errorf("without the token: %d", w.Code)
	}
}
