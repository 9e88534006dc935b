package evidence_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// streams is the test of two proportions that was not taken: blocks of one rating of each arm, and estimates from the
// earlier blocks (Turner, Ly and Grünwald, Generic E-variables for exact sequential k-sample tests that allow for optional
// stopping, 2024).
type streams struct {
	prior  float64 // the Beta distribution of each proportion
	good   [2]float64
	blocks float64
	log    float64
}

func (s *streams) add(ratings [2]bool) {
	var p [2]float64
	for i := range p {
		p[i] = (s.good[i] + s.prior) / (s.blocks + 2*s.prior)
	}
	for i, good := range ratings {
		chance := func(p float64) float64 {
			if good {
				return p
			}
			return 1 - p
		}
		s.log += math.Log(chance(p[i]) / chance((p[0]+p[1])/2))
	}
	for i, good := range ratings {
		if good {
			s.good[i]++
		}
	}
	s.blocks++
}

// TestSimulationOfTheOtherTest is why pairs were taken: what it would have needed for the same.
func TestSimulationOfTheOtherTest(t *testing.T) {
	runs := 200
	if *full {
		runs = 2000
	}
	for _, prior := range []float64{0.18, 1} { // the authors', and the uniform one
		var after []int
		for i := range uint64(runs) {
			r := rand.New(rand.NewPCG(i, 7))
			s := streams{prior: prior}
			for s.log < math.Log(20) {
				s.add([2]bool{r.Float64() < 0.84, r.Float64() < 0.90})
			}
			after = append(after, 2*int(s.blocks))
		}
		slices.Sort(after)
		t.Logf("Turner, Ly and Grünwald with a prior of %v: 84 %% against 90 %% after %d ratings (median)", prior, after[runs/2])
		if ours := 1000; after[runs/2] < ours {
			t.Errorf("it needs fewer than %d: take it", ours)
		}
	}
}
