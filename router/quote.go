package router

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"switchyard"
	"switchyard/rule"
)

// Quote is what one target would cost for a request, and whether it could serve it.
type Quote struct {
	Target   *switchyard.Target
	Cost     switchyard.Cost // unknown if the request cannot be said to it
	Fidelity switchyard.Fidelity
	Reason   string // why it cannot serve; empty if it can
}

// Quotes returns a quote for each target of the config: the cheapest first, those with an unknown price later, those
// that cannot serve last. What routes require is not considered.
func (r *Router) Quotes(f *rule.Facts, appKey bool, now time.Time) []Quote {
	d := r.consider(f)
	d.appKey, d.now = appKey, now
	var quotes []Quote
	for _, name := range slices.Sorted(maps.Keys(r.cfg.Targets)) {
		quotes = append(quotes, d.quote(r.cfg.Targets[name]))
	}
	slices.SortStableFunc(quotes, func(a, b Quote) int { return a.compare(&b) })
	return quotes
}

func (d *decision) quote(t *switchyard.Target) Quote {
	q := Quote{Target: t, Cost: switchyard.Cost{Basis: switchyard.BasisUnknown}}
	if q.Reason, _ = d.unusable(t); q.Reason == "" && d.stopped(t) {
		q.Reason = "stopped by hand"
	}
	fitted, err := Fit(d.facts.Request, d.asked, t)
	if err != nil {
		q.Reason = cmp.Or(q.Reason, err.Error())
		return q
	}
	q.Cost, q.Fidelity = Candidate{Target: t, Fitted: fitted}.Estimate(fitted.Request), fitted.Fidelity
	return q
}

// compare orders quotes as Quotes returns them.
func (q *Quote) compare(o *Quote) int {
	class := func(q *Quote) int {
		switch {
		case q.Reason != "":
			return 2
		case q.Cost.Basis == switchyard.BasisUnknown:
			return 1
		}
		return 0
	}
	if c := class(q) - class(o); c != 0 || class(q) > 0 {
		return c
	}
	return cmp.Compare(q.Cost.Amount, o.Cost.Amount)
}
