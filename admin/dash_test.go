package admin_test

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"switchyard"
	"switchyard/admin"
	"switchyard/breaker"
	"switchyard/ledger"
)

// sums is count attempts of which ok went well, in three seconds each.
func sums(count, ok int) ledger.Sums {
	s := ledger.Sums{Count: count, OK: ok, Images: ok}
	for range ok {
		s.Busy += 3 * time.Second
		s.Latency.Observe(3 * time.Second)
	}
	return s
}

func TestOverviewEmpty(t *testing.T) {
	d := newDesk(t)
	d.login()
	page := d.page("/admin/ai-metrics")
	d.has(page, "All well", "Nothing is wrong", "<th scope=\"row\">fal</th>", "<th scope=\"row\">flux</th>", "Stop<span", `<data value="0" id="sum-generations">0</data>`, `id="stop-route-night"`)
	if strings.Contains(page, "as the app asked") {
		t.Error("the provider's own row has nothing to say, and is there")
	}
	if strings.Contains(page, `id="stop-route-default"`) {
		t.Error("the route for what no route of the config matches has served nothing, and is there")
	}
	if strings.Contains(page, " style=") || strings.Contains(page, "onclick") {
		t.Error("the page has what its policy forbids")
	}
}

// TestOverviewHalfOpen: that nothing is wrong is not said in words which the table below it belies.
func TestOverviewHalfOpen(t *testing.T) {
	d := newDesk(t)
	d.login()
	d.states = []breaker.State{{Target: "flux", Phase: breaker.HalfOpen}}
	page := d.page("/admin/ai-metrics")
	d.has(page, "All well", "no breaker is open", "half-open, one may try")
	if strings.Contains(page, "every breaker is closed") {
		t.Error("a breaker that is half-open is told as closed")
	}
}

// TestOverviewOfAKillOfEverything: no provider and no target looks as if it served. A bypass stops none.
func TestOverviewOfAKillOfEverything(t *testing.T) {
	d := newDesk(t)
	d.login()
	d.states = []breaker.State{{Target: "flux", Phase: breaker.Closed}}
	stopped := []string{"stopped with everything", `<span class="muted">with everything</span>`}
	for _, bypass := range []bool{true, false} {
		if err := d.switches.Set(breaker.Kill{Scope: breaker.All, Bypass: bypass}); err != nil {
			t.Fatal(err)
		}
		for _, text := range stopped {
			if got := strings.Contains(d.page("/admin/ai-metrics"), text); got == bypass {
				t.Errorf("a bypass (%t): %q is there (%t)", bypass, text, got)
			}
		}
	}
}

// TestOverviewRoutes: the routes of the config are there before they serve anything, so that they can be stopped, as they stand in the
// file; others behind them, and what is not in the config any more cannot be stopped.
func TestOverviewRoutes(t *testing.T) {
	d := newDesk(t)
	d.login()
	d.books.routes = []ledger.RouteStep{{At: time.Now(), Route: "former", Sums: sums(1, 1)}, {At: time.Now(), Route: "night", Sums: sums(2, 2)}, {At: time.Now(), Route: "default", Sums: sums(3, 3)}}
	page := d.page("/admin/ai-metrics")
	page = page[strings.Index(page, `<h2 id="routes">`):]
	last := 0
	for _, name := range []string{"pro", "night", "default", "former"} {
		at := strings.Index(page, `<th scope="row">`+name)
		if at <= last {
			t.Errorf("%s does not come after those before it", name)
		}
		last = at
		if got := strings.Contains(page, `id="stop-route-`+name+`"`); got != (name != "former") {
			t.Errorf("%s can be stopped: %t", name, got)
		}
	}
	d.has(page, "former <span class=\"muted\">not in the config</span>")
	_ = d.switches.Set(breaker.Kill{Scope: breaker.Route, Name: "default"})
	d.books.routes = nil
	d.has(d.page("/admin/ai-metrics"), `id="revive-route-default"`)
}

