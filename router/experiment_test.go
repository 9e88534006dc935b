package router_test

import (
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"switchyard"
	"switchyard/config"
	"switchyard/router"
	"switchyard/rule"
)

// full has the simulations of this package and those below it run at full length.
var full = flag.Bool("full", false, "simulate at full length")

type share struct {
	arm    string
	weight float64
}

func arms(shares ...share) (m config.Map[float64]) {
	for _, s := range shares {
		m = append(m, config.Entry[float64]{Name: s.arm, Value: s.weight})
	}
	return m
}

// experiment is a Router with one route, whose experiment "x" has the arms.
func experiment(t testing.TB, change func(*router.Config, *router.Experiment), m config.Map[float64]) (*router.Router, error) {
	t.Helper()
	var e router.Experiment
	e.SetDefaults()
	e.Unit, e.Arms = `headers["x-user-id"]`, m
	var route router.Route
	route.SetDefaults()
	route.Name, route.Experiment = "trial", "x"
	cfg := router.Config{Targets: threeTargets(), Routes: []router.Route{route}}
	change(&cfg, &e)
	if err := e.Validate(); err != nil {
		t.Fatal(err)
	}
	cfg.Experiments = config.Map[router.Experiment]{{Name: "x", Value: e}}
	return router.New(cfg)
}

