package router

import (
	"time"

	"switchyard/rule"
)

// Choose is the choice of the route alone, for tests that count what it allocates.
func (r *Router) Choose(f *rule.Facts) (*Route, []error) { return r.match(f) }

// Plan matches and plans.
func (r *Router) Plan(f *rule.Facts, appKey bool, now time.Time) *Plan {
	m := r.Match(f)
	return m.Plan(appKey, now)
}
