package evidence_test

import (
	"math"
	"slices"
	"testing"

	"switchyard/router/evidence"
)

// picture is a generation that went well.
func picture(seconds, dollars float64) evidence.Generation {
	return evidence.Generation{OK: true, Counts: true, Priced: true, Seconds: seconds, Dollars: dollars, Images: 1}
}

var failure = evidence.Generation{Counts: true, Priced: true, Seconds: 0.001}

// TestWinners: who wins by which goal, when each arm does the same all the time.
func TestWinners(t *testing.T) {
	for name, c := range map[string]struct {
		goal evidence.Goal
		a, b evidence.Generation
		want string
	}{
		"faster":                      {evidence.Latency, picture(1, 1), picture(2, 1), "a"},
		"cheaper":                     {evidence.Cost, picture(1, 0.04), picture(1, 0.03), "b"},
		"successful":                  {evidence.Success, failure, picture(1, 1), "b"},
		"a failure is not fast":       {evidence.Latency, failure, picture(20, 1), "b"},
		"a failure is not cheap":      {evidence.Cost, failure, picture(1, 10), "b"},
		"alike":                       {evidence.Latency, picture(1, 1), picture(1, 2), ""},
		"both fail":                   {evidence.Latency, failure, failure, ""},
		"what nobody knows the price": {evidence.Cost, picture(1, 1), evidence.Generation{OK: true, Counts: true, Images: 1}, ""},
		"apps that left":              {evidence.Success, evidence.Generation{}, picture(1, 1), ""},
	} {
		trial := evidence.NewTrial(c.goal, 0.95, "a", "b")
		for range 100 {
			trial.End("a", c.a)
			trial.End("b", c.b)
		}
		if v := trial.Verdict(); v.Winner != c.want {
			t.Errorf("%s: %+v", name, v)
		}
	}
}

// TestAWinnerStays: the verdict tells after how many ratings it came, and does not change when the evidence wanes.
func TestAWinnerStays(t *testing.T) {
	trial := evidence.NewTrial(evidence.Satisfaction, 0.95, "a", "b")
	rate := func(arm string, good bool, n int) {
		for range n {
			trial.Rate(arm, good)
			trial.Rate(map[string]string{"a": "b", "b": "a"}[arm], !good)
		}
	}
	after := 0
	for n := 1; after == 0; n++ {
		rate("a", true, 1)
		after = trial.Verdict().After
	}
	for i, n := range []int{10, 90} { // until there is no evidence, and until there is for the other one
		rate("b", true, n)
		v := trial.Verdict()
		if v.Winner != "a" || v.After != after || (v.Duels[0].Evidence < v.Needed) != (i == 0) || v.Duels[0].Highest < v.Needed {
			t.Errorf("after %d: %+v", after, v)
		}
	}
	// Six pairs in advance on each side: the odds are 2·6/12, 2·7/13, 2·8/14, …, and their product must exceed 20.
	odds, pairs := 1.0, 0
	for ; odds < 20; pairs++ {
		odds *= 2 * (6 + float64(pairs)) / (12 + float64(pairs))
	}
	if after != 2*pairs {
		t.Errorf("after %d ratings, want %d", after, 2*pairs)
	}
}

// TestThreeArms: the winner must beat both others, by half as much evidence again as one alone would take.
func TestThreeArms(t *testing.T) {
	trial := evidence.NewTrial(evidence.Latency, 0.95, "a", "b", "c")
	if got := trial.Needed(); got != 30 {
		t.Errorf("%v", got)
	}
	for range 100 {
		trial.End("a", picture(1, 1))
		trial.End("b", picture(1, 1))
		trial.End("c", picture(2, 1))
	}
	if v := trial.Verdict(); v.Winner != "" {
		t.Errorf("a and b are alike: %+v", v)
	}
	for range 100 {
		trial.End("a", picture(3, 1))
		trial.End("b", picture(1, 1))
		trial.End("gone", picture(0, 1)) // of an arm that is no more
	}
	if v := trial.Verdict(); v.Winner != "b" || v.Seen != 500 {
		t.Errorf("%+v", v)
	}
}

