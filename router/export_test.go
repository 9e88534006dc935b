package router

import "switchyard/rule"

// Match is the choice of the route alone, for tests that count what it allocates.
func (r *Router) Match(f *rule.Facts) (*Route, []error) {
	c, errs := r.match(f)
	return &c.Route, errs
}
