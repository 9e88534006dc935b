package ledgertest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"switchyard"
	"switchyard/ledger"
)

// Books applies twenty generations at flux, one of which fell back to google, one without a known price, one that was
// filtered, one that runs, and an old one.
func Books(t *testing.T, s ledger.Store) {
	t.Helper()
	for i := range 20 {
		g, a := Ended(Generation(fmt.Sprint("g", i))), Done(Attempt(fmt.Sprint("a", i), fmt.Sprint("g", i)))
		g.Latency, a.Latency, g.Variant = time.Duration(i+1)*time.Second, time.Duration(i+1)*time.Second, "x:flux"
		records := []ledger.Record{ledger.EndRecord(g), ledger.SettleRecord(a)}
		switch i {
		case 0: // fell back
			g.Tier, g.Provider, g.Target, g.Variant = "free", "google", "nano", ""
			second := a
			second.ID, second.Number, second.Provider, second.Target, second.Model = "second", 2, "google", "nano", "nano-banana"
			second.Cost.Amount = 40_000_000
			a.Outcome, a.Images, a.Cost = switchyard.Timeout, 0, Cost(25_000_000, switchyard.BasisEstimate, switchyard.ChargePossible)
			g.Cost = ledger.Sum(a.Cost, second.Cost)
			records = []ledger.Record{ledger.EndRecord(g), ledger.SettleRecord(a), ledger.SettleRecord(second)}
		case 1: // nobody knows what it cost
			g.Tier, g.Cost, a.Cost = "free", Cost(0, switchyard.BasisUnknown, switchyard.ChargeSettled), Cost(0, switchyard.BasisUnknown, switchyard.ChargeSettled)
			records = []ledger.Record{ledger.EndRecord(g), ledger.SettleRecord(a)}
		case 2: // filtered, for nothing
			g.Outcome, g.Delivered, g.Cost = switchyard.Filtered, 0, Cost(0, "", switchyard.ChargeNone)
			a.Outcome, a.Images, a.Cost = g.Outcome, 0, g.Cost
			records = []ledger.Record{ledger.EndRecord(g), ledger.SettleRecord(a)}
		case 3: // runs
			g, a = Generation(g.ID), Attempt(a.ID, g.ID)
			g.Variant = "x:flux"
			records = []ledger.Record{ledger.BeginRecord(g), ledger.OpenRecord(a)}
		case 4: // the day before
			g.Started, a.Started = Start.Add(-24*time.Hour), Start.Add(-24*time.Hour)
			records = []ledger.Record{ledger.EndRecord(g), ledger.SettleRecord(a)}
		}
		Apply(t, s, "e", records...)
	}
}

