package admin

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"switchyard/breaker"
	"switchyard/ledger"
	"switchyard/router"
)

// overview is the page that operators open first.
type overview struct {
	view
	span
	Health    Health
	Problems  []problem
	Kills     []killRow
	Blind     bool        // the ledger cannot be read: what follows is empty
	Sum       ledger.Sums // of the generations
	Spend     ledger.Sums // of the attempts
	Providers []*providerRow
	Routes    []*routeRow
	places    map[string]int       // :: route → its place in the config
	routes    map[string]*routeRow // :: route → its row
	Steps     []stepRow
}

// problem is one thing that is wrong, in words.
type problem struct {
	Mood string // bad or warn
	Text string
	Link string // a page that says more; may be empty
}

// providerRow is a provider of the config, or one that is only in the ledger any more.
type providerRow struct {
	Name      string
	Gone      bool // not in the config, or off there
	Mood      string
	Switch    switchState
	Sums      ledger.Sums
	Strip     strip
	Targets   []*targetRow
	Shown     int    // targets
	OpenCount int    // targets whose breaker is open
	Trouble   string // why it is not healthy, in the words of Health
}

type targetRow struct {
	Name   string
	Gone   bool
	Native bool // not a target of the config: the provider with whatever model the app asks for
	State  breaker.State
	Known  bool // the breaker's state is known
	Mood   string
	Phase  string
	Switch switchState
	Sums   ledger.Sums
}

// switchState is the kill switch of one thing.
type switchState struct {
	Can         bool // this program has kill switches
	Scope, Name string
	Killed      *killRow
}

// Quiet reports whether this is a provider's own row and has nothing to say: most routes name targets.
func (t *targetRow) Quiet() bool {
	return t.Native && t.Sums.Count == 0 && t.State.Phase != breaker.Open && t.State.Phase != breaker.HalfOpen
}

type routeRow struct {
	Name   string
	Gone   bool // not in the config
	place  int  // in the config, where the first that matches serves; behind all of them if it is gone
	Sums   ledger.Sums
	Switch switchState
}

func (r *routeRow) compare(other *routeRow) int {
	return cmp.Or(r.place-other.place, strings.Compare(r.Name, other.Name))
}

// stepRow is one step of the charts.
type stepRow struct {
	At    time.Time
	Sums  ledger.Sums // of the generations
	Spend ledger.Sums // of the attempts
}

func (h *Handler) overviewPage(w http.ResponseWriter, r *http.Request) {
	v := overview{view: h.view(r, "overview", "Overview"), Health: h.Health()}
	var err error
	if v.span, err = spanOf(r.URL.Query(), v.Now); err != nil {
		h.trouble(w, r, http.StatusBadRequest, "%v", err)
		return
	}
	v.Kills = h.stops(v.Now)
	v.table(h)
	v.Blind = v.read(r.Context(), h.Ledger) != nil
	slices.SortFunc(v.Routes, (*routeRow).compare) // at once: there may be thousands
	v.judge()
	v.Problems = v.problems(h)
	show(h, w, page[*overview]{"overview", 0, &v})
}

// table makes rows for the providers and routes of the config, before anything is known of them, and for routes that are stopped.
func (v *overview) table(h *Handler) {
	states := map[string]breaker.State{}
	for _, s := range h.Breakers() {
		states[s.Target] = s
	}
	for name, targets := range h.Providers() {
		p := v.provider(name)
		p.Gone, p.Switch.Can, p.Trouble = false, h.Kills != nil, v.Health.Providers[name].Problem
		for _, target := range targets {
			t := p.target(target)
			t.Gone, t.Switch.Can = false, h.Kills != nil
			t.Switch.Killed = v.killed(breaker.Target, target)
			if t.State, t.Known = states[target]; t.Known {
				t.Phase, t.Mood = phaseWords(t.State), phaseMood(t.State)
			}
		}
	}
	names := h.Names(breaker.Route)
	v.places, v.routes = map[string]int{}, map[string]*routeRow{}
	for i, name := range names {
		v.places[name] = i
	}
	for _, name := range few(names) { // the others when there is something to say of them
		if name != router.Default {
			v.route(name)
		}
	}
	for _, k := range v.Kills {
		if k.Scope == breaker.Route {
			v.route(k.Name)
		}
	}
}

// Stopped reports whether everything is stopped by hand.
func (v *overview) Stopped() bool {
	return slices.ContainsFunc(v.Kills, func(k killRow) bool { return k.Scope == breaker.All && !k.Bypass })
}

// judge decides how the providers are marked, once it is known which of their rows have something to say.
func (v *overview) judge() {
	for _, p := range v.Providers {
		for _, t := range p.Targets {
			if t.Quiet() {
				continue
			}
			p.Shown++
			if t.State.Phase == breaker.Open {
				p.OpenCount++
			}
		}
		switch {
		case p.Gone || p.Switch.Killed != nil || v.Stopped():
			p.Mood = "off"
		case p.Trouble != "" || p.OpenCount > 0 && p.OpenCount == p.Shown:
			p.Mood = "bad"
		case p.OpenCount > 0:
			p.Mood = "warn"
		default:
			p.Mood = "good"
		}
	}
}

func phaseMood(s breaker.State) string {
	switch {
	case s.Phase == breaker.Open:
		return "bad"
	case s.Phase == breaker.HalfOpen || s.Wait > 0:
		return "warn"
	}
	return "good"
}

// provider returns the row of a provider, or makes it in its place.
func (v *overview) provider(name string) *providerRow {
	for _, p := range v.Providers {
		if p.Name == name {
			return p
		}
	}
	p := &providerRow{Name: name, Gone: true, Mood: "off", Switch: switchState{Scope: string(breaker.Provider), Name: name}}
	p.Switch.Killed = v.killed(breaker.Provider, name)
	v.Providers = append(v.Providers, p)
	slices.SortFunc(v.Providers, func(a, b *providerRow) int { return strings.Compare(a.Name, b.Name) })
	return p
}

