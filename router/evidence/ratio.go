package evidence

import "math"

// Ratio is a sum over another one, such as dollars over pictures. The zero value is for no observation yet.
type Ratio struct {
	n                int
	top, bottom      float64
	top2, both, bot2 float64 // sums of squares, and of products
}

// Add counts one observation.
func (r *Ratio) Add(top, bottom float64) {
	r.n++
	r.top += top
	r.bottom += bottom
	r.top2 += top * top
	r.both += top * bottom
	r.bot2 += bottom * bottom
}

// fewest is how many observations there must be before their scatter is trusted.
const fewest = 30

// Interval returns the ratio, and bounds that hold the true one at all times together, with a probability that approaches
// 1-α as observations become many. No interval for the mean of costs without a known upper bound can promise more; this
// one only assumes that their variance exists (Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, Time-uniform central limit
// theory and asymptotic confidence sequences, Ann. Statist. 2024, theorem 2.2, of the observations' deviations from the
// ratio). The bounds are narrowest around 500 observations; for fewer than 30 there are none. If all costs have been the
// same, the interval has no width.
func (r Ratio) Interval(alpha float64) Interval {
	i := unknown()
	if r.bottom <= 0 {
		return i
	}
	i.Value = r.top / r.bottom
	if r.n < fewest {
		return i
	}
	n := float64(r.n)
	variance := max(r.top2-2*i.Value*r.both+i.Value*i.Value*r.bot2, 0) / n
	log := -2 * math.Log(alpha)
	rho2 := (log + math.Log(log) + 1) / 500
	radius := math.Sqrt(variance * 2 * (n*rho2 + 1) / (n * n * rho2) * math.Log(math.Sqrt(n*rho2+1)/alpha))
	radius /= r.bottom / n
	i.Low, i.High = max(i.Value-radius, 0), i.Value+radius
	return i
}
