package main

import (
	"time"

	"switchyard/admin"
	"switchyard/alert"
)

// alertMetrics are what alerts know, for whoever would rather have Prometheus tell: see "switchyard alerts --prometheus".
func (s *sidecar) alertMetrics() {
	for _, g := range []admin.Reading{
		{Name: "alert_firing", Help: "Whether an alert fires.", Label: "alert", Values: func() map[string]float64 {
			m := map[string]float64{}
			for _, st := range s.alerts.states() {
				m[st.Name] = bit(st.Phase == alert.Firing)
			}
			return m
		}},
		{Name: "budget_warn_at_ratio", Help: "Share of a budget from which on it is to be told of.", Label: "budget", Values: func() map[string]float64 {
			_, warnAt := s.budgetShares(time.Now())
			return warnAt
		}},
		{Name: "fallback_cost_ratio", Help: "What generations of the last hour cost, by what their first targets would have; without any, there is none.", Values: func() map[string]float64 {
			ratio, known := s.alerts.seen.ratio(time.Now().Add(-time.Hour))
			if !known {
				return nil
			}
			return map[string]float64{"": ratio}
		}},
		{Name: "models_ending", Help: "Configured models that are dead or die soon, and requested ones that die soon.", Values: func() map[string]float64 {
			return map[string]float64{"": float64(len(s.ending(s.file.Load(), time.Now())))}
		}},
	} {
		g.Register(s.metrics)
	}
}

func bit(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// ending names the models that are configured or asked for, and die soon.
func (s *sidecar) ending(f *file, now time.Time) []string {
	return append(f.dying(now), s.alerts.seen.dying(f, now)...)
}

// budgetShares are how much of each budget is used, and from where on it is to be told of. A budget over many is as used as
// that of the one who has used most.
func (st *standing) budgetShares(now time.Time) (used, warnAt map[string]float64) {
	used, warnAt = map[string]float64{}, map[string]float64{}
	for _, b := range st.budgets.States(now) {
		used[b.Name] = max(used[b.Name], b.Used())
		warnAt[b.Name] = b.WarnAt
	}
	return used, warnAt
}
