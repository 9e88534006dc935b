package evidence

import "math"

// Interval is an estimate with its bounds. What is not known is NaN; a bound that does not exist is infinite.
type Interval struct{ Value, Low, High float64 }

// unknown is an Interval of which nothing is known.
func unknown() Interval { return Interval{math.NaN(), math.Inf(-1), math.Inf(1)} }

// Proportion is how often something was so, of N times. The zero value is for no observation yet.
type Proportion struct{ Yes, N int }

// Add counts one.
func (p *Proportion) Add(yes bool) {
	p.N++
	if yes {
		p.Yes++
	}
}

// Interval returns the proportion, and bounds that hold the true one with a probability of at least 1-α at all times
// together, for independent observations. A proportion x is within the bounds if the mixture of all proportions by a
// Beta(1/2, 1/2) distribution is less than 1/α times likelier than x: Robbins 1970; Howard, Ramdas, McAuliffe and Sekhon
// 2021, the beta-binomial mixture.
func (p Proportion) Interval(alpha float64) Interval {
	if p.N == 0 {
		return Interval{math.NaN(), 0, 1}
	}
	mean := float64(p.Yes) / float64(p.N)
	in := func(x float64) bool { return p.plausible(x, alpha) }
	return Interval{mean, edge(0, mean, in), edge(1, mean, in)}
}

func (p Proportion) plausible(x, alpha float64) bool {
	return against(p.Yes, p.N, x, mixture{0.5, 0.5}) < -math.Log(alpha)
}

// mixture is a Beta distribution.
type mixture struct{ a, b float64 }

// against returns the logarithm of how many times likelier yes of n are under the mixture than under the proportion x.
func against(yes, n int, x float64, m mixture) float64 {
	no := n - yes
	log := lbeta(m.a+float64(yes), m.b+float64(no)) - lbeta(m.a, m.b)
	if yes > 0 {
		log -= float64(yes) * math.Log(x)
	}
	if no > 0 {
		log -= float64(no) * math.Log1p(-x)
	}
	return log
}

func lbeta(a, b float64) float64 {
	x, _ := math.Lgamma(a)
	y, _ := math.Lgamma(b)
	z, _ := math.Lgamma(a + b)
	return x + y - z
}

// edge returns where a convex set ends between inside, which is in it, and outside; that is outside itself if that is in
// it, too.
func edge(outside, inside float64, in func(float64) bool) float64 {
	if in(outside) {
		return outside
	}
	for range 60 {
		if mid := (outside + inside) / 2; in(mid) {
			inside = mid
		} else {
			outside = mid
		}
	}
	return outside
}