// TestOverviewNoRoutes: what is told in their place is true with a route of the config that is called default, too.
func TestOverviewNoRoutes(t *testing.T) {
	d := newDesk(t)
	d.login()
	d.Names = func(breaker.Scope) []string { return []string{"default"} }
	d.books.routes = nil
	d.has(d.page("/admin/ai-metrics"), "There is no route but default, and there was no generation in ")
}

// TestOverviewManyRoutes: of thousands, only so many have a row before there is something to say of them.
func TestOverviewManyRoutes(t *testing.T) {
	d := newDesk(t)
	d.login()
	var all []string
	for i := range 5_000 {
		all = append(all, fmt.Sprint("route-", i))
	}
	d.Names = func(breaker.Scope) []string { return all }
	d.books.routes = []ledger.RouteStep{{At: time.Now(), Route: "route-4321", Sums: sums(1, 1)}}
	page := d.page("/admin/ai-metrics")
	d.has(page, `id="stop-route-route-199"`, `id="stop-route-route-4321"`)
	if n := strings.Count(page, `id="stop-route-`); n != 201 {
		t.Errorf("%d routes have a row", n)
	}
}

// TestOverviewFigures: sums over targets and steps; money that nobody knows is not shown as nothing.
func TestOverviewFigures(t *testing.T) {
	d := newDesk(t)
	d.login()
	at := time.Now().UTC().Truncate(15 * time.Minute)
	a, b := sums(10, 9), sums(1190, 1190)
	a.Cost, a.Possible, a.Unknown = 5*switchyard.Dollar, switchyard.Dollar/2, 2
	b.Cost = 100 * switchyard.Dollar
	c := sums(3, 3)
	c.Unknown = 3
	d.books.targets = []ledger.TargetStep{
		{At: at, Provider: "fal", Target: "flux", Sums: a},
		{At: at.Add(-15 * time.Minute), Provider: "fal", Target: "flux", Sums: b},
		{At: at, Provider: "gone", Target: "old", Sums: c},
	}
	d.books.routes = []ledger.RouteStep{{At: at, Route: "pro", Sums: sums(1200, 1199)}}
	page := d.page("/admin/ai-metrics")
	d.has(page,
		`<data value="1200" id="sum-generations">1,200</data>`, `&gt;99.9 %</data>`,
		`<data value="104.5" title="$104.5">$104.50</data><small>+ <data value="0.5" title="$0.5">$0.50</data> possible</small><small>+ 5 of unknown price</small>`,
		`data-provider="gone"`, "not in the config",
		`<span class="unknown">unknown</span><small>3 without a known price</small>`,
		`<th scope="row">pro</th>`, `<tr data-at="`)
	if n := strings.Count(page, "<tr data-at="); n < 96 || n > 97 {
		t.Errorf("%d steps", n)
	}
}

func TestOverviewProblems(t *testing.T) {
	d := newDesk(t)
	d.login()
	d.states = []breaker.State{{Target: "flux", Phase: breaker.Open, Since: time.Now(), Wait: 12 * time.Second}}
	d.Health = func() admin.Health {
		return admin.Health{Status: "degraded", Problems: []string{"the latest config was refused: <b>"}}
	}
	d.has(d.page("/admin/ai-metrics"), "Degraded", "the latest config was refused: &lt;b&gt;", "fal gets no requests, every breaker is open: flux: breaker open, next try in 12 s", "1 of 1 open")
	d.states = append(d.states, breaker.State{Target: "native:fal", Phase: breaker.Open})
	d.has(d.page("/admin/ai-metrics"), "fal (as the app asked): breaker open, next try at once", "2 of 2 open", `id="stop-target-native:fal"`)
	d.states[0].Phase = breaker.Closed
	d.has(d.page("/admin/ai-metrics"), `<li class="warn">`, "1 of 2 open")

	_ = d.switches.Set(breaker.Kill{Scope: breaker.All, Reason: "<i>"})
	d.has(d.page("/admin/ai-metrics"), "Stopped", "“&lt;i&gt;”", "<strong>everything</strong>")
	_ = d.switches.Set(breaker.Kill{Scope: breaker.All, Bypass: true})
	d.has(d.page("/admin/ai-metrics"), "Bypassed")
}

