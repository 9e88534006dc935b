package limit

import (
	"time"

	"golang.org/x/time/rate"
)

// Turns spreads over time what many goroutines do, each by itself: it tells each when its turn is, and refuses nobody. A nil Turns is no
// bound. All methods may be called at once.
type Turns struct{ lim *rate.Limiter }

// NewTurns gives perSecond turns, and burst at once to those who come after a pause.
func NewTurns(perSecond float64, burst int) *Turns {
	return &Turns{rate.NewLimiter(rate.Limit(perSecond), max(burst, 1))}
}

// Next takes the next turn, which comes after wait. Whoever does not want it any more before then gives it back to those who
// come later.
func (t *Turns) Next(now time.Time) (wait time.Duration, giveBack func(now time.Time)) {
	if t == nil {
		return 0, func(time.Time) {}
	}
	r := t.lim.ReserveN(now, 1)
	return r.DelayFrom(now), r.CancelAt
}
