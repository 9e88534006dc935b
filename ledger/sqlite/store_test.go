package sqlite_test

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"switchyard"
	"switchyard/ledger"
	"switchyard/ledger/sqlite"
)

var start = time.Date(2026, 11, 24, 6, 0, 0, 123456789, time.UTC)

func open(t testing.TB, path string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), sqlite.Config{Path: path, Busy: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func fresh(t testing.TB) (*sqlite.Store, string) {
	path := filepath.Join(t.TempDir(), "new", "odd ?#%.db")
	return open(t, path), path
}

// apply applies records as of one epoch; each call is a batch.
func apply(t testing.TB, s *sqlite.Store, epoch string, records ...ledger.Record) {
	t.Helper()
	for i := range records {
		records[i].Epoch = epoch
	}
	if err := s.Apply(t.Context(), ledger.Batch{Journal: "j", Last: 7, Records: records}); err != nil {
		t.Fatal(err)
	}
}

func cost(n switchyard.Money, b switchyard.Basis, c switchyard.Charge) switchyard.Cost {
	return switchyard.Cost{Amount: n, Basis: b, Charge: c}
}

func attempt(id, generation string) switchyard.Attempt {
	return switchyard.Attempt{
		ID: id, Generation: generation, Number: 1, Part: 2, Target: "flux", Provider: "fal", Model: "fal-ai/flux/dev", Started: start,
		Estimate: cost(25_000_000, switchyard.BasisEstimate, ""), // an estimate is no charge
	}
}

func done(a switchyard.Attempt) switchyard.Attempt {
	a.Latency, a.Stage, a.Outcome, a.Status, a.Images = 1500*time.Millisecond, switchyard.Answered, switchyard.OK, 200, 1
	a.Cost = cost(24_000_000, switchyard.BasisBook, switchyard.ChargeSettled)
	return a
}

func generation(id string) switchyard.Generation {
	return switchyard.Generation{
		ID: id, RequestID: "r", Tenant: "acme", Key: "web", Kind: "generation", Dialect: "openai", Path: "/v1/images/generations",
		Model: "house", Route: "all", Variant: "b", Started: start, Labels: map[string]string{"avatar-id": "7", "style_id": "pixar"}, Asked: 1,
	}
}

func ended(g switchyard.Generation) switchyard.Generation {
	g.Latency, g.Outcome, g.Target, g.Provider, g.Served = 1600*time.Millisecond, switchyard.OK, "flux", "fal", "fal-ai/flux/dev"
	g.Attempts, g.Delivered, g.Fidelity, g.Prompt = 1, 1, "exact", "abc"
	g.Cost = cost(24_000_000, switchyard.BasisBook, switchyard.ChargeSettled)
	return g
}

func account(t *testing.T, s *sqlite.Store, id string) ledger.Account {
	t.Helper()
	acc, err := s.Generation(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return acc
}

func TestAGenerationComesBackWhole(t *testing.T) {
	s, _ := fresh(t)
	a, g := attempt("a", "g"), generation("g")
	apply(t, s, "e", ledger.BeginRecord(g), ledger.OpenRecord(a))
	running := account(t, s, "g")
	if running.Generation.Outcome != "" || running.Attempts[0].Outcome != "" || running.Attempts[0].Cost != cost(25_000_000, switchyard.BasisEstimate, switchyard.ChargePossible) {
		t.Errorf("while it runs its estimate counts: %+v", running)
	}
	a.Job = "job-1"
	apply(t, s, "e", ledger.HoldRecord(a))
	a.Job = "" // who settles need not know it
	a, g = done(a), ended(g)
	apply(t, s, "e", ledger.SettleRecord(a), ledger.EndRecord(g))
	a.Job = "job-1"
	want := ledger.Account{Generation: g, Attempts: []switchyard.Attempt{a}}
	if got := account(t, s, "g"); !reflect.DeepEqual(got, want) {
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

func TestApplyingTwiceIsApplyingOnce(t *testing.T) {
	s, _ := fresh(t)
	a, g := attempt("a", "g"), generation("g")
	all := []ledger.Record{ledger.BeginRecord(g), ledger.OpenRecord(a), ledger.SettleRecord(done(a)), ledger.EndRecord(ended(g))}
	apply(t, s, "e", all...)
	want := account(t, s, "g")
	apply(t, s, "e", all[:2]...) // a replay of the front does not open again what has ended
	if got := account(t, s, "g"); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	apply(t, s, "e", all...)
	if got := account(t, s, "g"); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if n, err := s.Applied(t.Context(), "j"); n != 7 || err != nil {
		t.Errorf("applied %d, %v", n, err)
	}
	if n, err := s.Applied(t.Context(), "other"); n != 0 || err != nil {
		t.Errorf("another journal: %d, %v", n, err)
	}
}

func TestABatchIsAllOrNothing(t *testing.T) {
	s, _ := fresh(t)
	records := []ledger.Record{ledger.OpenRecord(attempt("a", "g")), {Kind: "nonsense"}}
	if err := s.Apply(t.Context(), ledger.Batch{Journal: "j", Last: 2, Records: records}); err == nil {
		t.Error("nonsense was applied")
	}
	rows, err := s.Rows(t.Context(), time.Time{}, 10)
	n, errApplied := s.Applied(t.Context(), "j")
	if len(rows) != 0 || n != 0 || errors.Join(err, errApplied) != nil {
		t.Errorf("half a batch stayed: %v, %d, %v", rows, n, err)
	}
}

func TestASettledRecordStandsAlone(t *testing.T) { // its Opened was destroyed
	s, _ := fresh(t)
	apply(t, s, "e", ledger.SettleRecord(done(attempt("a", "g"))), ledger.EndRecord(ended(generation("g"))))
	if acc := account(t, s, "g"); acc.Attempts[0].Cost.Amount != 24_000_000 || acc.Generation.Outcome != switchyard.OK {
		t.Errorf("got %+v", acc)
	}
}

func TestUnfinished(t *testing.T) {
	s, _ := fresh(t)
	apply(t, s, "old", ledger.BeginRecord(generation("running")), ledger.OpenRecord(attempt("1", "running")))
	apply(t, s, "old", ledger.BeginRecord(generation("whole")), ledger.EndRecord(ended(generation("whole"))), ledger.SettleRecord(done(attempt("2", "whole"))))
	apply(t, s, "old", ledger.EndRecord(ended(generation("hedged"))), ledger.OpenRecord(attempt("3", "hedged")), ledger.SettleRecord(done(attempt("4", "hedged"))))
	apply(t, s, "old", ledger.OpenRecord(attempt("5", "unknown")))
	apply(t, s, "old", ledger.BeginRecord(generation("begun")))
	apply(t, s, "new", ledger.BeginRecord(generation("mine")), ledger.OpenRecord(attempt("6", "mine")))
	list, err := s.Unfinished(t.Context(), "new")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, acc := range list {
		got[acc.Generation.ID] = len(acc.Attempts)
	}
	if want := map[string]int{"running": 1, "hedged": 2, "unknown": 1, "begun": 0}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestRowsHaveTheShapeOfTheAPI(t *testing.T) {
	s, _ := fresh(t)
	old, unknown := attempt("old", "g"), done(attempt("unknown", "g"))
	old.Started = start.Add(-time.Hour)
	unknown.Started, unknown.Cost = start.Add(time.Second), cost(5, switchyard.BasisUnknown, switchyard.ChargeSettled)
	apply(t, s, "e", ledger.BeginRecord(generation("g")), ledger.OpenRecord(old), ledger.SettleRecord(done(attempt("a", "g"))), ledger.SettleRecord(unknown))
	rows, err := s.Rows(t.Context(), start, 10)
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

func TestTotals(t *testing.T) {
	s, _ := fresh(t)
	failed, unknown, late := done(attempt("f", "g")), done(attempt("u", "g")), done(attempt("l", "g"))
	failed.Outcome, failed.Images, failed.Latency, failed.Cost = switchyard.Overloaded, 0, time.Hour, cost(0, "", switchyard.ChargeNone)
	unknown.Latency, unknown.Cost = 500*time.Millisecond, cost(0, switchyard.BasisUnknown, switchyard.ChargeSettled)
	late.Started = start.Add(time.Hour)
	other := done(attempt("o", "g"))
	other.Provider = "google"
	apply(t, s, "e", ledger.SettleRecord(done(attempt("a", "g"))), ledger.SettleRecord(failed), ledger.SettleRecord(unknown),
		ledger.SettleRecord(late), ledger.SettleRecord(other), ledger.OpenRecord(attempt("r", "g")))
	got, err := s.Totals(t.Context(), start, start.Add(time.Hour))
	want := []ledger.Total{
		{Provider: "fal", Attempts: 4, OK: 2, Images: 2, Cost: 49_000_000, Possible: 25_000_000, Unknown: 1, Mean: time.Second},
		{Provider: "google", Attempts: 1, OK: 1, Images: 1, Cost: 24_000_000, Mean: 1500 * time.Millisecond},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
	}
}

func TestCheckFindsWhatDoesNotAddUp(t *testing.T) {
	s, _ := fresh(t)
	wrong, unknown, running := ended(generation("wrong")), ended(generation("unknown")), ended(generation("running"))
	wrong.Cost.Amount++
	unknown.Cost = cost(0, switchyard.BasisUnknown, switchyard.ChargeSettled)
	apply(t, s, "e", ledger.EndRecord(ended(generation("right"))), ledger.SettleRecord(done(attempt("1", "right"))),
		ledger.EndRecord(wrong), ledger.SettleRecord(done(attempt("2", "wrong"))),
		ledger.EndRecord(unknown), ledger.SettleRecord(done(attempt("3", "unknown"))),
		ledger.EndRecord(running), ledger.OpenRecord(attempt("4", "running")))
	got, err := s.Check(t.Context())
	want := ledger.Check{Generations: 48_000_001, Attempts: 48_000_000, Running: 1, Wrong: []string{"wrong"}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

// The view is read by people with a SQL prompt, so the test does just that.
func TestGenerationLogs(t *testing.T) {
	s, path := fresh(t)
	failed, pass := ended(generation("failed")), ended(generation("pass"))
	failed.Outcome, failed.Provider, failed.Cost = switchyard.Overloaded, "", cost(0, switchyard.BasisUnknown, switchyard.ChargePossible)
	failed.Labels = nil
	pass.Kind = "passthrough"
	apply(t, s, "e", ledger.EndRecord(ended(generation("g"))), ledger.EndRecord(failed), ledger.EndRecord(pass),
		ledger.SettleRecord(done(attempt("1", "failed"))), ledger.BeginRecord(generation("running")))
	if err := s.Rate(t.Context(), "acme", "g", ledger.ThumbsUp); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path2dsn(path))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), `SELECT avatar_id, style_id, provider, generation_time, cost, user_rating, success, created_at
FROM generation_logs WHERE created_at >= datetime('2026-11-25', '-7 days') AND date(created_at) = '2026-11-24' ORDER BY id`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	got := ""
	for rows.Next() {
		var avatar, style, provider, rating sql.NullString
		var ms, success int
		var dollars sql.NullFloat64
		var at string
		if err := rows.Scan(&avatar, &style, &provider, &ms, &dollars, &rating, &success, &at); err != nil {
			t.Fatal(err)
		}
		got += fmt.Sprintln(avatar, style, provider, ms, dollars, rating, success, at)
	}
	const want = "{ false} { false} {fal true} 1600 {0 false} { false} 0 2026-11-24 06:00:00.123\n" +
		"{7 true} {pixar true} {fal true} 1600 {0.024 true} {thumbs_up true} 1 2026-11-24 06:00:00.123\n"
	if err := rows.Err(); got != want || err != nil {
		t.Errorf("got\n%swant\n%s%v", got, want, err)
	}
}

func TestRatings(t *testing.T) {
	s, _ := fresh(t)
	apply(t, s, "e", ledger.EndRecord(ended(generation("g"))))
	for _, tc := range []struct {
		tenant, id, rating string
		want               error
	}{
		{"acme", "g", ledger.ThumbsUp, nil},
		{"acme", "g", ledger.ThumbsDown, nil},
		{"stranger", "g", ledger.ThumbsUp, ledger.ErrNotFound},
		{"acme", "none", ledger.ThumbsUp, ledger.ErrNotFound},
	} {
		if err := s.Rate(t.Context(), tc.tenant, tc.id, tc.rating); !errors.Is(err, tc.want) {
			t.Errorf("%+v: got %v", tc, err)
		}
	}
	if err := s.Rate(t.Context(), "acme", "g", "great"); switchyard.AsError(err).Kind != switchyard.BadRequest {
		t.Errorf("got %v", err)
	}
	if got := account(t, s, "g").Rating; got != ledger.ThumbsDown {
		t.Errorf("the last word counts: got %q", got)
	}
}

func TestPruneForgetsTheOldestFirst(t *testing.T) {
	s, _ := fresh(t)
	for i, id := range []string{"c", "b", "a", "new", "open"} {
		g, a := ended(generation(id)), done(attempt(id, id))
		g.Started = start.Add(time.Duration(i) * time.Minute)
		r := ledger.SettleRecord(a)
		if id == "open" {
			g.Started, r = start, ledger.OpenRecord(a)
		}
		apply(t, s, "e", ledger.EndRecord(g), r)
	}
	for _, want := range []int{2, 1, 0} {
		if n, err := s.Prune(t.Context(), start.Add(3*time.Minute), 2); n != want || err != nil {
			t.Errorf("got %d, %v, want %d", n, err, want)
		}
		if _, err := s.Generation(t.Context(), "a"); (err == nil) != (want == 2) {
			t.Errorf("the youngest of the old, after %d were forgotten: %v", want, err)
		}
	}
	list, err := s.Generations(t.Context(), time.Time{}, 10)
	if err != nil || len(list) != 2 || list[0].Generation.ID != "new" || list[1].Generation.ID != "open" {
		t.Errorf("left: %+v, %v", list, err)
	}
	if rows, _ := s.Rows(t.Context(), time.Time{}, 10); len(rows) != 2 {
		t.Errorf("%d attempts are left, want 2", len(rows))
	}
}
