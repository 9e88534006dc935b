package evidence

// Summary is an arm in figures, each with its interval. Each interval by itself holds at all times together.
type Summary struct {
	Name                  string
	Generations, Served   int
	Ratings               int
	Images, Unpriced      int
	Success, Satisfaction Interval
	Median, P95           Interval // seconds, of generations that succeeded
	Cost                  Interval // dollars per picture
}

// Summaries returns the arms in their order.
func (t *Trial) Summaries() []Summary {
	var list []Summary
	for i := range t.arms {
		a := &t.arms[i]
		list = append(list, Summary{
			Name:         a.Name,
			Generations:  a.Generations,
			Served:       a.Served,
			Ratings:      a.Satisfaction.N,
			Images:       a.Images,
			Unpriced:     a.Unpriced,
			Success:      a.Success.Interval(t.alpha),
			Satisfaction: a.Satisfaction.Interval(t.alpha),
			Median:       a.seconds.Quantile(0.5, t.alpha),
			P95:          a.seconds.Quantile(0.95, t.alpha),
			Cost:         a.Cost.Interval(t.alpha),
		})
	}
	return list
}

// Verdict says whether one arm is better than all others.
type Verdict struct {
	Winner string // empty while there is none
	After  int    // how many observations it took; 0 without a winner
	Seen   int    // how many there have been
	Needed float64
	Duels  []Pair
}

// Pair is a duel in figures.
type Pair struct {
	Arms     [2]string
	Wins     [2]int
	Ties     int
	Evidence float64 // that the two arms are not alike, now
	Highest  float64 // at the highest it ever was: this decides
}

// Verdict names the arm that has won against every other one. Once an arm has won that stays so, with one exception: an
// arm that is cheaper in most pairs and yet dearer on average does not win by its cost.
func (t *Trial) Verdict() Verdict {
	v := Verdict{Seen: t.seen, Needed: t.Needed()}
	wins, last := make([]int, len(t.arms)), make([]int, len(t.arms))
	for i := range t.duels {
		d := &t.duels[i]
		now, highest := d.Evidence()
		v.Duels = append(v.Duels, Pair{
			Arms: [2]string{t.arms[d.arms[0]].Name, t.arms[d.arms[1]].Name},
			Wins: d.Wins, Ties: d.Ties, Evidence: now, Highest: highest,
		})
		if winner, loser := d.arms[d.winner], d.arms[1-d.winner]; d.over > 0 && !t.dearer(winner, loser) {
			wins[winner]++
			last[winner] = max(last[winner], d.over)
		}
	}
	for i, n := range wins {
		if n == len(t.arms)-1 {
			v.Winner, v.After = t.arms[i].Name, last[i]
		}
	}
	return v
}

// dearer reports whether the goal is cost, and arm a is dearer than b on average.
func (t *Trial) dearer(a, b int) bool {
	mean := func(i int) float64 { return t.arms[i].Cost.Interval(t.alpha).Value }
	return t.goal == Cost && mean(a) > mean(b)
}
