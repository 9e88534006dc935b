// Package router decides who serves a request: which route it takes, which of the route's targets can serve it, and in what
// order they are tried. It sends nothing and writes nothing down. A decision depends on the request, the tables, what the
// functions of Config say of the world at that moment (deaths, latencies, loads, kills), and on chance where a route picks by
// weight.
//
// A Router is a compiled Config. Match finds the route that a request takes, and then makes its Plan: the Candidates in the
// order of the route's pick, each a target with the request in the form that Fit gives it for that target; and the targets
// that were passed over, and why. Deaths, Statistics and Pace hold what is learned at run time, and live on through reloads.
package router

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"switchyard"
	"switchyard/config"
	"switchyard/dialect"
	"switchyard/rule"
)

// Config is what a Router decides by.
type Config struct {
	Routes      []Route
	Experiments config.Map[Experiment]
	Targets     map[string]*switchyard.Target // by name
	Natives     []*switchyard.Target          // one a provider, in the file's order, without a model
	Tables      map[string]*dialect.Table     // by dialect
	Successors  bool                          // whether a dead model's successor serves its requests
	Deaths      *Deaths                       // learned at run time; may be nil
	Statistics  *Statistics                   // likewise
	Load        func(*switchyard.Target) int  // how many requests a target works on or has in line; may be nil
	Stopped     func(*switchyard.Target) bool // whether an operator has stopped a target by hand; may be nil
}

// Router is a compiled Config. It does not change; many requests share it.
type Router struct {
	cfg      Config
	routes   []compiled
	index    index
	estimate bool // whether any rule asks for estimates

	experiments map[string]*assigned // by name
	mentions    rule.Mentions        // by all rules
}

type compiled struct {
	Route
	when *rule.Rule // nil matches everything
}

// New checks and compiles a config. Its error joins every fault, each named by its path from "routes" on.
func New(cfg Config) (*Router, error) {
	r := &Router{cfg: cfg}
	errs := r.compileExperiments()
	errs = append(errs, r.compileRoutes()...)
	r.index = newIndex(r.routes)
	return r, errors.Join(errs...)
}

// compileRoutes checks and compiles the routes of the config, and adds the last route; the errors name their paths in the
// file. Experiments are compiled before, since routes name them.
func (r *Router) compileRoutes() (errs []error) {
	names := map[string]bool{}
	for i, route := range r.cfg.Routes {
		path := fmt.Sprintf("routes[%d]", i)
		c := compiled{Route: route}
		if route.When != "" {
			var err error
			if c.when, err = rule.Compile(route.When); err != nil {
				errs = append(errs, fmt.Errorf("%s.when: %w", path, err))
			} else {
				errs = append(errs, r.note(path+".when", c.when.Mentions())...)
			}
			r.estimate = r.estimate || strings.Contains(route.When, "estimate_usd")
		}
		if names[route.Name] {
			errs = append(errs, fmt.Errorf("%s.name: %q stands twice", path, route.Name))
		}
		names[route.Name] = true
		c.Targets = route.targets()
		errs = append(errs, r.unknown(path, &route)...)
		r.routes = append(r.routes, c)
	}
	fallthru := Route{}
	fallthru.SetDefaults()
	fallthru.Targets = fallthru.targets()
	fallthru.Name = Default // a request that no route matches goes to its own provider, as if there were no routes
	r.routes = append(r.routes, compiled{Route: fallthru})
	return errs
}

// unknown returns an error for each name in a route that does not exist.
func (r *Router) unknown(path string, route *Route) (errs []error) {
	for _, list := range []struct {
		key   string
		names []string
	}{{"targets", route.Targets}, {"fallback", route.Fallback}} {
		for i, name := range list.names {
			if name != Native && r.cfg.Targets[name] == nil {
				errs = append(errs, fmt.Errorf("%s.%s[%d]: no target %q%s", path, list.key, i, name, r.suggest(name)))
			}
		}
	}
	if name := route.Experiment; name != "" && r.experiments[name] == nil {
		errs = append(errs, fmt.Errorf("%s.experiment: no experiment %q%s", path, name, config.Suggest(name, r.cfg.Experiments.Names())))
	}
	return errs
}