func mustExperiment(t testing.TB, change func(*router.Config, *router.Experiment), m config.Map[float64]) *router.Router {
	t.Helper()
	r, err := experiment(t, change, m)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func asIs(*router.Config, *router.Experiment) {}

// variantOf is the arm that a user is planned for, and who serves, in order.
func variantOf(r *router.Router, user string) (variant, order string) {
	plan := r.Plan(&rule.Facts{
		Request: &switchyard.Request{Dialect: "gemini", Model: "m", Images: 1},
		Headers: map[string][]string{"X-User-Id": {user}},
	}, false, noon)
	var names []string
	for _, c := range plan.Candidates {
		names = append(names, c.Target.Name)
	}
	return plan.Variant, strings.Join(names, " ")
}

// TestSimulationOfUnits: 100,000 units keep their arm in another process, and few get another one when weights move.
func TestSimulationOfUnits(t *testing.T) {
	units := 100_000
	first, second := mustExperiment(t, asIs, arms(share{"dear", 50}, share{"cheap", 50})), mustExperiment(t, asIs, arms(share{"cheap", 1}, share{"dear", 1}))
	moved, count, back := mustExperiment(t, asIs, arms(share{"dear", 60}, share{"cheap", 40})), 0, 0
	digest := sha256.New()
	for i := range units {
		user := fmt.Sprint("user-", i)
		a, _ := variantOf(first, user)
		if b, _ := variantOf(second, user); a != b {
			t.Fatalf("%s has %s, and elsewhere %s", user, a, b)
		}
		if c, _ := variantOf(moved, user); c != a {
			count++
			if c != "x:dear" {
				back++
			}
		}
		fmt.Fprintln(digest, user, a)
	}
	// Made once and for all by another process: were it to change, every unit of every experiment would change its arm.
	const golden = "5bafdcac9ea1c2c6fb81a433738c106577fa6701e24bac62f903ce6e35264d88"
	if got := hex.EncodeToString(digest.Sum(nil)); got != golden {
		t.Errorf("the arms have the digest %s", got)
	}
	share := float64(count) / float64(units)
	t.Logf("50/50 to 60/40 moves %.2f %% of %d units", 100*share, units)
	if math.Abs(share-0.1) > 0.01 || back > 0 {
		t.Errorf("%.2f %% moved, %d of them from the arm that grew", 100*share, back)
	}
}

// TestAssign: whatever the weights, each arm gets its share, and between any two arms nobody moves but to the one that
// has gained on the other.
func TestAssign(t *testing.T) {
	units, worlds := 4000, 20
	if *full {
		units, worlds = 100_000, 200
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for range worlds {
		var before, after router.Experiment
		sum := 0.0
		for i := range 2 + rnd.IntN(4) {
			name, w := fmt.Sprint("arm-", i), float64(rnd.IntN(10))
			before.Arms = append(before.Arms, config.Entry[float64]{Name: name, Value: w + 1})
			after.Arms = append(after.Arms, config.Entry[float64]{Name: name, Value: float64(rnd.IntN(11))})
			sum += w + 1
		}
		after.Arms[0].Value++
		got := map[string]int{}
		for i := range units {
			unit := fmt.Sprint(rnd.Uint64(), i)
			a, b := before.Assign("x", unit), after.Assign("x", unit)
			got[a]++
			gain := func(arm string) float64 { return *after.Arms.Find(arm) / *before.Arms.Find(arm) }
			if a != b && gain(b) <= gain(a) {
				t.Errorf("%s moved from %s to %s, of %v to %v", unit, a, b, before.Arms, after.Arms)
			}
		}
		for _, arm := range before.Arms {
			p := arm.Value / sum
			if sigma := math.Sqrt(p * (1 - p) / float64(units)); math.Abs(float64(got[arm.Name])/float64(units)-p) > 5*sigma {
				t.Errorf("%s of %v got %d of %d", arm.Name, before.Arms, got[arm.Name], units)
			}
		}
	}
}

// TestExperimentsAreIndependent: who has the first arm of one experiment has either of another's.
func TestExperimentsAreIndependent(t *testing.T) {
	e := router.Experiment{Arms: arms(share{"a", 1}, share{"b", 1})}
	both := 0
	for i := range 10_000 {
		if unit := fmt.Sprint(i); e.Assign("x", unit) == e.Assign("y", unit) {
			both++
		}
	}
	if both < 4800 || both > 5200 {
		t.Errorf("%d of 10000 have the same arm in both", both)
	}
}

// TestExperimentPlans: the assigned arm alone, then what is behind it.
func TestExperimentPlans(t *testing.T) {
	withFallback := func(cfg *router.Config, _ *router.Experiment) { cfg.Routes[0].Fallback = []string{"plain", "cheap"} }
	for name, c := range map[string]struct {
		change         func(*router.Config, *router.Experiment)
		user           string
		variant, order string
	}{
		"assigned":        {asIs, "anna", "x:cheap", "cheap"},
		"with a fallback": {withFallback, "anna", "x:cheap", "cheap plain"},
		"without a unit":  {withFallback, "", "", "dear plain cheap"},
		"switched off": {func(cfg *router.Config, e *router.Experiment) {
			withFallback(cfg, e)
			cfg.Targets["cheap"].Off = "it is off"
		}, "anna", "x:cheap", "plain"},
		"a unit that errs": {func(cfg *router.Config, e *router.Experiment) {
			e.Unit = `string(1 / (request.images - 1))`
		}, "anna", "", "dear"},
	} {
		variant, order := variantOf(mustExperiment(t, c.change, arms(share{"dear", 0}, share{"cheap", 1})), c.user)
		if variant != c.variant || order != c.order {
			t.Errorf("%s: %q by %q, want %q by %q", name, variant, order, c.variant, c.order)
		}
	}
}

// TestAUnitThatErrsIsTold: health names the experiment.
func TestAUnitThatErrsIsTold(t *testing.T) {
	r := mustExperiment(t, func(_ *router.Config, e *router.Experiment) { e.Unit = `string(1 / (request.images - 1))` }, arms(share{"dear", 1}, share{"cheap", 1}))
	errs := r.Plan(&rule.Facts{Request: &switchyard.Request{Images: 1}}, false, noon).Errs
	if len(errs) != 1 || !strings.HasPrefix(errs[0].Error(), `experiment "x": rule "string(1 / (request.images - 1))"`) {
		t.Errorf("%v", errs)
	}
}

// TestExperimentsRefuse: an experiment that could not tell anything, or would give an arm nobody knows how much, is none.
func TestExperimentsRefuse(t *testing.T) {
	for want, change := range map[string]func(*router.Experiment){
		`unit: is missing`:                  func(e *router.Experiment) { e.Unit = "" },
		`arms: an experiment needs two`:     func(e *router.Experiment) { e.Arms = e.Arms[:1] },
		`arms.old: want a weight of 0 or`:   func(e *router.Experiment) { e.Arms[0].Value = -1 },
		`arms.new: want a weight of 0 or`:   func(e *router.Experiment) { e.Arms[1].Value = math.Inf(1) },
		`of 0 or more, got NaN`:             func(e *router.Experiment) { e.Arms[0].Value = math.NaN() },
		`arms: the weights sum to 0: one`:   func(e *router.Experiment) { e.Arms[0].Value, e.Arms[1].Value = 0, 0 },
		`goal: want one of`:                 func(e *router.Experiment) { e.Goal = "fame" },
		`stop.confidence: want 0.5 or more`: func(e *router.Experiment) { e.Stop.Confidence = 1 },
		`less than 1, got 0.49`:             func(e *router.Experiment) { e.Stop.Confidence = 0.49 },
	} {
		var e router.Experiment
		e.SetDefaults()
		e.Unit, e.Arms = `headers["x-user-id"]`, arms(share{"old", 1}, share{"new", 1})
		if err := e.Validate(); err != nil {
			t.Fatal(err)
		}
		change(&e)
		if err := e.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
