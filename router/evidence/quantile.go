package evidence

import (
	"math"
	"slices"
)

// Samples are numbers whose distribution nobody knows, such as latencies.
type Samples []float64

// Quantile returns the sample's p-quantile, and an interval that holds the true one with a probability of at least 1-α at
// all times together, for independent observations of any distribution. The share of the numbers that lie below the true
// p-quantile is p, but for chance; so a confidence sequence for p bounds how many they are, and thereby the places of the
// interval's bounds among the sorted numbers (Howard and Ramdas, Sequential estimation of quantiles with applications to
// A/B testing and best-arm identification, Bernoulli 2022). The choice of the mixture decides how narrow the interval is,
// never whether it holds. Quantile sorts the samples.
func (s Samples) Quantile(p, alpha float64) Interval {
	if len(s) == 0 {
		return unknown()
	}
	slices.Sort(s)
	low, high := places(len(s), p, alpha)
	i := Interval{s[min(int(p*float64(len(s))), len(s)-1)], math.Inf(-1), math.Inf(1)}
	if low > 0 {
		i.Low = s[low-1]
	}
	if high < len(s) {
		i.High = s[high]
	}
	return i
}

// places returns the fewest and the most of n numbers that may lie below their p-quantile.
func places(n int, p, alpha float64) (low, high int) {
	const weight = 20
	m := mixture{weight * p, weight * (1 - p)}
	in := func(k int) bool { return against(k, n, p, m) < -math.Log(alpha) }
	mid := int(math.Round(p * float64(n)))
	low = first(0, mid, in)
	high = first(mid, n, func(k int) bool { return !in(k + 1) })
	return low, high
}

// first returns the lowest k from a on for which ok is true; b if none is found before. If ok is true for k, it must be
// true for all from k up to b.
func first(a, b int, ok func(int) bool) int {
	for a < b {
		if mid := (a + b) / 2; ok(mid) {
			b = mid
		} else {
			a = mid + 1
		}
	}
	return a
}
