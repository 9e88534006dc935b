package sqlstore

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"switchyard"
	"switchyard/ledger"
)

// part is what the row of an attempt or a generation adds to the sums.
type part struct {
	started  int64 // of the row; it stays what it was when the row was made
	provider string
	name     string // of the target, or of the route
	outcome  switchyard.Outcome
	images   int
	latency  time.Duration
	cost     switchyard.Cost
	outside  bool // it is in no sum: it passed through
}

func partOfAttempt(a switchyard.Attempt) part {
	return part{nanos(a.Started), a.Provider, a.Target, a.Outcome, a.Images, a.Latency, a.Cost, false}
}

func partOfGeneration(g switchyard.Generation) part {
	return part{nanos(g.Started), "", g.Route, g.Outcome, g.Delivered, g.Latency, g.Cost, g.Kind == passthrough}
}

// passthrough is the kind of a request that passed through, which is in the table of generations but is none.
const passthrough = "passthrough"

// sums returns what the row alone adds; nothing while it runs.
func (p part) sums() (s ledger.Sums) {
	if p.outcome == "" || p.outside {
		return s
	}
	s.Count, s.Images = 1, p.images
	unknown := p.cost.Basis == switchyard.BasisUnknown
	switch {
	case !unknown:
		s.Cost = p.cost.Amount
		if p.cost.Charge == switchyard.ChargePossible {
			s.Possible = p.cost.Amount
		}
	case p.cost.Charge != switchyard.ChargeNone:
		s.Unknown = 1
	}
	switch {
	case p.outcome == switchyard.OK:
		s.OK, s.Busy = 1, p.latency
		s.Latency.Observe(p.latency)
	case slices.Contains(switchyard.Neither(), p.outcome):
		s.Neither = 1
	}
	return s
}

// neither is the condition in SQL that an outcome is one of switchyard.Neither.
var neither = func() string {
	var list []string
	for _, o := range switchyard.Neither() {
		list = append(list, "'"+string(o)+"'")
	}
	return "outcome IN (" + strings.Join(list, ", ") + ")"
}()

// place is a row of sums. A route's has no provider.
type place struct {
	route          bool
	span, at       int64
	provider, name string
}

// changes are what a batch does to the sums, gathered so that each row of sums is written once for the whole batch.
type changes map[place]*ledger.Sums

// replace takes out what a row was and puts in what it is.
func (c changes) replace(route bool, was, is part) {
	if was == is {
		return
	}
	for _, span := range ledger.Spans {
		if s := was.sums(); s != (ledger.Sums{}) {
			c.at(route, int64(span), was).Take(&s)
		}
		if s := is.sums(); s != (ledger.Sums{}) {
			c.at(route, int64(span), is).Add(&s)
		}
	}
}

func (c changes) at(route bool, span int64, p part) *ledger.Sums {
	key := place{route, span, p.started - p.started%span, p.provider, p.name}
	s, ok := c[key]
	if !ok {
		s = &ledger.Sums{}
		c[key] = s
	}
	return s
}

// sumColumns are those of ledger.Sums, in its order; the latencies by ledger.Bounds come last.
var sumColumns = func() []string {
	names := []string{"ended", "ok", "neither", "images", "cost", "possible", "unknown", "busy"}
	for _, b := range ledger.Bounds {
		names = append(names, "ms"+strconv.FormatInt(b.Milliseconds(), 10))
	}
	return append(names, "more")
}()

var (
	addToTarget = adding("target_sums", "span, at, provider, target")
	addToRoute  = adding("route_sums", "span, at, route")
)

// adding is the statement that adds to a row of sums.
func adding(table, key string) string {
	sets := make([]string, len(sumColumns))
	for i, c := range sumColumns {
		sets[i] = c + " = " + table + "." + c + " + excluded." + c
	}
	return insert(table, key+", "+strings.Join(sumColumns, ", ")) + " ON CONFLICT (" + key + ") DO UPDATE SET " + strings.Join(sets, ", ")
}

// write carries the changes out.
func (c changes) write(do func(text string, values []any) error) error {
	for p, s := range c {
		if *s == (ledger.Sums{}) {
			continue
		}
		text, values := addToTarget, []any{p.span, p.at, p.provider, p.name}
		if p.route {
			text, values = addToRoute, []any{p.span, p.at, p.name}
		}
		values = append(values, s.Count, s.OK, s.Neither, s.Images, int64(s.Cost), int64(s.Possible), s.Unknown, int64(s.Busy))
		for _, n := range s.Latency {
			values = append(values, n)
		}
		if err := do(text, values); err != nil {
			return err
		}
	}
	return nil
}
