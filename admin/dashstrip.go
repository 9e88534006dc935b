package admin

import "switchyard/ledger"

// strip is a row of small bars, one for each few steps. A bar's height is the number of attempts; those that failed
// are its top.
type strip struct {
	Bars []bar
}

// bar is measured from the top, in units of a drawing 100 wide and 20 high.
type bar struct {
	X, Width     float64
	GoodY, GoodH float64
	BadY, BadH   float64
}

const (
	stripBars   = 32
	stripHeight = 20.0
)

func newStrip(steps []ledger.Sums) strip {
	if len(steps) == 0 {
		return strip{}
	}
	n := min(stripBars, len(steps))
	good, bad := make([]int, n), make([]int, n)
	most := 1
	for i := range steps {
		at := i * n / len(steps)
		good[at] += steps[i].OK + steps[i].Neither
		bad[at] += steps[i].Count - steps[i].OK - steps[i].Neither
	}
	for i := range n {
		most = max(most, good[i]+bad[i])
	}
	s := strip{Bars: make([]bar, n)}
	width := 100 / float64(n)
	for i := range n {
		g, b := height(good[i], most), height(bad[i], most)
		s.Bars[i] = bar{X: float64(i) * width, Width: width * 0.75, GoodY: stripHeight - g, GoodH: g, BadY: max(stripHeight-g-b, 0), BadH: b}
	}
	return s
}

// height returns the height of n attempts, so that a single one stays visible beside a thousand.
func height(n, most int) float64 {
	if n == 0 {
		return 0
	}
	return max(2, stripHeight*float64(n)/float64(most))
}
