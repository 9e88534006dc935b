package admin_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"switchyard"
	"switchyard/admin"
	"switchyard/asset"
	"switchyard/breaker"
	"switchyard/config"
	"switchyard/ledger"
	"switchyard/router"
)

// books is a ledger that holds what a test puts in.
type books struct {
	targets  []ledger.TargetStep
	routes   []ledger.RouteStep
	accounts []ledger.Account
	broken   bool
}

var errBroken = errors.New("database is locked")

func (b *books) err() error {
	if b.broken {
		return errBroken
	}
	return nil
}

func (b *books) Rows(context.Context, time.Time, int) ([]ledger.Row, error) { return nil, b.err() }

func (b *books) Totals(context.Context, time.Time, time.Time) ([]ledger.Total, error) {
	return nil, b.err()
}

func (b *books) Generations(_ context.Context, p ledger.Page) ([]ledger.Account, error) {
	list := slices.DeleteFunc(slices.Clone(b.accounts), func(a ledger.Account) bool {
		return p.RequestID != "" && a.Generation.RequestID != p.RequestID
	})
	if i := slices.IndexFunc(list, func(a ledger.Account) bool { return a.Generation.ID == p.After.ID }); i >= 0 {
		list = list[i+1:]
	}
	return list[:min(p.Limit, len(list))], b.err()
}

func (b *books) Targets(context.Context, ledger.Steps) ([]ledger.TargetStep, error) {
	return b.targets, b.err()
}

func (b *books) Routes(context.Context, ledger.Steps) ([]ledger.RouteStep, error) {
	return b.routes, b.err()
}

func (b *books) Observations(context.Context, string, func(ledger.Observation) error) error {
	return b.err()
}

func (b *books) Generation(_ context.Context, id string) (ledger.Account, error) {
	for _, a := range b.accounts {
		if a.Generation.ID == id {
			return a, b.err()
		}
	}
	return ledger.Account{}, errors.Join(ledger.ErrNotFound, b.err())
}

// names are what the config of a desk has, in its order; the route default is in every config.
var names = map[breaker.Scope][]string{
	breaker.Provider: {"fal"}, breaker.Target: {"flux", "native:fal"}, breaker.Route: {"pro", "night", router.Default},
}

// desk is an operator before a dashboard.
type desk struct {
	*testing.T
	*admin.Handler
	books    *books
	switches *breaker.Switches
	states   []breaker.State
	assets   *asset.Store
	cookie   *http.Cookie
}

func newDesk(t *testing.T) *desk {
	d := &desk{T: t, books: &books{}, switches: &breaker.Switches{}}
	var err error
	if d.assets, err = asset.New(asset.Config{Dir: t.TempDir()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.assets.Close() })
	d.Handler = &admin.Handler{
		Token: switchyard.NewSecret("admin-token"), Ledger: d.books, Metrics: prometheus.NewRegistry(), Observer: d.books,
		Settled:     func(context.Context) {},
		Breakers:    func() []breaker.State { return d.states },
		Health:      func() admin.Health { return admin.Health{Status: "healthy"} },
		Ready:       func() error { return nil },
		Experiments: func() config.Map[router.Experiment] { return nil },
		Providers:   func() map[string][]string { return map[string][]string{"fal": {"native:fal", "flux"}} },
		Rules:       func() map[string]string { return map[string]string{"pro": `key.labels.tier == "pro"`} },
		Images:      d.assets,
		Hosts:       []string{"switchyard.corp.example"},
		Kills:       d.switches,
		Names:       func(scope breaker.Scope) []string { return names[scope] },
		Program:     func() admin.Status { return admin.Status{} },
	}
	d.Init()
	return d
}

// ask sends a request as a browser does; headers are name, value, name, value.
func (d *desk) ask(method, path string, form url.Values, headers ...string) *httptest.ResponseRecorder {
	d.Helper()
	r := httptest.NewRequest(method, "http://127.0.0.1:9090"+path, strings.NewReader(form.Encode()))
	r.RemoteAddr = "192.0.2.7:4711"
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if d.cookie != nil {
		r.AddCookie(d.cookie)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return w
}

func (d *desk) login() {
	d.Helper()
	w := d.ask(http.MethodPost, "/admin/login", url.Values{"token": {"admin-token"}, "name": {"Ada"}})
	if w.Code != http.StatusSeeOther || len(w.Result().Cookies()) != 1 {
		d.Fatalf("%d %v", w.Code, w.Header())
	}
	d.cookie = w.Result().Cookies()[0]
}

// page is the text of one, which must be there.
func (d *desk) page(path string) string {
	d.Helper()
	w := d.ask(http.MethodGet, path, nil)
	if w.Code != http.StatusOK {
		d.Fatalf("%s: %d %s", path, w.Code, w.Body)
	}
	return w.Body.String()
}

func (d *desk) has(page string, texts ...string) {
	d.Helper()
	for _, text := range texts {
		if !strings.Contains(page, text) {
			d.Errorf("the page does not say %q:\n%s", text, page)
		}
	}
}
