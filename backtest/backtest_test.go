package backtest_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"switchyard"
	"switchyard/backtest"
	"switchyard/ledger"
	"switchyard/router"
	"switchyard/rule"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// books are a ledger in memory.
type books struct {
	generations []switchyard.Generation
	rows        []ledger.Row
}

func (b *books) EachGeneration(_ context.Context, _ ledger.Span, tell func(switchyard.Generation) error) error {
	for _, g := range b.generations {
		if err := tell(g); err != nil {
			return err
		}
	}
	return nil
}

func (b *books) EachRow(_ context.Context, _ ledger.Span, tell func(ledger.Row) error) error {
	for _, r := range b.rows {
		if err := tell(r); err != nil {
			return err
		}
	}
	return nil
}

// made records a generation of a tier that target answered, or failed, after so long.
func (b *books) made(tier, target string, ok bool, took time.Duration) {
	id := fmt.Sprint("g", len(b.generations))
	outcome, cost := switchyard.OK, switchyard.Cost{Amount: switchyard.Dollar / 100, Basis: switchyard.BasisBook, Charge: switchyard.ChargeSettled}
	if !ok {
		outcome, cost = switchyard.Overloaded, switchyard.Cost{Charge: switchyard.ChargeNone}
	}
	b.generations = append(b.generations, switchyard.Generation{
		ID: id, Kind: "generation", Dialect: "openai", Model: "house", Started: noon, Latency: took, Outcome: outcome, Target: target, Cost: cost,
		Shape: fmt.Sprintf(`{"n":1,"w":1024,"h":1024,"headers":{"X-Tier":%q}}`, tier),
	})
	b.rows = append(b.rows, ledger.Row{
		ID: "a" + id, Generation: id, At: noon, Target: target, Provider: target, Outcome: outcome, Cost: cost, Images: 1, Latency: took,
	})
}

