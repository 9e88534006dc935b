package evidence

import "math"

// prior is how sure a duel is in advance that two arms are nearly alike: as if each had won that many pairs. It decides how soon
// a difference is found, never whether a verdict holds: with a smaller prior large differences are found sooner, with a larger
// one small ones. With anything from 4 to 12, 90 % of thumbs up are told from 84 % after fewer than 1,000 ratings in half of the
// runs.
const prior = 6.0

// duel compares two arms by scores; the higher one is the better. The zero value is ready.
//
// The first score of one arm meets the first of the other, the second the second, and so on. If the arms do not differ, each has
// an even chance to win a pair, whatever the scores look like; equal scores say nothing and are left out (Wald, Sequential
// analysis, 1947, ch. 6, compares two proportions like this). The evidence against a fair coin is the mixture over all others by
// a Beta distribution (Robbins 1970; Howard, Ramdas, McAuliffe and Sekhon 2021, the beta-binomial mixture): under a fair coin it
// is a martingale that begins at 1, and so it exceeds 1/α at any time with a probability of at most α.
//
// Pairs have a price where weights are lopsided: the scores that the larger arm has more of must wait. A test of the two
// proportions themselves (Turner, Ly and Grünwald, Generic E-variables for exact sequential k-sample tests that allow for
// optional stopping, 2024) has to learn both, where the coin has one thing to learn, and needs a few more of them: see
// TestSimulationOfTheOtherTest.
type duel struct {
	Wins [2]int // pairs won
	Ties int

	ahead []float64 // scores without a partner yet, all of one arm
	who   int       // the arm that they are of
	log   float64   // natural logarithm of the evidence
	peak  float64   // the highest that it ever was
}

// Add gives a score of arm 0 or arm 1.
func (d *duel) Add(arm int, score float64) {
	if len(d.ahead) == 0 || d.who == arm {
		d.ahead, d.who = append(d.ahead, score), arm
		return
	}
	other := d.ahead[0]
	d.ahead = d.ahead[1:]
	switch {
	case score > other:
		d.won(arm)
	case score < other:
		d.won(1 - arm)
	default:
		d.Ties++
	}
}

// won counts a pair, and multiplies the evidence by the odds that the mixture gave to what has happened.
func (d *duel) won(arm int) {
	share := (prior + float64(d.Wins[arm])) / (2*prior + float64(d.Wins[0]+d.Wins[1]))
	d.log += math.Log(2 * share)
	d.Wins[arm]++
	d.peak = max(d.peak, d.log)
}

// Evidence returns how many times likelier the pairs are if there is a difference than if there is none: now, and at the highest
// it ever was.
func (d *duel) Evidence() (now, highest float64) { return bounded(d.log), bounded(d.peak) }

// Leader returns the arm that has won more pairs.
func (d *duel) Leader() int {
	if d.Wins[1] > d.Wins[0] {
		return 1
	}
	return 0
}

// bounded returns a number that JSON can hold.
func bounded(log float64) float64 { return math.Exp(min(log, 600)) }
