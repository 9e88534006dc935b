// Package admin is the operator's side: health pages, metrics, the API, the dashboard, and the record of what operators did. It
// never speaks to an app.
//
// A Handler serves all of it, and reads what it shows by the functions and small interfaces that it is given. Other parts of the
// package are told of what happens: Meters and Gauges make the metrics, Watch judges by live traffic and probes how providers
// are, Live wakes the dashboards that are open, and Audit writes down who did what.
package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/pprof"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"switchyard"
	"switchyard/breaker"
	"switchyard/config"
	"switchyard/ledger"
	"switchyard/router"
)

// Ledger is what the API and the dashboard read of the ledger.
type Ledger interface {
	Rows(ctx context.Context, since time.Time, limit int) ([]ledger.Row, error)
	Generation(ctx context.Context, id string) (ledger.Account, error)
	Totals(ctx context.Context, since, until time.Time) ([]ledger.Total, error)
	Generations(ctx context.Context, p ledger.Page) ([]ledger.Account, error)
	Targets(ctx context.Context, s ledger.Steps) ([]ledger.TargetStep, error)
	Routes(ctx context.Context, s ledger.Steps) ([]ledger.RouteStep, error)
}

// Handler serves the admin address. Its fields are set before the first request.
type Handler struct {
	Token switchyard.Secret
	Hosts []string // host names by which browsers may reach us, besides IP addresses and the names of the loopback

	// What the ledger tells.
	Ledger   Ledger
	Observer Observer                  // of experiments
	Settled  func(ctx context.Context) // waits a moment, until what has been written can be read

	// How the program is.
	Ready    func() error // an error says why no new requests should come; nil: they may
	Health   func() Health
	Program  func() Status // the parts of a Status that the program knows
	Breakers func() []breaker.State
	Metrics  *prometheus.Registry
	Budgets  func() []BudgetState // if nil, the dashboard has no such part; so with Alerts, Kills and Audit
	Alerts   func() []AlertState
	Images   Images // the hosted ones
	Live     *Live  // if nil, Init makes one

	// The config in force.
	Config      func() Config
	Providers   func() map[string][]string // :: provider that is on → its targets
	Rules       func() map[string]string   // :: route of the config → what it matches
	Experiments func() config.Map[router.Experiment]

	// What operators may do.
	Reload func() error
	Kills  Switches
	Names  func(breaker.Scope) []string // what a kill may name
	Level  LogLevel
	Audit  *Audit // writes down what operators did; if nil, nothing does

	mux     *http.ServeMux
	outer   http.Handler
	dash    *dash
	reports reports
}

// Init builds the routes; call it once, after the fields are set.
func (h *Handler) Init() {
	h.mux = http.NewServeMux()
	h.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { text(w, http.StatusOK, "ok") })
	h.mux.HandleFunc("GET /readyz", h.ready)
	h.mux.Handle("GET /metrics", promhttp.HandlerFor(h.Metrics, promhttp.HandlerOpts{EnableOpenMetrics: true}))
	h.mux.HandleFunc("GET /api/health", func(w http.ResponseWriter, _ *http.Request) { answer(w, h.Health()) })
	h.mux.HandleFunc("GET /api/ledger", h.guard(h.rows))
	h.mux.HandleFunc("GET /api/generations", h.guard(h.generations))
	h.mux.HandleFunc("GET /api/generations/{id}", h.guard(h.generation))
	h.mux.HandleFunc("GET /api/experiments", h.guard(h.experiments))
	h.mux.HandleFunc("GET /api/experiments/{name}", h.guard(h.experiment))
	h.mux.HandleFunc("GET /api/status", h.guard(h.status))
	h.mux.HandleFunc("POST /api/reload", h.guard(h.reload))
	h.mux.HandleFunc("GET /api/config", h.guard(h.config))
	h.mux.HandleFunc("POST /api/config", h.guard(h.config))
	h.mux.HandleFunc("GET /api/kill", h.guard(h.kills))
	h.mux.HandleFunc("POST /api/kill", h.guard(h.postKill))
	h.mux.HandleFunc("DELETE /api/kill/{scope}/{name}", h.guard(h.deleteKill))
	h.mux.HandleFunc("GET /api/audit", h.guard(h.audit))
	h.mux.HandleFunc("GET /api/alerts", h.guard(h.alerts))
	h.mux.HandleFunc("GET /api/budgets", h.guard(h.budgets))
	h.mux.HandleFunc("GET /api/log-level", h.guard(h.logLevel))
	h.mux.HandleFunc("PUT /api/log-level", h.guard(h.putLogLevel))
	h.mux.HandleFunc("GET /debug/pprof/", h.guard(pprof.Index))
	h.mux.HandleFunc("GET /debug/pprof/profile", h.guard(pprof.Profile))
	if h.Live == nil {
		h.Live = &Live{}
	}
	h.dashboard()
	h.outer = h.sameOrigin(h.mux)
}

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.outer.ServeHTTP(w, r) }

// guard lets in only those who send the token, and browsers that have logged in with it.
func (h *Handler) guard(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if _, ok := h.who(r); !ok {
			fail(w, h.refused(w, r), "the admin token is needed: Authorization: Bearer TOKEN")
			return
		}
		next(w, r)
	}
}

func (h *Handler) ready(w http.ResponseWriter, _ *http.Request) {
	if err := h.Ready(); err != nil {
		text(w, http.StatusServiceUnavailable, "not ready: "+err.Error())
		return
	}
	text(w, http.StatusOK, "ok")
}

// rows answers attempts that started at since or later (RFC 3339; if not given, all), at most limit of them (100; at most
// 10,000).
func (h *Handler) rows(w http.ResponseWriter, r *http.Request) {
	since, err := timeOf(r.URL.Query(), "since")
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	limit, err := limitOf(r)
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	h.Settled(r.Context())
	rows, err := h.Ledger.Rows(r.Context(), since, limit)
	if err != nil {
		fail(w, http.StatusServiceUnavailable, "the database cannot be read")
		return
	}
	if rows == nil {
		rows = []ledger.Row{}
	}
	answer(w, map[string][]ledger.Row{"rows": rows})
}

// timeOf returns a time that a query names, in RFC 3339; the zero time if it names none.
func timeOf(q url.Values, name string) (time.Time, error) {
	s := q.Get(name)
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, strings.ReplaceAll(s, " ", "+")) // a + that nobody escaped arrives as a space
	if err != nil {
		return time.Time{}, fmt.Errorf("%s: want a time such as 2026-11-24T12:00:00Z, got %q", name, s)
	}
	return t, nil
}

// limitOf returns how many rows a request asks for.
func limitOf(r *http.Request) (int, error) {
	s := r.URL.Query().Get("limit")
	if s == "" {
		return 100, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > 10_000 {
		return 0, errors.New("limit: want 1 to 10000")
	}
	return n, nil
}

func (h *Handler) reload(w http.ResponseWriter, r *http.Request) {
	err := h.Reload()
	h.Audit.Reloaded(actorOf(r), err)
	if err != nil {
		fail(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	answer(w, map[string]bool{"reloaded": true})
}

func answer[T any](w http.ResponseWriter, v T) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(v)
}

func fail(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": message})
}

func text(w http.ResponseWriter, status int, s string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(s + "\n"))
}