// TestBlind: without the ledger there are no figures, but everything else, and the switches.
func TestBlind(t *testing.T) {
	d := newDesk(t)
	d.login()
	d.books.broken = true
	page := d.page("/admin/ai-metrics")
	d.has(page, "The ledger cannot be read", "Degraded", "Stop<span", "<th scope=\"row\">flux</th>")
	for _, figure := range []string{"sum-generations", `data-label="Attempts">0<`, `data-label="Attempts"><data value="0"`, `data-label="Generations">0<`, `data-label="Images">0<`} {
		if strings.Contains(page, figure) {
			t.Errorf("there are figures, of nothing: %s", figure)
		}
	}
	d.has(d.page("/admin/ai-metrics/generations"), "The ledger cannot be read")
	if w := d.ask(http.MethodGet, "/admin/ai-metrics/generations/g", nil); w.Code != http.StatusNotFound {
		t.Errorf("%d", w.Code)
	}
	d.books.accounts = []ledger.Account{{Generation: switchyard.Generation{ID: "g"}}}
	if w := d.ask(http.MethodGet, "/admin/ai-metrics/generations/g", nil); w.Code != http.StatusServiceUnavailable {
		t.Errorf("%d", w.Code)
	}
}

func TestRanges(t *testing.T) {
	d := newDesk(t)
	d.login()
	for query, want := range map[string]int{
		"":             200,
		"?range=1h":    200,
		"?range=30d":   200,
		"?range=2h":    400,
		"?range=%3Cb>": 400,
		"?since=2026-01-01T00:00:00Z&until=2026-01-02T00:00:00Z": 200,
		"?since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z": 400,
		"?since=2026-01-01T00:00:00Z&until=2026-01-01T00:00:00Z": 400,
		"?since=2020-01-01T00:00:00Z&until=2026-01-01T00:00:00Z": 400,
		"?since=yesterday":            400,
		"?until=2026-01-01T00:00:00Z": 400,
	} {
		for _, path := range []string{"/admin/ai-metrics", "/admin/ai-metrics/generations"} {
			if w := d.ask(http.MethodGet, path+query, nil); w.Code != want {
				t.Errorf("%s%s: %d", path, query, w.Code)
			}
		}
	}
}

func TestStory(t *testing.T) {
	d := newDesk(t)
	d.login()
	start := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	d.books.accounts = []ledger.Account{{
		Rating: ledger.ThumbsDown,
		Generation: switchyard.Generation{
			ID: "g1", Started: start, Latency: 4 * time.Second, Route: "pro", Outcome: switchyard.OK, Provider: "fal", Target: "flux",
			Model: "dall-e-3", Asked: 2, Delivered: 1, Fidelity: "dropped=seed,negative_prompt; delivered=1", Labels: map[string]string{"style": "<u>"},
			Cost: switchyard.Cost{Basis: switchyard.BasisUnknown, Charge: switchyard.ChargePossible}, Prompt: strings.Repeat("0a", 32),
		},
		Attempts: []switchyard.Attempt{
			{Number: 1, Target: "nano", Provider: "google", Started: start, Latency: time.Second, Stage: switchyard.Sent, Outcome: switchyard.Timeout, Cost: switchyard.Cost{Basis: switchyard.BasisUnknown, Charge: switchyard.ChargePossible}},
			{Number: 2, Target: "flux", Provider: "fal", Started: start.Add(time.Second), Latency: 3 * time.Second, Stage: switchyard.Answered, Outcome: switchyard.OK, Status: 200, Images: 1, Cost: switchyard.Cost{Amount: 25_000_000, Basis: switchyard.BasisBook, Charge: switchyard.ChargeSettled}, Job: "job-7"},
		},
	}}
	page := d.page("/admin/ai-metrics/generations/g1")
	d.has(page, "key.labels.tier == &#34;pro&#34;", "thumbs down", "1 of 2", "seed, negative_prompt", "&lt;u&gt;", "Prompt, SHA-256", "2 targets were tried",
		`<rect class="bad" x="0" y="0" width="25" height="8"/>`, `<rect class="good" x="25" y="0" width="75" height="8"/>`,
		"timeout</span> <span class=\"muted\">sent</span>", "+1000 ms, 3.0 s", "possible", "settled", `$0.0250`, "price-book", "job-7", `<span class="unknown">unknown</span>`)
	if strings.Contains(page, "$0.00<") {
		t.Error("an unknown price is shown as none")
	}
	d.has(d.page("/admin/ai-metrics/generations"), "dall-e-3", `<span class="unknown">unknown</span>`, "/admin/ai-metrics/generations/g1")
}

