package main

import (
	"errors"
	"maps"
	"runtime"
	"time"

	"switchyard"
	"switchyard/admin"
	"switchyard/breaker"
	"switchyard/limit"
	"switchyard/proxy"
	"switchyard/router"
)

// observe counts a request that has ended.
func (s *sidecar) observe(rec *proxy.Record) {
	s.alerts.observe(rec)
	trace := ""
	if rec.Trace.Kept {
		trace = rec.Trace.Text
	}
	s.meters.Request(ended(rec, trace))
	for _, a := range rec.Attempts {
		s.meters.Attempt(a, trace)
		s.watch.Attempt(a)
	}
	for _, err := range rec.Rules {
		var failed *router.RuleError
		if errors.As(err, &failed) {
			s.watch.RuleFailed(failed.Of, time.Now())
			s.meters.RuleFailed(failed.Of)
		}
	}
	s.live.Tell()
}

// expected are the labels that a config will have in the metrics.
func (b *built) expected() admin.Expected {
	e := admin.Expected{Routes: []string{router.Default}, Targets: b.targetsOf()}
	for i := range b.Routes {
		r := &b.Routes[i]
		e.Routes = append(e.Routes, r.Name)
		if r.Hedge != nil {
			e.Hedged = append(e.Hedged, r.Name)
		}
		if r.Cache != nil {
			e.Cached = append(e.Cached, r.Name)
		}
		if r.When != "" {
			e.Rules = append(e.Rules, router.OfRoute(r.Name))
		}
	}
	for _, name := range b.Experiments.Names() {
		e.Rules = append(e.Rules, router.OfExperiment(name))
	}
	for _, r := range b.rules {
		e.Rules = append(e.Rules, ofAlert(r.Name))
	}
	return e
}

// ofAlert is what an alert's rule is called where it fails.
func ofAlert(name string) string { return "alert " + name }

// ended is a record as meters count it.
func ended(rec *proxy.Record, trace string) admin.Ended {
	e := admin.Ended{
		Dialect: rec.Dialect, Kind: rec.Kind, Status: rec.Status, Latency: rec.Latency, Ticket: rec.Work, Route: rec.Route,
		Cache: rec.Cache, Hedged: rec.Hedged, FellBack: rec.FellBack, Trace: trace,
	}
	if rec.Kind == proxy.KindGeneration { // what passes through has a row, too
		e.Generation = rec.Ended
	}
	return e
}

// late counts an attempt that ended after its request.
func (s *sidecar) late(a switchyard.Attempt) {
	s.meters.Attempt(a, "")
	s.watch.Attempt(a)
}

// scrape is how things are at the moment that somebody reads the metrics.
func (s *sidecar) scrape() admin.Scrape {
	f := s.file.Load()
	_, stuck := s.applier.State()
	_, failing := s.journal.State()
	under := s.handler.UnderWay()
	m := admin.Scrape{
		Version: version, Revision: revision(), Go: runtime.Version(),
		Providers: s.health().Providers, Probes: s.watch.Probes(),
		Loads: map[limit.Name]limit.Load{}, Kills: s.switches.List(), Stopped: map[limit.Name]bool{}, Budgets: map[string]float64{},
		Requests: under.Requests, Waiting: under.Waiting, Tickets: under.Tickets,
		Journal: s.journal.Stats(), Stuck: stuck != nil, Failing: failing != nil,
		Loaded: f.loaded, Refused: s.refused.Load() != nil,
		Memory: s.handler.Runner.Pool.Memory(), MaxMemory: s.handler.Runner.Pool.Limit(), Files: s.handler.Runner.Pool.Files(),
	}
	s.scrapeTargets(&m, f)
	used, _ := s.budgetShares(time.Now())
	maps.Copy(m.Budgets, used)
	if s.tracer != nil {
		sent, dropped := s.tracer.Spans()
		m.Spans = &admin.Spans{Sent: sent, Dropped: dropped}
	}
	return m
}

// scrapeTargets goes by the file: one that is idle has its place in the metrics, too, and one that is gone has none.
func (s *sidecar) scrapeTargets(m *admin.Scrape, f *file) {
	states := map[string]breaker.State{}
	for _, b := range s.breakers.States() {
		states[b.Target] = b
	}
	loads := s.limits.Loads()
	for provider, targets := range f.targetsOf() {
		at := limit.Name{Scope: limit.Provider, Name: provider}
		m.Loads[at] = loads[at]
		_, m.Stopped[at] = s.switches.Stopped("", provider, "")
		for _, target := range targets {
			at := limit.Name{Scope: limit.Target, Name: target}
			m.Loads[at] = loads[at]
			_, m.Stopped[at] = s.switches.Stopped("", provider, target)
			b := states[target]
			if b.Phase == "" {
				b.Phase = breaker.Closed // it was never asked
			}
			b.Target = target
			m.Breakers = append(m.Breakers, b)
		}
	}
	for _, b := range f.budgets() {
		m.Budgets[b.Name] = 0 // nobody has spent from it, unless a state says otherwise
	}
}
