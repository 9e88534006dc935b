package admin

import "switchyard"

// Expected are the names in a config that become labels of metrics.
type Expected struct {
	Routes  []string
	Hedged  []string            // routes on which a second target may race
	Cached  []string            // routes that share answers
	Rules   []string            // whatever has a rule: route "pro", experiment "trial", alert slow
	Targets map[string][]string // :: provider → its targets
}

// mostExpected is how many routes, rules or targets have their series before anything has happened. With a million of them,
// every scrape would be the slower for it.
const mostExpected = 200

// Expect makes the counters of a config begin at 0, so that the first event shows as a change: to Prometheus, a counter
// that first appears with 1 has never risen.
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

// few returns the first mostExpected names.
func few(names []string) []string { return names[:min(len(names), mostExpected)] }