func TestSections(t *testing.T) {
	d := newDesk(t)
	d.Budgets = func() []admin.BudgetState {
		return []admin.BudgetState{
			{Name: "month", Scope: "tenant acme", Per: "month", Limit: admin.USD{Money: 100 * switchyard.Dollar}, Spent: admin.USD{Money: 100 * switchyard.Dollar}, State: "refusing"},
			{Name: "pictures", LimitImages: 1000, Images: 250, ReservedImages: 50, State: "ok"},
		}
	}
	d.Alerts = func() []admin.AlertState {
		return []admin.AlertState{{Name: "slow", Rule: "p95 > 10s", State: "firing", Since: time.Now(), Value: 12.5, Message: "p95 is 12.5 s"}}
	}
	d.Init()
	d.login()
	d.has(d.page("/admin/ai-metrics/budgets"), "refusing", "$100.00", "250 images", `width="25"`, `x="25" y="1" width="5"`)
	d.has(d.page("/admin/ai-metrics/alerts"), "slow", "firing", "p95 &gt; 10s", "12.5")
	d.has(d.page("/admin/ai-metrics"), "Alert slow is firing: p95 is 12.5 s", "Budget month is spent <a")
	d.Budgets = func() (list []admin.BudgetState) {
		list = append(list, admin.BudgetState{Name: "calm", Scope: "all", State: "ok", LimitImages: 10})
		for _, who := range []string{"acme", "apex", "bolt", "core"} {
			list = append(list, admin.BudgetState{Name: "each", Scope: "tenant:" + who, State: "spent", LimitImages: 10, Images: 10})
		}
		return list
	}
	d.has(d.page("/admin/ai-metrics"), "4 budgets are spent: each of tenant acme, each of tenant apex, each of tenant bolt, and 1 more <a")
	if page := d.page("/admin/ai-metrics/budgets"); strings.Index(page, "core") > strings.Index(page, "calm") {
		t.Error("budgets that are spent are not first")
	}
	d.Budgets = func() []admin.BudgetState { // of money and of images: whichever is used more
		return []admin.BudgetState{
			{
				Name: "both", Scope: "all", State: "spent", Limit: admin.USD{Money: 10 * switchyard.Dollar}, Spent: admin.USD{Money: 10 * switchyard.Dollar},
				LimitImages: 1000, Images: 250,
			},
			{Name: "early", Scope: "all", State: "warning", LimitImages: 10, Images: 2, ReservedImages: 3}, // by its warn_at
		}
	}
	d.has(d.page("/admin/ai-metrics"), "Budget both is spent <a")
	d.has(d.page("/admin/ai-metrics/budgets"), "$10.00", "250 images", `width="100"`, `<rect class="warn" x="0" y="1" width="20"`, `x="20" y="1" width="30"`)
	d.Alerts = func() []admin.AlertState {
		return []admin.AlertState{{Name: "q1", State: "ok"}, {Name: "p1", State: "pending"}, {Name: "s1", State: "silenced"}, {Name: "f1", State: "firing"}, {Name: "q2", State: "ok"}}
	}
	page := d.page("/admin/ai-metrics/alerts")
	last := 0
	for _, text := range []string{"f1<", "p1<", "s1<", "<details>", "q1<", "q2<"} {
		at := strings.Index(page, text)
		if at < last {
			t.Errorf("%s is not in its place", text)
		}
		last = at
	}
	d.Alerts = func() []admin.AlertState { return []admin.AlertState{{Name: "q1", State: "ok"}} }
	d.has(d.page("/admin/ai-metrics/alerts"), "Nothing fires", "q1<")
	if w := newDesk(t).ask(http.MethodGet, "/admin/ai-metrics/budgets", nil); w.Code != http.StatusNotFound {
		t.Errorf("a section that is not there answers %d", w.Code)
	}
}

