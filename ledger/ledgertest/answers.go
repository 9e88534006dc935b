package ledgertest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"switchyard"
	"switchyard/ledger"
)

func rowsShape(t *testing.T, x Technology) {
	s, _ := x.Fresh(t)
	old, unknown := Attempt("old", "g"), Done(Attempt("unknown", "g"))
	old.Started = Start.Add(-time.Hour)
	unknown.Started, unknown.Cost = Start.Add(time.Second), Cost(5, switchyard.BasisUnknown, switchyard.ChargeSettled)
	Apply(t, s, "e", ledger.BeginRecord(Generation("g")), ledger.OpenRecord(old), ledger.SettleRecord(Done(Attempt("a", "g"))), ledger.SettleRecord(unknown))
	rows, err := s.Rows(t.Context(), Start, 10)
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(rows)
	if err != nil {
		t.Fatal(err)
	}
	const want = `[{"id":"unknown","generation":"g","request_id":"r","at":"2026-11-24T06:00:01.123456789Z","route":"all","target":"flux",` +
		`"provider":"fal","model":"fal-ai/flux/dev","variant":"b","outcome":"ok","charge":"settled","cost_usd":null,` +
		`"cost_basis":"unknown","images":1,"latency_ms":1500},` +
		`{"id":"a","generation":"g","request_id":"r","at":"2026-11-24T06:00:00.123456789Z","route":"all","target":"flux",` +
		`"provider":"fal","model":"fal-ai/flux/dev","variant":"b","outcome":"ok","charge":"settled","cost_usd":0.024,` +
		`"cost_basis":"price-book","images":1,"latency_ms":1500}]`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if rows, _ = s.Rows(t.Context(), time.Time{}, 1); len(rows) != 1 || rows[0].ID != "unknown" {
		t.Errorf("the limit keeps the newest: %v", rows)
	}
	if rows, _ = s.Rows(t.Context(), time.Time{}, 10); len(rows) != 3 || rows[2].Outcome != "" || rows[2].Cost.Charge != switchyard.ChargePossible {
		t.Errorf("what runs is possibly charged: %+v", rows)
	}
}

