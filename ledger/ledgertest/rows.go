package ledgertest

import (
	"errors"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"switchyard"
	"switchyard/ledger"
)

func comesBackWhole(t *testing.T, x Technology) {
	s, _ := x.Fresh(t)
	a, g := Attempt("a", "g"), Generation("g")
	Apply(t, s, "e", ledger.BeginRecord(g), ledger.OpenRecord(a))
	running := account(t, s)
	if running.Generation.Outcome != "" || running.Attempts[0].Outcome != "" || running.Attempts[0].Cost != Cost(25_000_000, switchyard.BasisEstimate, switchyard.ChargePossible) {
		t.Errorf("while it runs its estimate counts: %+v", running)
	}
	a.Job = "job-1"
	Apply(t, s, "e", ledger.HoldRecord(a))
	a.Job = "" // a Settled record need not have it
	a, g = Done(a), Ended(g)
	Apply(t, s, "e", ledger.SettleRecord(a), ledger.EndRecord(g))
	a.Job = "job-1"
	want := ledger.Account{Generation: g, Attempts: []switchyard.Attempt{a}}
	if got := account(t, s); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if _, err := s.Account(t.Context(), "stranger", "g"); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("a stranger got %v", err)
	}
	if got, err := s.Account(t.Context(), "acme", "g"); err != nil || got.Generation.ID != "g" {
		t.Errorf("its tenant got %+v, %v", got, err)
	}
	if _, err := s.Generation(t.Context(), "none"); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

func applyingTwice(t *testing.T, x Technology) {
	s, _ := x.Fresh(t)
	a, g := Attempt("a", "g"), Generation("g")
	all := []ledger.Record{ledger.BeginRecord(g), ledger.OpenRecord(a), ledger.SettleRecord(Done(a)), ledger.EndRecord(Ended(g))}
	Apply(t, s, "e", all...)
	want := account(t, s)
	Apply(t, s, "e", all[:2]...) // a replay of the front does not open again what has ended
	if got := account(t, s); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	Apply(t, s, "e", all...)
	if got := account(t, s); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if n, err := s.Applied(t.Context(), "j"); n != 7 || err != nil {
		t.Errorf("applied %d, %v", n, err)
	}
	if n, err := s.Applied(t.Context(), "other"); n != 0 || err != nil {
		t.Errorf("another journal: %d, %v", n, err)
	}
}

func allOrNothing(t *testing.T, x Technology) {
	s, _ := x.Fresh(t)
	records := []ledger.Record{ledger.OpenRecord(Attempt("a", "g")), {Kind: "nonsense"}}
	if err := s.Apply(t.Context(), ledger.Batch{Journal: "j", Last: 2, Records: records}); err == nil {
		t.Error("nonsense was applied")
	}
	rows, err := s.Rows(t.Context(), time.Time{}, 10)
	n, errApplied := s.Applied(t.Context(), "j")
	if len(rows) != 0 || n != 0 || errors.Join(err, errApplied) != nil {
		t.Errorf("half a batch stayed: %v, %d, %v", rows, n, err)
	}
}

func standsAlone(t *testing.T, x Technology) { // its Opened was destroyed
	s, _ := x.Fresh(t)
	Apply(t, s, "e", ledger.SettleRecord(Done(Attempt("a", "g"))), ledger.EndRecord(Ended(Generation("g"))))
	if acc := account(t, s); acc.Attempts[0].Cost.Amount != 24_000_000 || acc.Generation.Outcome != switchyard.OK {
		t.Errorf("got %+v", acc)
	}
}

// unfinished: nobody works any more on what an earlier process of the same journal left, nor on what was left by versions
// whose epochs named no journal. What another journal has under way is its own, until it is too old to be.
func unfinished(t *testing.T, x Technology) {
	s, _ := x.Fresh(t)
	const old, now = "j.old", "j.now"
	Apply(t, s, old, ledger.BeginRecord(Generation("running")), ledger.OpenRecord(Attempt("1", "running")))
	Apply(t, s, old, ledger.BeginRecord(Generation("whole")), ledger.EndRecord(Ended(Generation("whole"))), ledger.SettleRecord(Done(Attempt("2", "whole"))))
	Apply(t, s, old, ledger.EndRecord(Ended(Generation("hedged"))), ledger.OpenRecord(Attempt("3", "hedged")), ledger.SettleRecord(Done(Attempt("4", "hedged"))))
	Apply(t, s, old, ledger.OpenRecord(Attempt("5", "unknown")))
	Apply(t, s, old, ledger.BeginRecord(Generation("begun")))
	Apply(t, s, now, ledger.BeginRecord(Generation("mine")), ledger.OpenRecord(Attempt("6", "mine")))
	Apply(t, s, "VERSION1", ledger.BeginRecord(Generation("unnamed")), ledger.OpenRecord(Attempt("7", "unnamed")))
	Apply(t, s, "k.now", ledger.BeginRecord(Generation("theirs")), ledger.OpenRecord(Attempt("8", "theirs")), ledger.OpenRecord(Attempt("9", "theirs alone")))
	ours := map[string]int{"running": 1, "hedged": 2, "unknown": 1, "begun": 0, "unnamed": 1}
	all := maps.Clone(ours)
	all["theirs"], all["theirs alone"] = 1, 1
	for before, want := range map[time.Time]map[string]int{Start: ours, Start.Add(1): all} {
		list, err := s.Unfinished(t.Context(), now, before)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]int{}
		for _, acc := range list {
			got[acc.Generation.ID] = len(acc.Attempts)
		}
		if !maps.Equal(got, want) {
			t.Errorf("others' before %v: got %v, want %v", before, got, want)
		}
	}
}

// anyText: an app may send, in JSON or in headers, what a database cannot hold. That must not stop the ledger.
func anyText(t *testing.T, x Technology) {
	s, _ := x.Fresh(t)
	g := Ended(Generation("g"))
	g.Model, g.Prompt, g.RequestID, g.Labels = "house\x00", "a\x00 cat \xff ☃", "r\x00", map[string]string{"k": "v\x00\xff"}
	Apply(t, s, "e", ledger.EndRecord(g), ledger.SettleRecord(Done(Attempt("1", "g"))))
	if got := account(t, s).Generation; !strings.HasPrefix(got.Model, "house") || !strings.HasSuffix(got.Prompt, "☃") || !strings.HasPrefix(got.Labels["k"], "v") {
		t.Errorf("got %+v", got)
	}
	if _, err := s.Generation(t.Context(), "no\x00ne\xff"); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	if err := s.Rate(t.Context(), "acme", "no\x00ne\xff", ledger.ThumbsUp); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}
