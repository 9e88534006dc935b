package evidence_test

import (
	"flag"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"switchyard/router/evidence"
)

// full has the simulations run for longer, and for more worlds.
var full = flag.Bool("full", false, "simulate at full length")

// world is what the arms are like; a run draws from it until somebody has won, or most observations have been seen.
type world struct {
	name   string
	goal   evidence.Goal
	shares []float64 // of the requests, by arm
	draw   func(r *rand.Rand, arm int) evidence.Generation
	good   func(arm int) float64 // the chance of a thumb up; nil for other goals
	most   int
}

// run is one experiment, looked at after every observation: after how many there was a winner, and which.
func (w world) run(seed uint64) (winner string, after int) {
	r := rand.New(rand.NewPCG(seed, 7))
	arms := []string{"a", "b", "c", "d"}[:len(w.shares)]
	t := evidence.NewTrial(w.goal, 0.95, arms...)
	for n := 1; n <= w.most; n++ {
		arm := pick(r, w.shares)
		if w.good != nil {
			t.Rate(arms[arm], r.Float64() < w.good(arm))
		} else {
			t.End(arms[arm], w.draw(r, arm))
		}
		if v := t.Verdict(); v.Winner != "" {
			return v.Winner, n
		}
	}
	return "", 0
}

func pick(r *rand.Rand, shares []float64) int {
	x := r.Float64()
	for i, s := range shares {
		if x -= s; x < 0 {
			return i
		}
	}
	return len(shares) - 1
}

func same(p float64) func(int) float64 { return func(int) float64 { return p } }

// TestSimulationOfNoDifference: of 2,000 experiments whose arms do not differ, looked at after each of 1,000 ratings, at
// most a twentieth ever names a winner.
func TestSimulationOfNoDifference(t *testing.T) {
	half := []float64{0.5, 0.5}
	worlds := []world{{name: "satisfaction 84 %", goal: evidence.Satisfaction, shares: half, good: same(0.84), most: 1000}}
	if *full {
		worlds = append(worlds,
			world{name: "satisfaction 50 %", goal: evidence.Satisfaction, shares: half, good: same(0.5), most: 10_000},
			world{name: "satisfaction 98 %", goal: evidence.Satisfaction, shares: half, good: same(0.98), most: 10_000},
			world{name: "satisfaction 84 %, 90/10", goal: evidence.Satisfaction, shares: []float64{0.9, 0.1}, good: same(0.84), most: 10_000},
			world{name: "satisfaction 84 %, three arms", goal: evidence.Satisfaction, shares: []float64{0.4, 0.3, 0.3}, good: same(0.84), most: 10_000},
			world{name: "two of 84 %, one of 60 %", goal: evidence.Satisfaction, shares: []float64{0.4, 0.3, 0.3}, good: bestTwo, most: 10_000},
			world{name: "latency, a tenth fails", goal: evidence.Latency, shares: half, draw: draws, most: 10_000},
			world{name: "cost, a tenth by a fallback", goal: evidence.Cost, shares: half, draw: draws, most: 10_000},
		)
	}
	const runs = 2000
	for _, w := range worlds {
		wrong := 0
		for i := range uint64(runs) {
			if winner, _ := w.run(i); winner != "" {
				wrong++
			}
		}
		t.Logf("%s: %d of %d runs of %d named a winner (%.2f %%)", w.name, wrong, runs, w.most, 100*float64(wrong)/runs)
		if wrong > runs/20 {
			t.Errorf("%s: more than 5 %%", w.name)
		}
	}
}

func bestTwo(arm int) float64 { return []float64{0.84, 0.84, 0.6}[arm] }

// draws is a generation of which a tenth fails, and a tenth is made by a dearer, slower fallback.
func draws(r *rand.Rand, _ int) evidence.Generation {
	g := evidence.Generation{OK: true, Counts: true, Priced: true, Seconds: math.Exp(r.NormFloat64()), Dollars: 0.04, Images: 1 + r.IntN(4)}
	g.Dollars *= float64(g.Images)
	switch r.IntN(10) {
	case 0:
		g.OK, g.Images = false, 0
	case 1:
		g.Seconds *= 3
		g.Dollars *= 2
	}
	return g
}

// TestSimulationOfADifference: how many ratings it takes until 90 % satisfaction is told from 84 %.
func TestSimulationOfADifference(t *testing.T) {
	runs := 400
	if *full {
		runs = 2000
	}
	for _, shares := range [][]float64{{0.5, 0.5}, {0.8, 0.2}} {
		w := world{goal: evidence.Satisfaction, shares: shares, most: 20_000, good: func(arm int) float64 { return []float64{0.84, 0.90}[arm] }}
		var after []int
		wrong := 0
		for i := range uint64(runs) {
			winner, n := w.run(i)
			if winner == "b" {
				after = append(after, n)
			} else {
				wrong++
			}
		}
		slices.Sort(after)
		t.Logf("84 %% against 90 %%, shares %v: the verdict comes after %d ratings (median; a tenth by %d, nine tenths by %d); %d of %d runs gave none or a wrong one",
			shares, after[len(after)/2], after[len(after)/10], after[len(after)*9/10], wrong, runs)
		if median := after[len(after)/2]; shares[0] == 0.5 && median > 1500 {
			t.Errorf("median %d: a test of fixed size that finds it in half of the runs needs some 480", median)
		}
		if wrong > runs/20 {
			t.Errorf("%d of %d runs did not find it", wrong, runs)
		}
	}
}

// TestSimulationOfIntervals: looked at after each observation, the interval leaves the truth in at most a twentieth of the
// runs.
func TestSimulationOfIntervals(t *testing.T) {
	runs, most := 200, 1000
	if *full {
		runs, most = 2000, 2000
	}
	outside := map[string]int{}
	for i := range uint64(runs) {
		for _, name := range leaves(rand.New(rand.NewPCG(i, 8)), most) {
			outside[name]++
		}
	}
	for _, name := range []string{"proportion", "median", "p95", "ratio"} {
		t.Logf("%s: outside in %d of %d runs of %d (%.2f %%)", name, outside[name], runs, most, 100*float64(outside[name])/float64(runs))
		if outside[name] > runs/20 {
			t.Errorf("%s: more than 5 %%", name)
		}
	}
}

// leaves names the intervals that have ever left the truth in one run.
func leaves(r *rand.Rand, most int) (names []string) {
	var p evidence.Proportion
	var cost evidence.Ratio
	var times evidence.Samples
	left := map[string]bool{}
	check := func(name string, i evidence.Interval, truth float64) {
		left[name] = left[name] || truth < i.Low || truth > i.High
	}
	for n := 1; n <= most; n++ {
		p.Add(r.Float64() < 0.84)
		images := 1 + r.IntN(4)
		cost.Add(float64(images)*0.05*(0.5+r.Float64()), float64(images))
		times = append(times, math.Exp(r.NormFloat64()))
		if n > 100 && n%25 != 0 { // later looks differ little from one to the next
			continue
		}
		check("proportion", p.Interval(0.05), 0.84)
		check("ratio", cost.Interval(0.05), 0.05)
		check("median", times.Quantile(0.5, 0.05), 1)
		check("p95", times.Quantile(0.95, 0.05), math.Exp(1.6448536))
	}
	for name, was := range left {
		if was {
			names = append(names, name)
		}
	}
	return names
}