// tried is a config of routes over three targets, of a cent, two and none that is known.
func tried(t *testing.T, routes ...router.Route) *router.Router {
	t.Helper()
	targets := map[string]*switchyard.Target{}
	for name, price := range map[string]*switchyard.Price{
		"cheap": {Image: switchyard.Dollar / 100}, "dear": {Image: switchyard.Dollar / 50}, "new": {Image: switchyard.Dollar / 10},
	} {
		targets[name] = &switchyard.Target{Name: name, Provider: name, Model: name, Dialect: "openai", Key: switchyard.NewSecret("k"), Price: price}
	}
	r, err := router.New(router.Config{Routes: routes, Targets: targets})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func route(name, when string, targets ...string) router.Route {
	var r router.Route
	r.SetDefaults()
	r.Name, r.When, r.Targets = name, when, targets
	return r
}

// TestRun: half of the requests go elsewhere, at its price, its speed and its chance to fail; a fallback is drawn, too.
func TestRun(t *testing.T) {
	b := &books{}
	for i := range 200 {
		b.made("free", "cheap", true, time.Second)
		b.made("pro", "dear", i%4 != 0, 3*time.Second) // a quarter fails
	}
	r := tried(t, route("free", `headers["x-tier"] == "free"`, "dear", "cheap"), route("rest", "", "dear"))
	report, err := backtest.Run(t.Context(), backtest.Config{Books: b, Router: r, Rounds: 100})
	if err != nil {
		t.Fatal(err)
	}
	total, free := report.Total, report.Routes[0]
	if total.Requests != 400 || total.Moved != 200 || free.Route != "free" || free.Moved != 200 || report.Routes[1].Moved != 0 {
		t.Errorf("%+v", report)
	}
	if len(report.Moves) != 1 || report.Moves[0] != (backtest.Move{From: "cheap", To: "dear", Requests: 200}) {
		t.Errorf("moves are %+v", report.Moves)
	}
	near(t, "dollars of free", free.Expected.CostUSD.Value, 200*(0.75*0.02+0.25*0.01), 0.1)
	near(t, "success of free", free.Expected.Success.Value, 1, 0)
	near(t, "p95 of free", free.Expected.P95Seconds.Value, 4, 0.01) // three for the failure, one for the fallback
	near(t, "success of the rest", report.Routes[1].Expected.Success.Value, 0.75, 0.06)
	near(t, "what the rest did cost", report.Routes[1].Real.CostUSD, 1.5, 1e-9)
	if e := total.Expected.Success; !(e.Low < e.Value && e.Value < e.High) {
		t.Errorf("the interval is %+v", e)
	}
	again, err := backtest.Run(t.Context(), backtest.Config{Books: b, Router: r, Rounds: 100})
	if err != nil || !reflect.DeepEqual(again.Total, total) {
		t.Errorf("the same draws come to %+v", again.Total)
	}
}

func near(t *testing.T, what string, got, want, share float64) {
	t.Helper()
	if math.Abs(got-want) > share*want+1e-9 {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// TestRunParts: what a target does for one generation takes from when its first attempt begins until its last has ended. The parts of
// a fan-out go side by side, retries one after the other.
func TestRunParts(t *testing.T) {
	for name, c := range map[string]struct {
		after time.Duration // the first, the second attempt begins
		want  float64       // seconds, all together
	}{"parts": {0, 3}, "a retry": {2 * time.Second, 5}} {
		t.Run(name, func(t *testing.T) {
			b := &books{}
			for range 30 {
				b.made("pro", "dear", false, 2*time.Second)
				second := b.rows[len(b.rows)-1]
				second.ID, second.At, second.Latency, second.Outcome = "b"+second.ID, second.At.Add(c.after), 3*time.Second, switchyard.OK
				b.rows = append(b.rows, second)
			}
			report, err := backtest.Run(t.Context(), backtest.Config{Books: b, Router: tried(t, route("all", "", "dear")), Rounds: 10})
			if err != nil {
				t.Fatal(err)
			}
			near(t, "median", report.Total.Expected.MedianSeconds.Value, c.want, 0)
			near(t, "success", report.Total.Expected.Success.Value, 1, 0)
		})
	}
}

// TestRunUntried: of a target without records only the cost can be told; requests that nobody takes are counted.
func TestRunUntried(t *testing.T) {
	b := &books{}
	for range 10 {
		b.made("free", "cheap", true, time.Second)
		b.made("none", "cheap", true, time.Second)
	}
	b.generations[0].Shape = "" // of an older version
	report, err := backtest.Run(t.Context(), backtest.Config{Books: b, Router: tried(t,
		route("free", `headers["x-tier"] == "free"`, "new"), route("none", "", router.Native)), Rounds: 10})
	if err != nil {
		t.Fatal(err)
	}
	free := report.Routes[0]
	if report.Unshaped != 1 || free.Requests != 9 || free.Untried != 9 || report.Total.Unserved != 10 {
		t.Errorf("%+v", report)
	}
	near(t, "dollars", free.Expected.CostUSD.Value, 0.9, 1e-9)
	if e := free.Expected; e.Success != nil || e.MedianSeconds != nil || e.P95Seconds != nil {
		t.Errorf("without a record it is told that %+v", e)
	}
	if e := report.Routes[1].Expected; e.Success == nil || e.Success.Value != 0 || e.MedianSeconds != nil {
		t.Errorf("of requests that nobody takes it is told that %+v", e)
	}
}

// TestRunMost: where not all are drawn, those that are stand for the rest.
func TestRunMost(t *testing.T) {
	b := &books{}
	for range 15 {
		b.made("free", "cheap", true, time.Second)
	}
	report, err := backtest.Run(t.Context(), backtest.Config{Books: b, Router: tried(t, route("all", "", "new")), Rounds: 10, Most: 11})
	if err != nil {
		t.Fatal(err)
	}
	if all := report.Total; report.Drawn != 11 || all.Requests != 15 || all.Untried != 15 {
		t.Errorf("%+v", report)
	}
	near(t, "dollars", report.Total.Expected.CostUSD.Value, 1.5, 1e-9)
}

// TestRunCosts: what a picture costs is told by the new prices, unless its provider reports what it charges; what a failure did cost
// stays.
func TestRunCosts(t *testing.T) {
	reported := switchyard.Cost{Amount: 3 * switchyard.Dollar, Basis: switchyard.BasisReported, Charge: switchyard.ChargeSettled}
	possible := switchyard.Cost{Amount: 2 * switchyard.Dollar, Basis: switchyard.BasisEstimate, Charge: switchyard.ChargePossible}
	unknown := switchyard.Cost{Basis: switchyard.BasisUnknown, Charge: switchyard.ChargePossible}
	for name, c := range map[string]struct {
		ok      bool
		cost    switchyard.Cost
		dollars float64
		unknown float64
	}{
		"booked":              {true, switchyard.Cost{Amount: 1, Basis: switchyard.BasisBook, Charge: switchyard.ChargeSettled}, 0.02, 0},
		"reported":            {true, reported, 3, 0},
		"perhaps paid":        {false, possible, 2, 0},
		"perhaps, and unsaid": {false, unknown, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			b := &books{}
			b.made("pro", "dear", c.ok, time.Second)
			b.generations[0].Cost, b.rows[0].Cost = c.cost, c.cost
			report, err := backtest.Run(t.Context(), backtest.Config{Books: b, Router: tried(t, route("all", "", "dear")), Rounds: 10})
			if err != nil {
				t.Fatal(err)
			}
			near(t, "dollars", report.Total.Expected.CostUSD.Value, c.dollars, 1e-9)
			near(t, "unknown", report.Total.Expected.UnknownCosts.Value, c.unknown, 0)
		})
	}
}

// TestRunLeavesOut: what was cached, or ended because the app left or the process did, says nothing of a config or of a target.
func TestRunLeavesOut(t *testing.T) {
	b := &books{}
	for range 5 {
		b.made("pro", "dear", true, time.Second)
	}
	b.generations[0].Cost.Basis = switchyard.BasisCached
	b.generations[1].Outcome = switchyard.Canceled
	b.generations[2].Outcome = switchyard.Lost
	b.rows[3].Outcome, b.rows[3].Latency = switchyard.Canceled, time.Hour // the next target served it
	report, err := backtest.Run(t.Context(), backtest.Config{Books: b, Router: tried(t, route("all", "", "dear")), Rounds: 10})
	if err != nil {
		t.Fatal(err)
	}
	if report.Requests != 2 {
		t.Errorf("%d requests are left", report.Requests)
	}
	near(t, "success", report.Total.Expected.Success.Value, 1, 0)
	near(t, "p95", report.Total.Expected.P95Seconds.Value, 1, 0)
}

// TestRunKeys: rules see the labels that a key has in the config that is tried.
func TestRunKeys(t *testing.T) {
	b := &books{}
	b.made("free", "cheap", true, time.Second)
	b.generations[0].Key = "web"
	key := func(name string) (rule.Key, bool) {
		return rule.Key{Name: name, Labels: map[string]string{"tier": "gold"}}, name == "web"
	}
	report, err := backtest.Run(t.Context(), backtest.Config{Books: b, Router: tried(t,
		route("gold", `key.labels.tier == "gold"`, "dear"), route("rest", "", "cheap")), Rounds: 10, Key: key})
	if err != nil || report.Routes[0].Route != "gold" {
		t.Errorf("%+v %v", report, err)
	}
}

func TestRunNothing(t *testing.T) {
	if _, err := backtest.Run(t.Context(), backtest.Config{Books: &books{}, Router: tried(t)}); !errors.Is(err, backtest.ErrNothing) {
		t.Errorf("%v", err)
	}
}

// TestSameDraws: the same ledger gives the same report, also where what a target did is alike in all but how it ended.
func TestSameDraws(t *testing.T) {
	var b books
	for i := range 200 {
		b.made("pro", "cheap", false, time.Second)
		if i%2 == 0 { // which is no reason to ask the next one
			b.rows[2*i].Outcome, b.generations[2*i].Outcome = switchyard.Filtered, switchyard.Filtered
		}
		b.made("pro", "dear", true, time.Second)
	}
	run := func() *backtest.Report {
		r, err := backtest.Run(t.Context(), backtest.Config{Books: &b, Router: tried(t, route("all", "", "cheap", "dear")), Rounds: 5})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	first := run()
	for range 5 {
		if again := run(); !reflect.DeepEqual(again, first) {
			t.Fatalf("got\n%+v\nand before\n%+v", again, first)
		}
	}
}

// TestRunUnseen: of what rules look up, and no record has, it is told that they saw nothing of it.
func TestRunUnseen(t *testing.T) {
	b := &books{}
	b.made("free", "cheap", true, time.Second)
	report, err := backtest.Run(t.Context(), backtest.Config{Books: b, Rounds: 10, Router: tried(t,
		route("one", `headers["x-session-id"] != "" || query["size"] == "l"`, "dear"), route("two", `headers["x-tier"] == "free"`, "cheap"))})
	if want := []string{`headers["x-session-id"]`, `query["size"]`}; err != nil || !slices.Equal(report.Unseen, want) {
		t.Errorf("%v: %q, want %q", err, report.Unseen, want)
	}
}