func (p *providerRow) target(name string) *targetRow {
	for _, t := range p.Targets {
		if t.Name == name {
			return t
		}
	}
	t := &targetRow{Name: name, Gone: true, Native: native(name), Switch: switchState{Scope: string(breaker.Target), Name: name}}
	p.Targets = append(p.Targets, t)
	slices.SortFunc(p.Targets, func(a, b *targetRow) int { return strings.Compare(a.Name, b.Name) })
	return t
}

// read adds the figures of the ledger.
func (v *overview) read(ctx context.Context, l Ledger) error {
	targets, err := l.Targets(ctx, v.span.Steps)
	if err != nil {
		return err
	}
	routes, err := l.Routes(ctx, v.span.Steps)
	if err != nil {
		return err
	}
	begins := v.begins()
	v.Steps = make([]stepRow, len(begins))
	index := map[int64]int{}
	for i, at := range begins {
		v.Steps[i].At = at
		index[at.Unix()] = i
	}
	strips := map[*providerRow][]ledger.Sums{}
	for i := range targets {
		t := &targets[i]
		p := v.provider(t.Provider)
		p.Sums.Add(&t.Sums)
		p.target(t.Target).Sums.Add(&t.Sums)
		v.Spend.Add(&t.Sums)
		if strips[p] == nil {
			strips[p] = make([]ledger.Sums, len(begins))
		}
		if at, ok := index[t.At.Unix()]; ok {
			v.Steps[at].Spend.Add(&t.Sums)
			strips[p][at].Add(&t.Sums)
		}
	}
	for _, p := range v.Providers {
		p.Strip = newStrip(strips[p])
	}
	for i := range routes {
		t := &routes[i]
		v.Sum.Add(&t.Sums)
		v.route(t.Route).Sums.Add(&t.Sums)
		if at, ok := index[t.At.Unix()]; ok {
			v.Steps[at].Sums.Add(&t.Sums)
		}
	}
	return nil
}

// route returns the row of a route, or makes it, in no place yet.
func (v *overview) route(name string) *routeRow {
	if one := v.routes[name]; one != nil {
		return one
	}
	one := &routeRow{Name: name, Switch: switchState{Scope: string(breaker.Route), Name: name, Killed: v.killed(breaker.Route, name)}}
	if place, known := v.places[name]; known {
		one.place, one.Switch.Can = place, v.HasKills
	} else {
		one.place, one.Gone = len(v.places), name != ""
	}
	v.Routes, v.routes[name] = append(v.Routes, one), one
	return one
}

// problems lists what is wrong, the worst first.
func (v *overview) problems(h *Handler) []problem {
	var bad, warn []problem
	if v.Blind {
		bad = append(bad, problem{"bad", "The ledger cannot be read. Requests go on; their figures are missing here until it can.", ""})
	}
	byHand := killed(h.killList()) // they are shown elsewhere on the page
	for _, text := range v.Health.Problems {
		if !slices.Contains(byHand, text) {
			bad = append(bad, problem{"bad", text, ""})
		}
	}
	if h.Alerts != nil {
		for _, a := range h.Alerts() {
			if a.State == "firing" {
				bad = append(bad, problem{"bad", "Alert " + a.Name + " is firing: " + a.Message, home + "/alerts"})
			}
		}
	}
	if h.Budgets != nil {
		if text := spentWords(h.Budgets()); text != "" {
			warn = append(warn, problem{"warn", text, home + "/budgets"})
		}
	}
	for _, p := range v.Providers {
		switch {
		case p.Gone || p.OpenCount == 0 && (p.Trouble == "" || p.Switch.Killed != nil):
		case p.OpenCount == 0:
			bad = append(bad, problem{"bad", p.Name + ": " + p.Trouble, ""})
		case p.OpenCount == p.Shown:
			bad = append(bad, problem{"bad", p.Name + " gets no requests, every breaker is open: " + p.open(v.Now), ""})
		default:
			warn = append(warn, problem{"warn", p.open(v.Now), ""})
		}
	}
	return append(bad, warn...)
}

// open says which breakers are open.
func (p *providerRow) open(now time.Time) string {
	var list []string
	for _, t := range p.Targets {
		if t.State.Phase == breaker.Open {
			list = append(list, t.label(p)+": breaker "+t.Phase+" (since "+clock(t.State.Since, now)+")")
		}
	}
	return strings.Join(list, "; ")
}

// native reports whether this is the name not of a target of the config, but of a provider with whatever model an app asks for.
func native(target string) bool { return strings.HasPrefix(target, "native:") }

func (t *targetRow) label(p *providerRow) string {
	if t.Native {
		return p.Name + " (as the app asked)"
	}
	return t.Name
}

// Verdict says in a word how things are.
func (v *overview) Verdict() string {
	for _, k := range v.Kills {
		switch {
		case k.Bypass:
			return "Bypassed"
		case k.Scope == breaker.All:
			return "Stopped"
		}
	}
	switch {
	case v.Health.Status == down:
		return "Down"
	case len(v.Problems) > 0:
		return "Degraded"
	case len(v.Kills) > 0:
		return "Running, with stops"
	case v.Health.Status != healthy:
		return "Degraded"
	}
	return "All well"
}

// Mood is how the verdict is marked.
func (v *overview) Mood() string {
	switch v.Verdict() {
	case "All well":
		return "good"
	case "Down", "Stopped":
		return "bad"
	}
	if slices.ContainsFunc(v.Problems, func(p problem) bool { return p.Mood == "bad" }) {
		return "bad"
	}
	return "warn"
}
