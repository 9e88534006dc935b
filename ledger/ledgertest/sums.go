package ledgertest

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"switchyard"
	"switchyard/ledger"
)

// recount applies whatever may happen, in batches of any size: records twice, corrections, replays of the front, other
// processes' epochs, targets that change. Each time it compares the sums with the rows.
func recount(t *testing.T, x Technology) {
	s, _ := x.Fresh(t)
	dice := rand.New(rand.NewPCG(1, 2))
	for range 40 {
		var b ledger.Batch
		b.Journal, b.Last = "j", 7
		for range 1 + dice.IntN(20) {
			b.Records = append(b.Records, anyRecord(dice))
		}
		if err := s.Apply(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		SumsAddUp(t, s)
	}
}

// anyRecord makes up a record of one of a few attempts and generations, so that most come more than once.
func anyRecord(dice *rand.Rand) ledger.Record {
	pick := func(words ...string) string { return words[dice.IntN(len(words))] }
	n := dice.IntN(30)
	started := Start.Add(time.Duration(n*7+dice.IntN(2)) * time.Minute) // the row keeps the first
	charge := switchyard.Cost{
		Amount: switchyard.Money(dice.IntN(1000)), Charge: switchyard.Charge(pick("none", "settled", "possible")),
		Basis: switchyard.Basis(pick("price-book", "estimate", "unknown")),
	}
	outcome := switchyard.Outcome(pick("ok", "ok", "filtered", "canceled", "timeout", "lost", ""))
	latency := time.Duration(dice.IntN(400_000)) * time.Millisecond
	kind := ledger.Kind(pick(string(ledger.Begun), string(ledger.Opened), string(ledger.Held), string(ledger.Settled), string(ledger.Ended)))
	r := ledger.Record{Kind: kind, Epoch: pick("e", "f")}
	if kind == ledger.Begun || kind == ledger.Ended {
		g := Ended(Generation(fmt.Sprint("g", n)))
		g.Route, g.Kind, g.Started, g.Outcome, g.Latency, g.Delivered, g.Cost = pick("", "all"), pick("generation", "passthrough"), started, outcome, latency, dice.IntN(3), charge
		r.Generation = g
		return r
	}
	a := Done(Attempt(fmt.Sprint("a", n), "g"))
	a.Target, a.Provider, a.Started, a.Outcome, a.Latency, a.Images, a.Cost = pick("flux", "sdxl"), pick("fal", "google"), started, outcome, latency, dice.IntN(3), charge
	r.Attempt = a
	return r
}

// SumsAddUp counts all rows again, which must be those of Start's day, and compares the sums of any step with that.
func SumsAddUp(t *testing.T, s ledger.Database) {
	t.Helper()
	rows, err := s.Rows(t.Context(), time.Time{}, 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	list, err := s.Generations(t.Context(), ledger.Page{Limit: 1_000_000})
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []time.Duration{0, time.Minute, 15 * time.Minute, time.Hour, 24 * time.Hour} {
		if got, want := told(t, s, step), counted(rows, list, step); !reflect.DeepEqual(got, want) {
			t.Fatalf("in steps of %v\ngot  %v\nwant %v", step, got, want)
		}
	}
}

// place is what is summed up together. The provider of a route is "route".
type place struct {
	at             time.Time
	provider, name string
}

var day = Start.Truncate(24 * time.Hour)

// told returns the sums that the database gives.
func told(t *testing.T, s ledger.Rollups, step time.Duration) map[place]ledger.Sums {
	t.Helper()
	sums, asked := map[place]ledger.Sums{}, ledger.Steps{Since: day, Until: day.Add(24 * time.Hour), Step: step}
	targets, err := s.Targets(t.Context(), asked)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range targets {
		sums[place{x.At, x.Provider, x.Target}] = x.Sums
	}
	routes, err := s.Routes(t.Context(), asked)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range routes {
		sums[place{x.At, "route", x.Route}] = x.Sums
	}
	return sums
}

// counted returns the sums that the rows come to.
func counted(rows []ledger.Row, list []ledger.Account, step time.Duration) map[place]ledger.Sums {
	sums := map[place]ledger.Sums{}
	add := func(started time.Time, provider, name string, one ledger.Sums) {
		at := day
		if step > 0 {
			at = started.Truncate(step)
		}
		sum := sums[place{at, provider, name}]
		sum.Add(&one)
		sums[place{at, provider, name}] = sum
	}
	for _, r := range rows {
		if r.Outcome != "" {
			add(r.At, r.Provider, r.Target, alone(r.Outcome, r.Cost, r.Images, r.Latency))
		}
	}
	for _, acc := range list {
		if g := acc.Generation; g.Outcome != "" && g.Kind != "passthrough" {
			add(g.Started, "route", g.Route, alone(g.Outcome, g.Cost, g.Delivered, g.Latency))
		}
	}
	return sums
}

// alone returns what one row comes to.
func alone(outcome switchyard.Outcome, cost switchyard.Cost, images int, latency time.Duration) (s ledger.Sums) {
	s.Count, s.Images = 1, images
	if outcome == switchyard.Filtered || outcome == switchyard.Refused || outcome == switchyard.Canceled {
		s.Neither = 1
	}
	if cost.Basis != switchyard.BasisUnknown {
		s.Cost = cost.Amount
	} else if cost.Charge != switchyard.ChargeNone {
		s.Unknown = 1
	}
	if cost.Charge == switchyard.ChargePossible {
		s.Possible = s.Cost
	}
	if outcome == switchyard.OK {
		s.OK, s.Busy = 1, latency
		s.Latency.Observe(latency)
	}
	return s
}

func steps(t *testing.T, x Technology) {
	s, _ := x.Fresh(t)
	for i, id := range []string{"a", "b", "c"} {
		a := Done(Attempt(id, "g"))
		a.Started = Start.Add(time.Duration(i) * 10 * time.Minute)
		Apply(t, s, "e", ledger.SettleRecord(a))
	}
	at := func(minutes int) time.Time { return time.Date(2026, 11, 24, 6, minutes, 0, 0, time.UTC) }
	for _, c := range []struct {
		steps ledger.Steps
		want  map[time.Time]int
	}{
		{ledger.Steps{Since: at(0), Until: at(20), Step: time.Minute}, map[time.Time]int{at(0): 1, at(10): 1}},
		{ledger.Steps{Since: at(0), Until: at(30), Step: 15 * time.Minute}, map[time.Time]int{at(0): 2, at(15): 1}},
		{ledger.Steps{Since: at(14), Until: at(15), Step: 15 * time.Minute}, map[time.Time]int{at(0): 2}},
		{ledger.Steps{Since: at(5), Until: at(6), Step: time.Hour}, map[time.Time]int{at(0): 3}},
		{ledger.Steps{Since: at(5).Add(time.Second), Until: at(20).Add(time.Second)}, map[time.Time]int{at(5): 2}},
		{ledger.Steps{}, map[time.Time]int{time.Unix(0, 0).UTC(): 3}},
		{ledger.Steps{Step: time.Hour}, map[time.Time]int{at(0): 3}},
		{ledger.Steps{Since: at(30), Step: time.Minute}, map[time.Time]int{}},
	} {
		list, err := s.Targets(t.Context(), c.steps)
		got := map[time.Time]int{}
		for _, x := range list {
			got[x.At] += x.Count
		}
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%+v: got %v, %v, want %v", c.steps, got, err, c.want)
		}
	}
	for _, wrong := range []ledger.Steps{{Step: time.Second}, {Step: -time.Minute}, {Since: at(1), Until: at(0)}} {
		if _, err := s.Routes(t.Context(), wrong); err == nil {
			t.Errorf("%+v was answered", wrong)
		}
	}
}

// pruneSums: deleting rows leaves the sums alone; those of minutes go before those of hours, and those of hours with
// the ledger.
func pruneSums(t *testing.T, x Technology) {
	s, _ := x.Fresh(t)
	now := time.Now()
	for i, age := range []time.Duration{0, ledger.MinutesKept - time.Hour, ledger.MinutesKept + time.Hour, 1000 * time.Hour} {
		g := Ended(Generation(fmt.Sprint("g", i)))
		g.Started = now.Add(-age)
		Apply(t, s, "e", ledger.EndRecord(g))
	}
	counts := func() (minutes, hours int) {
		t.Helper()
		for step, n := range map[time.Duration]*int{time.Minute: &minutes, time.Hour: &hours} {
			list, err := s.Routes(t.Context(), ledger.Steps{Step: step})
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range list {
				*n += x.Count
			}
		}
		return minutes, hours
	}
	if minutes, hours := counts(); minutes != 4 || hours != 4 {
		t.Fatalf("%d and %d before", minutes, hours)
	}
	if n, err := s.Prune(t.Context(), now.Add(-999*time.Hour), 0); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	if minutes, hours := counts(); minutes != 2 || hours != 3 {
		t.Errorf("%d in minutes, %d in hours after; want 2 and 3", minutes, hours)
	}
	if n, err := s.Prune(t.Context(), now.Add(-999*time.Hour), 10); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if minutes, hours := counts(); minutes != 2 || hours != 3 {
		t.Errorf("rows took sums with them: %d and %d", minutes, hours)
	}
}