// TestKillOfNothing: what is not there cannot be stopped, and nobody is asked whether to.
func TestKillOfNothing(t *testing.T) {
	d := newDesk(t)
	d.login()
	for query, known := range map[string]string{"scope=provider&name=zzz": "fal", "scope=target&name=zzz": "flux, native:fal", "scope=route&name=zzz": "pro, night, default"} {
		w := d.ask(http.MethodGet, "/admin/ai-metrics/kill?"+query, nil)
		if w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "&#34;zzz&#34;; there are: "+known) {
			t.Errorf("%s: %d %s", query, w.Code, w.Body)
		}
	}
}

// TestKillOfNothingAmongMany: of thousands of names nobody reads through all.
func TestKillOfNothingAmongMany(t *testing.T) {
	d := newDesk(t)
	d.login()
	var all []string
	for i := range 5_000 {
		all = append(all, fmt.Sprint("route-of-tenant-", i))
	}
	d.Names = func(breaker.Scope) []string { return all }
	for name, want := range map[string]string{
		"route-of-tenatn-7": "&#34;; did you mean &#34;route-of-tenant-7&#34;?", "x": "route-of-tenant-18, route-of-tenant-19 and 4980 more",
	} {
		w := d.ask(http.MethodGet, "/admin/ai-metrics/kill?scope=route&name="+name, nil)
		if text := w.Body.String(); w.Code != http.StatusNotFound || !strings.Contains(text, want) || strings.Contains(text, "route-of-tenant-20,") {
			t.Errorf("%s: %d %.3000s", name, w.Code, text)
		}
	}
}