// reports: whatever they are broken down by, their money adds up to the same.
func reports(t *testing.T, x Technology) {
	s, _ := x.Fresh(t)
	Books(t, s)
	text := func(by ledger.Dimension, span ledger.Span) string {
		t.Helper()
		lines, err := s.Report(t.Context(), ledger.Query{By: by, Span: span})
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, l := range lines {
			share, _ := l.Success()
			per, known := l.PerImage()
			out = append(out, fmt.Sprintf("%s: %d %d, %d ended %d images %.3f %v %v, %v %v %d, %v %v", l.Group, l.Generations, l.Attempts,
				l.Count, l.Images, share, l.Mean().Truncate(time.Millisecond), l.P95, l.Cost, l.Possible, l.Unknown, per, known))
		}
		return strings.Join(out, "\n")
	}
	today := ledger.Span{Since: Start, Until: Start.Add(time.Hour)}
	for by, want := range map[ledger.Dimension]string{
		ledger.ByProvider: "fal: 19 19, 18 ended 16 images 0.941 12.312s 20s, 0.41 0.05 1, 0.027333333 true\n" +
			"google: 1 1, 1 ended 1 images 1.000 1s 1s, 0.04 0 0, 0.04 true",
		ledger.ByModel: "fal-ai/flux/dev: 19 19, 18 ended 16 images 0.941 12.312s 20s, 0.41 0.05 1, 0.027333333 true\n" +
			"nano-banana: 1 1, 1 ended 1 images 1.000 1s 1s, 0.04 0 0, 0.04 true",
		ledger.ByTier: "free: 2 3, 2 ended 2 images 1.000 1.5s 2s, 0.065 0.025 1, 0.065 true\n" +
			"pro: 17 17, 16 ended 15 images 1.000 13s 20s, 0.385 0.025 0, 0.025666667 true",
		ledger.ByExperiment: "x:flux: 18 18, 17 ended 16 images 1.000 12.312s 20s, 0.385 0.025 1, 0.025666667 true",
		ledger.ByRoute:      "all: 19 20, 18 ended 17 images 1.000 11.647s 20s, 0.45 0.05 1, 0.028125 true",
		ledger.ByTenant:     "acme: 19 20, 18 ended 17 images 1.000 11.647s 20s, 0.45 0.05 1, 0.028125 true",
		ledger.ByKey:        "web: 19 20, 18 ended 17 images 1.000 11.647s 20s, 0.45 0.05 1, 0.028125 true",
		ledger.ByDay:        "2026-11-24: 19 20, 18 ended 17 images 1.000 11.647s 20s, 0.45 0.05 1, 0.028125 true",
	} {
		if got := text(by, today); got != want {
			t.Errorf("by %s\ngot\n%s\nwant\n%s", by, got, want)
		}
	}
	if got := text(ledger.ByDay, ledger.Span{}); !strings.HasPrefix(got, "2026-11-23: 1 1, 1 ended 1 images 1.000 5s 5s, 0.024 0 0, 0.024 true\n2026-11-24: 19 ") {
		t.Errorf("of all days\n%s", got)
	}
	for _, q := range []ledger.Query{{By: "nonsense"}, {By: ledger.ByDay, Span: ledger.Span{Since: Start, Until: Start.Add(-1)}}} {
		if _, err := s.Report(t.Context(), q); err == nil {
			t.Errorf("%+v was answered", q)
		}
	}
}

func eachRow(t *testing.T, x Technology) {
	s, _ := x.Fresh(t)
	Books(t, s)
	n, last := 0, time.Time{}
	tell := func(r ledger.Row) error {
		if r.At.Before(last) {
			t.Errorf("%s is told after %s", r.At, last)
		}
		n, last = n+1, r.At
		return nil
	}
	if err := s.EachRow(t.Context(), ledger.Span{Since: Start}, tell); err != nil || n != 20 {
		t.Errorf("%d rows, %v", n, err)
	}
	n, last = 0, time.Time{}
	if err := s.EachRow(t.Context(), ledger.Span{Until: Start}, tell); err != nil || n != 1 {
		t.Errorf("%d rows, %v", n, err)
	}
	full := errors.New("full")
	if err := s.EachRow(t.Context(), ledger.Span{}, func(ledger.Row) error { return full }); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
}

// eachGeneration: it tells the generations that have ended, the oldest first, and none that passed through.
func eachGeneration(t *testing.T, x Technology) {
	s, _ := x.Fresh(t)
	ended, passed, running := Ended(Generation("a")), Ended(Generation("b")), Generation("c")
	passed.Kind = "passthrough"
	later := Ended(Generation("d"))
	later.Started = Start.Add(time.Minute)
	Apply(t, s, "e", ledger.EndRecord(later), ledger.EndRecord(ended), ledger.EndRecord(passed), ledger.BeginRecord(running))
	var got []string
	err := s.EachGeneration(t.Context(), ledger.Span{Since: Start}, func(g switchyard.Generation) error {
		got = append(got, g.ID+g.Shape)
		return nil
	})
	if want := []string{`a{"n":1}`, `d{"n":1}`}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q %v, want %q", got, err, want)
	}
	full := errors.New("full")
	if err := s.EachGeneration(t.Context(), ledger.Span{}, func(switchyard.Generation) error { return full }); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
}
