package admin

import "switchyard"

// Expected are the names of a config that metrics will have as labels.
type Expected struct {
	Routes  []string
	Hedged  []string            // of the routes, those where a second target may race
	Cached  []string            // and those that share answers
	Rules   []string            // of what has a rule: route "pro", experiment "trial", alert slow
	Targets map[string][]string // :: provider → its targets
}

// mostExpected is how many routes, rules or targets have their series before anything has happened: each of a million would
// be paid for by every scrape.
const mostExpected = 200

// Expect has the counters of a config begin at 0, so that the first event shows as a change: a counter that appears with 1
// has never risen, as far as Prometheus can see.
func (m *Meters) Expect(e Expected) {
	outcomes := append(switchyard.Outcomes(), switchyard.OK, switchyard.Canceled, switchyard.Lost)
	for _, route := range few(e.Routes) {
		m.fallbacks.WithLabelValues(route)
		for _, outcome := range outcomes {
			m.generations.WithLabelValues(route, string(outcome))
		}
	}
	for _, route := range few(e.Hedged) {
		m.hedges.WithLabelValues(route)
	}
	for _, route := range few(e.Cached) {
		m.cache.WithLabelValues(route, "hit")
		m.cache.WithLabelValues(route, "miss")
	}
	for _, of := range few(e.Rules) {
		m.rules.WithLabelValues(of)
	}
	left := mostExpected
	for provider, targets := range e.Targets {
		for _, target := range targets[:min(len(targets), left)] {
			left--
			for _, outcome := range outcomes {
				m.attempts.WithLabelValues(provider, target, string(outcome))
			}
			for _, charge := range []switchyard.Charge{switchyard.ChargeSettled, switchyard.ChargePossible} {
				m.dollars.WithLabelValues(provider, target, string(charge))
			}
			m.images.WithLabelValues(provider, target)
			m.unknown.WithLabelValues(provider, target)
		}
	}
}

// few are the first of many.
func few(names []string) []string { return names[:min(len(names), mostExpected)] }
