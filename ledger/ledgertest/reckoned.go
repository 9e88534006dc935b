package ledgertest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"switchyard"
	"switchyard/ledger"
)

// reckoned compares reports by everything, of many spans, with a count of all rows one by one.
func reckoned(t *testing.T, x Technology) {
	s, _ := x.Fresh(t)
	dice := rand.New(rand.NewPCG(3, 4))
	for i := range 30 {
		var records []ledger.Record
		for n := range 10 {
			records = append(records, anyGeneration(dice, fmt.Sprint("g", 10*i+n))...)
		}
		Apply(t, s, "e", records...)
	}
	var rows []ledger.Row
	if err := s.EachRow(t.Context(), ledger.Span{}, func(r ledger.Row) error { rows = append(rows, r); return nil }); err != nil {
		t.Fatal(err)
	}
	list, err := s.Generations(t.Context(), ledger.Page{Limit: 1_000_000})
	if err != nil || len(list) < 250 || len(rows) < len(list) {
		t.Fatalf("%d generations, %d attempts, %v", len(list), len(rows), err)
	}
	noon := Start.Truncate(24 * time.Hour).Add(12 * time.Hour)
	for _, span := range []ledger.Span{
		{},
		{Since: Start},
		{Until: Start},
		{Since: noon, Until: noon},
		{Since: noon.Add(-12 * time.Hour), Until: noon.Add(12 * time.Hour)},
		{Since: rows[100].At, Until: rows[200].At},
		{Since: rows[100].At.Add(1), Until: rows[200].At.Add(1)},
	} {
		for by, of := range groups {
			got, err := s.Report(t.Context(), ledger.Query{By: by, Span: span})
			if err != nil {
				t.Fatal(err)
			}
			if want := reckon(ledger.Query{By: by, Span: span}, of, rows, list); !slices.Equal(got, want) {
				t.Errorf("by %s, %v\ngot  %+v\nwant %+v", by, span, got, want)
			}
		}
	}
}

// groups tells the group that a generation counts in. Attempts are grouped by a provider and a model of their own.
var groups = map[ledger.Dimension]func(switchyard.Generation) string{
	ledger.ByProvider: nil, ledger.ByModel: nil,
	ledger.ByTier:       func(g switchyard.Generation) string { return g.Tier },
	ledger.ByTenant:     func(g switchyard.Generation) string { return g.Tenant },
	ledger.ByExperiment: func(g switchyard.Generation) string { return g.Variant },
	ledger.ByRoute:      func(g switchyard.Generation) string { return g.Route },
	ledger.ByKey:        func(g switchyard.Generation) string { return g.Key },
	ledger.ByDay:        func(g switchyard.Generation) string { return g.Started.UTC().Format(time.DateOnly) },
}

// anyGeneration makes up a generation of any fate, with its attempts: at several targets one after the other, or in parts at
// one; under way or done. Of some nobody recorded the beginning or the end.
func anyGeneration(dice *rand.Rand, id string) (records []ledger.Record) {
	pick := func(words ...string) string { return words[dice.IntN(len(words))] }
	g := Generation(id)
	g.Started = Start.Add(time.Duration(dice.IntN(96)-48) * time.Hour / 2)
	g.Kind, g.Tier, g.Tenant, g.Key = pick("generation", "generation", "passthrough"), pick("", "pro", "Free"), pick("acme", "Beta", "zoo", "Ärger"), pick("", "web", "App")
	g.Route, g.Variant = pick("", "all", "Edits"), pick("", "", "x:a", "x:b", "y:a")
	parts := 1 + dice.IntN(3)*dice.IntN(2)
	for number := range dice.IntN(4) {
		for part := range parts {
			a := Attempt(fmt.Sprint(id, "-", dice.IntN(10), number, part), id)
			a.Number, a.Part, a.Started = number+1, part+min(parts-1, 1), g.Started.Add(time.Duration(dice.IntN(number*40+1))*time.Minute)
			a.Provider = pick("fal", "google", "Replicate")
			a.Model = a.Provider + pick("/a", "/b")
			if dice.IntN(8) == 0 {
				records = append(records, ledger.OpenRecord(a))
				continue
			}
			a = Done(a)
			a.Outcome = switchyard.Outcome(pick("ok", "ok", "ok", "filtered", "refused", "canceled", "timeout", "lost"))
			a.Latency, a.Images, a.Cost = time.Duration(dice.IntN(50))*time.Second/7, dice.IntN(3), anyCost(dice)
			records = append(records, ledger.SettleRecord(a))
		}
	}
	switch dice.IntN(10) {
	case 0:
		return records
	case 1:
		return append(records, ledger.BeginRecord(g))
	}
	g = Ended(g)
	g.Outcome = switchyard.Outcome(pick("ok", "ok", "ok", "filtered", "refused", "canceled", "overloaded"))
	g.Latency, g.Delivered, g.Cost = time.Duration(dice.IntN(50))*time.Second/7, dice.IntN(3), anyCost(dice)
	return append(records, ledger.EndRecord(g))
}