// note adds what the rule at path mentions, and returns an error for each target that does not exist.
func (r *Router) note(path string, m rule.Mentions) (errs []error) {
	r.mentions.Add(m)
	for _, name := range m.Targets {
		if r.cfg.Targets[name] == nil {
			errs = append(errs, fmt.Errorf("%s: estimate_usd: no target %q%s", path, name, config.Suggest(name, r.names())))
		}
	}
	return errs
}

// suggest says which target of a route was probably meant.
func (r *Router) suggest(name string) string {
	return config.Suggest(name, append(r.names(), Native))
}

// names are those of the targets, in no order.
func (r *Router) names() []string { return slices.Collect(maps.Keys(r.cfg.Targets)) }

// Match is the route that a request takes, and what its plans are made from.
type Match struct {
	Route *Route
	Errs  []error // of the rules that were tried: one that errs does not match
	from  decision
}

// Match finds the route that a request takes. The facts must not change afterwards.
func (r *Router) Match(f *rule.Facts) Match {
	m := Match{from: r.consider(f)}
	m.Route, m.Errs = r.match(f)
	return m
}

// Plan decides who may serve the request. appKey tells whether the app has a credential of its own that may be used with the
// provider that it belongs to.
func (m *Match) Plan(appKey bool, now time.Time) *Plan {
	d := m.from
	d.appKey, d.now, d.plan = appKey, now, &Plan{Route: m.Route, Errs: slices.Clip(m.Errs)}
	for _, name := range m.Route.Targets {
		d.named(name)
	}
	if m.Route.Experiment != "" {
		d.experiment()
	}
	d.pick()
	return d.plan
}

// Hold puts the target that has a job for the request into a plan, unless it is there. The job is paid for: it is asked for whatever the
// rules, what they require, the prices and the switches have come to be since it was accepted.
func (m *Match) Hold(p *Plan, a switchyard.Attempt) {
	d := m.from
	t := d.Holder(a)
	if t == nil || t.Key.IsZero() {
		return
	}
	fitted, err := Fit(d.facts.Request, d.asked, t)
	if err != nil {
		return
	}
	same := func(c Candidate) bool { return c.Target.Is(t.Provider, t.Model) }
	if slices.ContainsFunc(p.Candidates, func(c Candidate) bool { return same(c) && c.Target.Name == t.Name }) {
		return
	}
	// In the place of its like: what has failed there is not sent there once more.
	p.Candidates = append(slices.DeleteFunc(p.Candidates, same), Candidate{Target: t, Fitted: fitted})
}

// Holder returns the target by which a provider can be asked for the job of an attempt: the attempt's own, or, if that name is gone or means
// another model by now, one like it. It may be switched off, which stops what is new. It is nil if the provider is not in the config any more.
func (r *Router) Holder(a switchyard.Attempt) *switchyard.Target {
	var all []*switchyard.Target
	for _, name := range slices.Sorted(maps.Keys(r.cfg.Targets)) {
		all = append(all, r.cfg.Targets[name])
	}
	for _, t := range r.cfg.Natives {
		all = append(all, of(t, a.Model, r.cfg.Tables[t.Dialect].Assume(a.Model)))
	}
	var like *switchyard.Target
	for _, t := range all {
		switch {
		case !t.Is(a.Provider, a.Model):
		case t.Name == a.Target:
			return t
		case like == nil:
			like = t
		}
	}
	return like
}

// consider adds to the facts what rules may ask of them.
func (r *Router) consider(f *rule.Facts) decision {
	d := decision{Router: r, facts: f}
	d.asked = r.find(f.Request.Dialect, f.Request.Model)
	if r.estimate {
		d.estimates()
	}
	return d
}

