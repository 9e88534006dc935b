package backtest

import (
	"cmp"
	"maps"
	"math"
	"slices"
)

// Report is what a config would have done, beside what was really done.
type Report struct {
	Requests int     `json:"requests"`
	Drawn    int     `json:"drawn"`    // of them, those whose outcome was drawn
	Unshaped int     `json:"unshaped"` // recorded without what planning needs, and left out
	Total    Figures `json:"total"`
	Routes   []Route `json:"routes"` // of the config that was tried, by name
	Moves    []Move  `json:"moves"`  // the most frequent first

	// What rules of that config look up, such as headers["x-tier"], and no record has. If requests had it the plans are wrong: what
	// the rules did not ask for that were in force, and what may be a credential, is not recorded.
	Unseen []string `json:"unseen"`
}

// Route is one route of the tried config.
type Route struct {
	Route string `json:"route"`
	Figures
}

// Figures are what a number of requests came to, and would have come to.
type Figures struct {
	Requests int       `json:"requests"`
	Moved    int       `json:"moved"`    // would have been sent to another target first
	Unserved int       `json:"unserved"` // no target could have taken them
	Untried  int       `json:"untried"`  // would have gone to a target without records: they count only towards the cost
	Real     Done      `json:"real"`
	Expected Estimated `json:"expected"`
}

// Done is what happened. Times are null if nothing went well.
type Done struct {
	CostUSD       float64  `json:"cost_usd"` // known amounts
	UnknownCosts  int      `json:"unknown_costs"`
	Success       *float64 `json:"success"`
	MedianSeconds *float64 `json:"median_seconds"`
	P95Seconds    *float64 `json:"p95_seconds"`
}

// Estimated is what would have happened. What cannot be drawn from any record is null.
type Estimated struct {
	CostUSD       *Interval `json:"cost_usd"`
	UnknownCosts  *Interval `json:"unknown_costs"`
	Success       *Interval `json:"success"`
	MedianSeconds *Interval `json:"median_seconds"`
	P95Seconds    *Interval `json:"p95_seconds"`
}

// Interval is a figure, and the bounds that it is within in 95 of 100 draws.
type Interval struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// Move counts requests that would have gone to another target than they did.
type Move struct {
	From     string `json:"from"` // empty: nobody was asked
	To       string `json:"to"`   // empty: nobody could
	Requests int    `json:"requests"`
}

// report draws every trial in every round, and sums up by route and overall.
func (d *drawer) report(trials []trial) *Report {
	drawn := spread(trials, d.config.Most)
	scale := float64(len(trials)) / float64(len(drawn))
	rounds := make([]map[string]*tally, d.config.Rounds)
	for n := range rounds {
		d.round(n)
		rounds[n] = map[string]*tally{}
		for i := range drawn {
			o := d.try(drawn[i])
			for _, name := range []string{total, drawn[i].route} {
				of(rounds[n], name).count(o)
			}
		}
	}
	r := &Report{Requests: len(trials), Drawn: len(drawn), Moves: moves(trials)}
	for name, f := range facts(trials) {
		f.Expected = expected(rounds, name, scale)
		f.Untried = int(math.Round(scale * float64(rounds[0][name].untriedOrNone())))
		if name == total {
			r.Total = *f
			continue
		}
		r.Routes = append(r.Routes, Route{name, *f})
	}
	slices.SortFunc(r.Routes, func(a, b Route) int { return cmp.Compare(a.Route, b.Route) })
	return r
}

// total is the name of all routes together, which no route has.
const total = ""

func of(m map[string]*tally, name string) *tally {
	if m[name] == nil {
		m[name] = &tally{}
	}
	return m[name]
}

func (t *tally) untriedOrNone() int {
	if t == nil {
		return 0
	}
	return t.untried
}

// spread returns at most n of the trials, evenly spread.
func spread(trials []trial, n int) []*trial {
	n = min(n, len(trials))
	out := make([]*trial, n)
	for i := range out {
		out[i] = &trials[i*len(trials)/n]
	}
	return out
}

// facts returns what is certain, by route and overall.
func facts(trials []trial) map[string]*Figures {
	figures, real := map[string]*Figures{}, map[string]*tally{}
	for i := range trials {
		t := &trials[i]
		for _, name := range []string{total, t.route} {
			f := figures[name]
			if f == nil {
				f = &Figures{}
				figures[name] = f
			}
			f.Requests++
			if t.moved() {
				f.Moved++
			}
			if len(t.steps) == 0 {
				f.Unserved++
			}
			of(real, name).count(t.happened())
		}
	}
	for name, f := range figures {
		t := real[name]
		f.Real = Done{t.cost.Dollars(), t.unknown, t.success(), t.seconds(0.5), t.seconds(0.95)}
	}
	return figures
}

// expected sums up the rounds of one route.
func expected(rounds []map[string]*tally, name string, scale float64) Estimated {
	figure := func(of func(*tally) *float64) *Interval {
		values := make([]float64, 0, len(rounds))
		for _, round := range rounds {
			if t := round[name]; t != nil {
				if v := of(t); v != nil {
					values = append(values, *v)
				}
			}
		}
		return interval(values)
	}
	known := func(v float64) *float64 { return &v }
	return Estimated{
		CostUSD:       figure(func(t *tally) *float64 { return known(scale * t.cost.Dollars()) }),
		UnknownCosts:  figure(func(t *tally) *float64 { return known(scale * float64(t.unknown)) }),
		Success:       figure((*tally).success),
		MedianSeconds: figure(func(t *tally) *float64 { return t.seconds(0.5) }),
		P95Seconds:    figure(func(t *tally) *float64 { return t.seconds(0.95) }),
	}
}

// interval returns the median of values, and the bounds of the middle 95 %; nil without any.
func interval(values []float64) *Interval {
	if len(values) == 0 {
		return nil
	}
	slices.Sort(values)
	at := func(q float64) float64 { return values[min(int(q*float64(len(values))), len(values)-1)] }
	return &Interval{at(0.5), at(0.025), at(0.975)}
}

// moves counts the requests that would move, by where from and where to.
func moves(trials []trial) []Move {
	count := map[[2]string]int{}
	for i := range trials {
		if t := &trials[i]; t.moved() {
			count[[2]string{t.asked, t.first()}]++
		}
	}
	list := []Move{}
	for _, way := range slices.SortedFunc(maps.Keys(count), func(a, b [2]string) int {
		return cmp.Or(count[b]-count[a], cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1]))
	}) {
		list = append(list, Move{way[0], way[1], count[way]})
	}
	return list
}
