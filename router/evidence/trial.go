package evidence

import (
	"math"
	"slices"
)

// Goal is what decides a trial.
type Goal uint8

const (
	Satisfaction Goal = iota // of ratings
	Success                  // of generations
	Latency                  // a generation that failed took longer than any other
	Cost                     // per picture; a generation that failed was dearer than any other
)

// Trial learns from an experiment's observations, in the order in which they became known, and reports at any time. Only one
// goroutine may use it.
type Trial struct {
	goal  Goal
	alpha float64
	arms  []known
	duels []contest
	seen  int // observations that bear on the goal
}

// known is all that is known of one arm.
type known struct {
	Name         string
	Generations  int        // that have ended
	Served       int        // of these, made by the arm itself
	Success      Proportion // of those that ended neither because the app left nor because we did
	Satisfaction Proportion // of the ratings of what the arm itself has made
	Cost         Ratio      // dollars over pictures, of generations whose cost is known
	Images       int
	Unpriced     int // generations whose cost nobody knows

	seconds Samples // of those that succeeded
}

// contest is a duel of two arms, by their places.
type contest struct {
	duel
	arms   [2]int
	over   int // after how many observations it was won; 0: not yet
	winner int // which of the two arms won; that stays, whatever comes after
}

// NewTrial compares arms. confidence is the probability that the verdict is never wrong.
func NewTrial(goal Goal, confidence float64, arms ...string) *Trial {
	t := &Trial{goal: goal, alpha: 1 - confidence}
	for i, name := range arms {
		t.arms = append(t.arms, known{Name: name})
		for j := range i {
			t.duels = append(t.duels, contest{arms: [2]int{j, i}})
		}
	}
	return t
}

// Generation is a generation that has ended.
type Generation struct {
	OK      bool
	Counts  bool    // whether it speaks for or against the arm; it does not if the app left, or we did. A refusal does
	Seconds float64 // until it ended
	Dollars float64
	Priced  bool // whether Dollars are known
	Images  int  // delivered
	Served  bool // whether the arm itself made them, and no fallback
}

// End adds a generation, by the outcome that the app saw, to the arm that it was assigned to, even if a fallback served it.
// Otherwise an arm would be judged only by the requests that it can serve. A generation of an arm that is not in the trial
// is ignored.
func (t *Trial) End(arm string, g Generation) {
	i := t.place(arm)
	if i < 0 {
		return
	}
	a := &t.arms[i]
	a.Generations++
	if g.Served {
		a.Served++
	}
	a.Images += g.Images
	if g.Priced {
		a.Cost.Add(g.Dollars, float64(g.Images))
	} else {
		a.Unpriced++
	}
	if !g.Counts {
		return
	}
	a.Success.Add(g.OK)
	if g.OK {
		a.seconds = append(a.seconds, g.Seconds)
	}
	if score, ok := t.score(g); ok {
		t.compare(i, score)
	}
}

// score returns the score of a generation by the goal; the higher the better. ok is false if it has none.
func (t *Trial) score(g Generation) (score float64, ok bool) {
	switch {
	case t.goal == Success:
		return unit(g.OK), true
	case t.goal == Satisfaction:
		return 0, false
	case !g.OK || g.Images == 0:
		return math.Inf(-1), true
	case t.goal == Latency:
		return -g.Seconds, true
	}
	return -g.Dollars / float64(g.Images), g.Priced
}

// Rate adds a rating of a picture that the arm itself has made.
func (t *Trial) Rate(arm string, good bool) {
	i := t.place(arm)
	if i < 0 {
		return
	}
	t.arms[i].Satisfaction.Add(good)
	if t.goal == Satisfaction {
		t.compare(i, unit(good))
	}
}

func unit(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

func (t *Trial) place(arm string) int {
	return slices.IndexFunc(t.arms, func(a known) bool { return a.Name == arm })
}

// compare adds an arm's score to its duels with all others.
func (t *Trial) compare(arm int, score float64) {
	t.seen++
	for i := range t.duels {
		d := &t.duels[i]
		side := slices.Index(d.arms[:], arm)
		if side < 0 {
			continue
		}
		d.Add(side, score)
		if now, _ := d.Evidence(); now >= t.Needed() && d.over == 0 {
			d.over, d.winner = t.seen, d.Leader()
		}
	}
}

// Needed returns the evidence that wins a duel: 1/α for two arms, k/2α for k arms, since the verdict names only an arm that
// has beaten all others. Of two arms that are alike, each wrongly beats the other with a chance of at most 1/2 needed, and
// an arm that is worse has a smaller chance. Now take the best arm, or one of the best. Any other wrong winner has beaten
// it, which makes k-1 such chances. It is a wrong winner itself only if another arm is as good and has lost to it, which
// makes one more.
func (t *Trial) Needed() float64 {
	const exact = 1e6 // 1-0.95 is not quite 0.05
	return math.Round(exact*float64(len(t.arms))/2/t.alpha) / exact
}