// TestCheaperMostlyDearerOnAverage does not win by its cost.
func TestCheaperMostlyDearerOnAverage(t *testing.T) {
	trial := evidence.NewTrial(evidence.Cost, 0.95, "a", "b")
	for i := range 200 {
		price := 0.01
		if i%10 == 0 {
			price = 1
		}
		trial.End("a", picture(1, price))
		trial.End("b", picture(1, 0.02))
	}
	if v := trial.Verdict(); v.Winner != "" || v.Duels[0].Highest < v.Needed {
		t.Errorf("%+v", v)
	}
}

// TestSummaries: each figure is the plain one, within its interval, and the interval becomes narrower.
func TestSummaries(t *testing.T) {
	trial := evidence.NewTrial(evidence.Success, 0.95, "a", "b")
	before := map[string]float64{}
	for _, n := range []int{100, 900, 9000} {
		for i := range n {
			g := picture(float64(i%9), 0.02+0.02*float64(i%2))
			if i%10 == 0 {
				g = failure
			}
			trial.End("a", g)
			trial.Rate("a", i%4 != 0)
		}
		s := trial.Summaries()[0]
		for name, c := range map[string]struct {
			got  evidence.Interval
			want float64
		}{
			"success": {s.Success, 0.9}, "satisfaction": {s.Satisfaction, 0.75}, "median": {s.Median, 4}, "cost": {s.Cost, 0.0311},
		} {
			width := c.got.High - c.got.Low
			if math.Abs(c.got.Value-c.want) > 0.001 || c.got.Low > c.got.Value || c.got.High < c.got.Value || before[name] > 0 && width > before[name] {
				t.Errorf("%s of %d: %+v, want %v, in less than %v", name, n, c.got, c.want, before[name])
			}
			before[name] = width
		}
		if s.P95.Value != 8 {
			t.Errorf("p95 %+v", s.P95)
		}
	}
}

// TestNothingIsKnown: what nobody has seen has no figures, and bounds only where there are natural ones.
func TestNothingIsKnown(t *testing.T) {
	s := evidence.NewTrial(evidence.Success, 0.95, "a", "b").Summaries()[0]
	for name, i := range map[string]evidence.Interval{"success": s.Success, "satisfaction": s.Satisfaction} {
		if !math.IsNaN(i.Value) || i.Low != 0 || i.High != 1 {
			t.Errorf("%s: %+v", name, i)
		}
	}
	for name, i := range map[string]evidence.Interval{"median": s.Median, "p95": s.P95, "cost": s.Cost} {
		if !math.IsNaN(i.Value) || !math.IsInf(i.Low, -1) || !math.IsInf(i.High, 1) {
			t.Errorf("%s: %+v", name, i)
		}
	}
}

// TestIntervalsAreWhereTheyBelong: known values.
func TestIntervalsAreWhereTheyBelong(t *testing.T) {
	if i := (evidence.Proportion{Yes: 840, N: 1000}).Interval(0.05); math.Abs(i.Low-0.79472) > 1e-5 || math.Abs(i.High-0.87926) > 1e-5 {
		t.Errorf("%+v", i)
	}
	if i := (evidence.Proportion{Yes: 3, N: 3}).Interval(0.05); i.High != 1 || i.Low > 0.5 {
		t.Errorf("%+v", i)
	}
	var s evidence.Samples
	for i := range 1001 {
		s = append(s, float64(1000-i))
	}
	if i := s.Quantile(0.5, 0.05); i.Value != 500 || 500-i.Low > 60 || i.High-500 > 60 || i.Low > 470 || i.High < 530 {
		t.Errorf("%+v", i)
	}
	if i := s[:10].Quantile(0.95, 0.05); !math.IsInf(i.High, 1) { // ten numbers do not bound it
		t.Errorf("%+v", i)
	}
	if !slices.IsSorted(s) {
		t.Error("the samples are not sorted")
	}
}