func TestKillForm(t *testing.T) {
	d := newDesk(t)
	d.login()
	form := func(pairs ...string) url.Values {
		v := url.Values{"scope": {"provider"}, "name": {"fal"}, "reason": {"wrong faces"}}
		for i := 0; i < len(pairs); i += 2 {
			v.Set(pairs[i], pairs[i+1])
		}
		return v
	}
	for _, c := range []struct {
		form url.Values
		want int
		text string
	}{
		{form("reason", " "), 422, "say why"},
		{form("for", "soon"), 422, "such as 30m"},
		{form("for", "-1h"), 422, "such as 30m"},
		{form("scope", "world"), 422, "want provider, target, route or all"},
		{form("how", "bypass"), 422, "bypass is for scope all"},
		{form("name", "nobody"), 404, "Nothing is stopped"},
	} {
		w := d.ask(http.MethodPost, "/admin/ai-metrics/kill", c.form)
		if w.Code != c.want || !strings.Contains(w.Body.String(), c.text) {
			t.Errorf("%v: %d %s", c.form, w.Code, w.Body)
		}
	}
	if kills := d.switches.List(); len(kills) != 0 {
		t.Fatalf("killed: %v", kills)
	}
	if w := d.ask(http.MethodPost, "/admin/ai-metrics/kill", form("for", "15m", "how", "abort")); w.Code != http.StatusSeeOther {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	kills := d.switches.List()
	if len(kills) != 1 || !kills[0].Abort || kills[0].Until.IsZero() || kills[0].By != "dashboard: Ada from 192.0.2.7" {
		t.Fatalf("killed: %+v", kills)
	}
	d.has(d.page("/admin/ai-metrics"), "wrong faces", "by dashboard: Ada from 192.0.2.7", "Revive<span", "stopped")
	if w := d.ask(http.MethodPost, "/admin/ai-metrics/revive", form()); w.Code != http.StatusSeeOther || len(d.switches.List()) != 0 {
		t.Errorf("%d %v", w.Code, d.switches.List())
	}
	d.has(d.page("/admin/ai-metrics/kill?scope=all"), "Stop everything?", "bypass")
	if w := d.ask(http.MethodGet, "/admin/ai-metrics/kill?scope=provider", nil); w.Code != http.StatusBadRequest {
		t.Errorf("%d", w.Code)
	}
}

// TestFind: from an id in the app's log, ours or its own, to the whole story.
func TestFind(t *testing.T) {
	d := newDesk(t)
	d.login()
	for _, g := range []switchyard.Generation{{ID: "g1", RequestID: "req-7"}, {ID: "g2", RequestID: "req-8"}, {ID: "g3", RequestID: "req-7"}} {
		g.Started, g.Kind, g.Outcome = time.Now(), "generation", switchyard.OK
		d.books.accounts = append(d.books.accounts, ledger.Account{Generation: g})
	}
	d.has(d.page("/admin/ai-metrics/generations"), `<form method="get" class="find"`, "data-live")
	w := d.ask(http.MethodGet, "/admin/ai-metrics/generations?range=30d&find=+g2+", nil)
	if at := w.Header().Get("Location"); w.Code != http.StatusSeeOther || at != "/admin/ai-metrics/generations/g2" {
		t.Errorf("our own id led to %d %s", w.Code, at)
	}
	page := d.page("/admin/ai-metrics/generations?range=30d&find=req-7")
	d.has(page, `<tr id="g-g1">`, `<tr id="g-g3">`, `value="req-7"`)
	if strings.Contains(page, "g-g2") || strings.Contains(page, "data-live") { // the whole span is read for it: not each second
		t.Error(page)
	}
	d.has(d.page("/admin/ai-metrics/generations?range=30d&find=<b>"), "has the id &lt;b&gt;, ours")
}

// TestGenerationsByPages: all of them can be come by, in the span that was asked for.
func TestGenerationsByPages(t *testing.T) {
	d := newDesk(t)
	d.login()
	for i := range 120 {
		d.books.accounts = append(d.books.accounts, ledger.Account{Generation: switchyard.Generation{
			ID: fmt.Sprintf("g%03d", i), Started: time.Now().Add(-time.Duration(i) * time.Minute), Kind: "generation", Outcome: switchyard.OK,
		}})
	}
	seen, path := 0, "?range=7d"
	for pages := 1; path != ""; pages++ {
		page := d.page("/admin/ai-metrics/generations" + path)
		seen += strings.Count(page, `<tr id="g-`)
		d.has(page, "the last 7 days")
		if newest := strings.Contains(page, `href="?range=7d">Newest</a>`); newest != (pages > 1) || pages > 3 {
			t.Fatalf("page %d: a link to the newest: %t", pages, newest)
		}
		_, rest, _ := strings.Cut(page, `id="older" href="`)
		path, _, _ = strings.Cut(html.UnescapeString(rest), `"`)
	}
	if seen != 120 {
		t.Errorf("%d are on the pages", seen)
	}
	d.has(d.page("/admin/ai-metrics/generations?older=1-g119"), "No older generation")
	if w := d.ask(http.MethodGet, "/admin/ai-metrics/generations?older=yesterday", nil); w.Code != http.StatusBadRequest {
		t.Errorf("%d", w.Code)
	}
}