// match returns the first route that matches, in the order of the file, and the errors of those before it. It tries only the
// routes that the index does not rule out.
func (r *Router) match(f *rule.Facts) (*Route, []error) {
	var errs []error
	var buf [8][]int // on the stack; few facts find anything for one request
	lists := r.index.candidates(buf[:0], f)
	for {
		route := &r.routes[first(lists)]
		if route.when == nil {
			return &route.Route, errs
		}
		ok, err := route.when.Match(f)
		if err != nil {
			errs = append(errs, &RuleError{OfRoute(route.Name), err})
		}
		if ok {
			return &route.Route, errs
		}
	}
}

// Mentions returns what all rules together look up in headers and query.
func (r *Router) Mentions() rule.Mentions { return r.mentions }

func (r *Router) find(dialectName, model string) *switchyard.Model {
	if t := r.cfg.Tables[dialectName]; t != nil {
		return t.Find(model)
	}
	return nil
}

// decision is one plan being made.
type decision struct {
	*Router
	facts  *rule.Facts
	asked  *switchyard.Model // row of the model that the app named
	appKey bool
	now    time.Time
	plan   *Plan
}

func (d *decision) pass(target, reason string, kind switchyard.Kind) {
	d.plan.Passed = append(d.plan.Passed, Passed{target, reason, kind})
}

// named adds a target by its name in the file.
func (d *decision) named(name string) {
	if name == Native {
		d.native()
	} else {
		d.add(d.cfg.Targets[name], nil)
	}
}

// unusable returns why nothing can be sent to a target, and the kind of error that this is to an app; empty if something can.
func (d *decision) unusable(t *switchyard.Target) (reason string, kind switchyard.Kind) {
	switch {
	case t.Off != "":
		return t.Off, ""
	case hasKey(t, d.facts.Request.Dialect, d.appKey):
		return "", ""
	case d.facts.Key.Name == "":
		return "no key", switchyard.NoKey
	}
	return "no key", "" // the app came with a virtual key: it cannot change that we have no provider key
}

// add fits the request to t, and puts it into the plan or says why not.
func (d *decision) add(t *switchyard.Target, notes switchyard.Fidelity) {
	if reason, kind := d.unusable(t); reason != "" {
		d.pass(t.Name, reason, kind)
		return
	}
	if slices.ContainsFunc(d.plan.Candidates, func(c Candidate) bool { return c.Target.Is(t.Provider, t.Model) && !d.stopped(c.Target) }) {
		return // the same provider and model is in the plan already, and not stopped
	}
	fitted, err := Fit(d.facts.Request, d.asked, t)
	if err != nil {
		d.pass(t.Name, err.Error(), switchyard.Unsupported)
		return
	}
	if d.plan.Route.Strict() && fitted.Fidelity.Lossy() {
		d.pass(t.Name, "not exact: "+fitted.Fidelity.String(), switchyard.Unsupported)
		return
	}
	fitted.Fidelity = append(notes, fitted.Fidelity...)
	c := Candidate{Target: t, Fitted: fitted}
	if reason := d.misses(&c); reason != "" {
		d.pass(t.Name, reason, "")
		return
	}
	d.plan.Candidates = append(d.plan.Candidates, c)
}

// stopped reports whether an operator has stopped t by hand.
func (d *decision) stopped(t *switchyard.Target) bool {
	return d.cfg.Stopped != nil && d.cfg.Stopped(t)
}

// estimates fills in what the request would cost at each target that has a price.
func (d *decision) estimates() {
	d.facts.Estimate = map[string]float64{}
	for name, t := range d.cfg.Targets {
		fitted, err := Fit(d.facts.Request, d.asked, t)
		if err != nil {
			continue
		}
		if cost := (Candidate{Target: t, Fitted: fitted}).Estimate(fitted.Request); cost.Basis != switchyard.BasisUnknown {
			d.facts.Estimate[name] = cost.Amount.Dollars()
		}
	}
}
