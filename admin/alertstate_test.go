package admin_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"switchyard"
	"switchyard/admin"
)

// ask asks a handler, with its token if it is not empty.
func ask(h *admin.Handler, path, token string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestAlertsPage(t *testing.T) {
	h := &admin.Handler{Token: switchyard.NewSecret("s"), Metrics: prometheus.NewRegistry()}
	h.Init()
	if w := ask(h, "/api/alerts", ""); w.Code != http.StatusUnauthorized {
		t.Errorf("without the token: %d %s", w.Code, w.Body)
	}
	if w := ask(h, "/api/alerts", "s"); strings.TrimSpace(w.Body.String()) != `{"alerts":[]}` {
		t.Errorf("without alerts: %s", w.Body)
	}
	h.Alerts = func() []admin.AlertState {
		return []admin.AlertState{{"slow", "mean_seconds > 15.0", "firing", time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC), 16.5, "mean_seconds is 16.5"}}
	}
	want := `{"alerts":[{"name":"slow","rule":"mean_seconds \u003e 15.0","state":"firing","since":"2026-11-24T12:00:00Z","value":16.5,"message":"mean_seconds is 16.5"}]}`
	if w := ask(h, "/api/alerts", "s"); strings.TrimSpace(w.Body.String()) != want {
		t.Errorf("got %s", w.Body)
	}
}

// TestReadings: what is gone is gone, and one without a label has one value, or none.
func TestReadings(t *testing.T) {
	h := &admin.Handler{Metrics: prometheus.NewRegistry()}
	h.Init()
	up, depth := map[string]float64{"fal": 1, "google": 0}, map[string]float64{}
	admin.Reading{Name: "up", Help: "h", Label: "provider", Values: func() map[string]float64 { return up }}.Register(h.Metrics)
	admin.Reading{Name: "depth", Help: "h", Values: func() map[string]float64 { return depth }}.Register(h.Metrics)
	want := "# HELP switchyard_up h\n# TYPE switchyard_up gauge\nswitchyard_up{provider=\"fal\"} 1\nswitchyard_up{provider=\"google\"} 0\n"
	if w := ask(h, "/metrics", ""); w.Body.String() != want {
		t.Errorf("got\n%s", w.Body)
	}
	delete(up, "google")
	depth[""] = 2.5
	want = "# HELP switchyard_depth h\n# TYPE switchyard_depth gauge\nswitchyard_depth 2.5\n# HELP switchyard_up h\n# TYPE switchyard_up gauge\nswitchyard_up{provider=\"fal\"} 1\n"
	if w := ask(h, "/metrics", ""); w.Body.String() != want {
		t.Errorf("got\n%s", w.Body)
	}
}