func anyCost(dice *rand.Rand) switchyard.Cost {
	return []switchyard.Cost{
		Cost(switchyard.Money(dice.IntN(100_000_000)), switchyard.BasisBook, switchyard.ChargeSettled),
		Cost(switchyard.Money(dice.IntN(100_000_000)), switchyard.BasisEstimate, switchyard.ChargePossible),
		Cost(0, switchyard.BasisUnknown, switchyard.ChargeSettled), Cost(0, switchyard.BasisUnknown, switchyard.ChargePossible),
		Cost(0, switchyard.BasisUnknown, switchyard.ChargeNone), Cost(0, "", switchyard.ChargeNone),
	}[dice.IntN(6)]
}

// reckoning is a line of a report, as far as it has been added up.
type reckoning struct {
	ledger.Line
	generations map[string]bool
	latencies   []time.Duration
}

// reckon makes a report from each row by itself. If of is nil, it is a report of attempts.
func reckon(q ledger.Query, of func(switchyard.Generation) string, rows []ledger.Row, list []ledger.Account) []ledger.Line {
	within := func(at time.Time) bool { return !at.Before(q.Since) && (q.Until.IsZero() || at.Before(q.Until)) }
	lines, tried := map[string]*reckoning{}, map[string][]ledger.Row{}
	for _, r := range rows {
		tried[r.Generation] = append(tried[r.Generation], r)
		if of == nil && within(r.At) {
			group := map[ledger.Dimension]string{ledger.ByProvider: r.Provider, ledger.ByModel: r.Model}[q.By]
			reckonOne(lines, group, ledger.Row{Generation: r.Generation, Outcome: r.Outcome, Latency: r.Latency, Images: r.Images}, r)
		}
	}
	for _, acc := range list {
		g := acc.Generation
		if of != nil && within(g.Started) && (q.By != ledger.ByExperiment || g.Variant != "") {
			reckonOne(lines, of(g), ledger.Row{Generation: g.ID, Outcome: g.Outcome, Latency: g.Latency, Images: g.Delivered}, tried[g.ID]...)
		}
	}
	var all []ledger.Line
	for _, l := range lines {
		l.Generations = len(l.generations)
		slices.Sort(l.latencies)
		if n := len(l.latencies); n > 0 {
			l.P95 = l.latencies[(95*n+99)/100-1]
		}
		all = append(all, l.Line)
	}
	slices.SortFunc(all, func(a, b ledger.Line) int { return cmp.Compare(a.Group, b.Group) })
	return all
}

// reckonOne counts one row: told is how it ended, tried are the attempts that were paid for.
func reckonOne(lines map[string]*reckoning, group string, told ledger.Row, tried ...ledger.Row) {
	l := lines[group]
	if l == nil {
		l = &reckoning{Line: ledger.Line{Group: group}, generations: map[string]bool{}}
		lines[group] = l
	}
	l.generations[told.Generation] = true
	l.Attempts += len(tried)
	l.Images += told.Images
	var money switchyard.Money
	unknown := 0
	for _, a := range tried {
		switch {
		case a.Cost.Basis != switchyard.BasisUnknown:
			money += a.Cost.Amount
			if a.Cost.Charge == switchyard.ChargePossible {
				l.Possible += a.Cost.Amount
			}
		case a.Cost.Charge != switchyard.ChargeNone:
			unknown++
		}
	}
	l.Cost, l.Unknown = l.Cost+money, l.Unknown+unknown
	if unknown == 0 {
		l.Priced, l.PricedFor = l.Priced+money, l.PricedFor+told.Images
	}
	if told.Outcome == "" {
		return
	}
	l.Count++
	switch told.Outcome {
	case switchyard.OK:
		l.OK++
		l.Busy += told.Latency
		l.latencies = append(l.latencies, told.Latency)
	case switchyard.Filtered, switchyard.Refused, switchyard.Canceled:
		l.Neither++
	}
}