// beyondAll: a time that no count of nanoseconds can hold is before everything, or after it.
func beyondAll(t *testing.T, x Technology) {
	s, _ := x.Fresh(t)
	Apply(t, s, "e", ledger.EndRecord(Ended(Generation("g"))), ledger.SettleRecord(Done(Attempt("a", "g"))))
	first, last := time.Date(1000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	for since, want := range map[time.Time]int{first: 1, last: 0} {
		if rows, err := s.Rows(t.Context(), since, 10); err != nil || len(rows) != want {
			t.Errorf("since %v: %v, %v", since, rows, err)
		}
	}
	if list, err := s.Generations(t.Context(), ledger.Page{Span: ledger.Span{Since: first, Until: last}, Limit: 10}); err != nil || len(list) != 1 {
		t.Errorf("between them: %v, %v", list, err)
	}
}

// byRequest: what became of a request is found by the app's own id for it, which the app may have used more than
// once.
func byRequest(t *testing.T, x Technology) {
	s, _ := x.Fresh(t)
	for id, request := range map[string]string{"a": "mine", "b": "other", "c": "mine", "d": ""} {
		g := Ended(Generation(id))
		g.RequestID = request
		Apply(t, s, "e", ledger.EndRecord(g))
	}
	for request, want := range map[string]string{"mine": "[a c]", "none": "[]", "": "[a b c d]"} {
		list, err := s.Generations(t.Context(), ledger.Page{RequestID: request, Limit: 10})
		ids := []string{}
		for _, a := range list {
			ids = append(ids, a.Generation.ID)
		}
		if err != nil || fmt.Sprint(ids) != want {
			t.Errorf("%q: %v, %v", request, ids, err)
		}
	}
}

// pages: all pages together are the whole list, also where many generations began in the same moment.
func pages(t *testing.T, x Technology) {
	s, _ := x.Fresh(t)
	want := []string{"late", "a", "b", "c", "d", "e", "early"}
	for _, id := range want {
		g := Ended(Generation(id))
		g.Started = Start
		switch id {
		case "late":
			g.Started = Start.Add(time.Second)
		case "early":
			g.Started = Start.Add(-time.Second)
		}
		Apply(t, s, "e", ledger.EndRecord(g))
	}
	list := func(p ledger.Page) (ids []string) {
		accounts, err := s.Generations(t.Context(), p)
		if err != nil {
			t.Error(err)
		}
		for _, a := range accounts {
			ids = append(ids, a.Generation.ID)
		}
		return ids
	}
	for _, limit := range []int{1, 2, 3, 7} {
		var got []string
		for p := (ledger.Page{Limit: limit}); ; {
			ids := list(p)
			if got = append(got, ids...); len(ids) < limit || len(got) > len(want) {
				break
			}
			last, err := s.Generation(t.Context(), ids[limit-1])
			if err != nil {
				t.Fatal(err)
			}
			p.After = ledger.Cursor{Started: last.Generation.Started, ID: last.Generation.ID}
		}
		if !slices.Equal(got, want) {
			t.Errorf("by %d: %v, want %v", limit, got, want)
		}
	}
	within := ledger.Page{Span: ledger.Span{Since: Start, Until: Start.Add(time.Second)}, After: ledger.Cursor{Started: Start, ID: "b"}, Limit: 9}
	if got := list(within); !slices.Equal(got, []string{"c", "d", "e"}) {
		t.Errorf("within a span: %v", got)
	}
	within.After = ledger.Cursor{Started: Start.Add(time.Hour), ID: "x"}
	if got := list(within); !slices.Equal(got, []string{"a", "b", "c", "d", "e"}) {
		t.Errorf("from after the span: %v", got)
	}
	if got := list(ledger.Page{After: ledger.Cursor{Started: Start.Add(-time.Hour), ID: "x"}, Limit: 9}); got != nil {
		t.Errorf("from before the first: %v", got)
	}
}

func totals(t *testing.T, x Technology) {
	s, _ := x.Fresh(t)
	failed, unknown, late := Done(Attempt("f", "g")), Done(Attempt("u", "g")), Done(Attempt("l", "g"))
	failed.Outcome, failed.Images, failed.Latency, failed.Cost = switchyard.Overloaded, 0, time.Hour, Cost(0, "", switchyard.ChargeNone)
	unknown.Latency, unknown.Cost = 500*time.Millisecond, Cost(0, switchyard.BasisUnknown, switchyard.ChargeSettled)
	late.Started = Start.Add(time.Hour)
	other := Done(Attempt("o", "g"))
	other.Provider = "google"
	refused := Done(Attempt("n", "g"))
	refused.Outcome, refused.Images, refused.Cost = switchyard.Refused, 0, Cost(0, "", switchyard.ChargeNone)
	Apply(t, s, "e", ledger.SettleRecord(Done(Attempt("a", "g"))), ledger.SettleRecord(failed), ledger.SettleRecord(unknown),
		ledger.SettleRecord(late), ledger.SettleRecord(other), ledger.SettleRecord(refused), ledger.OpenRecord(Attempt("r", "g")))
	got, err := s.Totals(t.Context(), Start, Start.Add(time.Hour))
	want := []ledger.Total{
		{Provider: "fal", Attempts: 5, OK: 2, Neither: 1, Images: 2, Cost: 49_000_000, Possible: 25_000_000, Unknown: 1, Mean: time.Second},
		{Provider: "google", Attempts: 1, OK: 1, Images: 1, Cost: 24_000_000, Mean: 1500 * time.Millisecond},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
	}
}

func checks(t *testing.T, x Technology) {
	s, _ := x.Fresh(t)
	wrong, unknown, running := Ended(Generation("wrong")), Ended(Generation("unknown")), Ended(Generation("running"))
	wrong.Cost.Amount++
	unknown.Cost = Cost(0, switchyard.BasisUnknown, switchyard.ChargeSettled)
	Apply(t, s, "e", ledger.EndRecord(Ended(Generation("right"))), ledger.SettleRecord(Done(Attempt("1", "right"))),
		ledger.EndRecord(wrong), ledger.SettleRecord(Done(Attempt("2", "wrong"))),
		ledger.EndRecord(unknown), ledger.SettleRecord(Done(Attempt("3", "unknown"))),
		ledger.EndRecord(running), ledger.OpenRecord(Attempt("4", "running")))
	got, err := s.Check(t.Context())
	want := ledger.Check{Generations: 48_000_001, Attempts: 48_000_000, Running: 1, Wrong: []string{"wrong"}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

func prunes(t *testing.T, x Technology) {
	s, _ := x.Fresh(t)
	for i, id := range []string{"c", "b", "a", "new", "open"} {
		g, a := Ended(Generation(id)), Done(Attempt(id, id))
		g.Started = Start.Add(time.Duration(i) * time.Minute)
		r := ledger.SettleRecord(a)
		if id == "open" {
			g.Started, r = Start, ledger.OpenRecord(a)
		}
		Apply(t, s, "e", ledger.EndRecord(g), r)
	}
	for _, want := range []int{2, 1, 0} {
		if n, err := s.Prune(t.Context(), Start.Add(3*time.Minute), 2); n != want || err != nil {
			t.Errorf("got %d, %v, want %d", n, err, want)
		}
		if _, err := s.Generation(t.Context(), "a"); (err == nil) != (want == 2) {
			t.Errorf("the youngest of the old, after %d were forgotten: %v", want, err)
		}
	}
	list, err := s.Generations(t.Context(), ledger.Page{Limit: 10})
	if err != nil || len(list) != 2 || list[0].Generation.ID != "new" || list[1].Generation.ID != "open" {
		t.Errorf("left: %+v, %v", list, err)
	}
	if rows, _ := s.Rows(t.Context(), time.Time{}, 10); len(rows) != 2 {
		t.Errorf("%d attempts are left, want 2", len(rows))
	}
}
