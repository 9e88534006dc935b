package router

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"switchyard"
)

// Ways to pick the order in which a route's targets are tried. Targets that are equal by the pick keep the order in
// which the file names them.
const (
	PickOrder   = "order"   // as the file has it
	PickCost    = "cost"    // the cheapest for this very request first; unknown prices last
	PickLatency = "latency" // the one that has lately been fastest first; one of which nothing is known before that
	PickQuality = "quality" // the one with the highest configured quality first
	PickLoad    = "load"    // the one that will most likely be done first, with what it has to do now
	PickWeight  = "weight"  // by chance, in proportion to the route's weights
)

var picks = []string{PickOrder, PickCost, PickLatency, PickQuality, PickLoad, PickWeight}

// pick puts the candidates in order, and notes the figure of each.
func (d *decision) pick() {
	candidates := d.plan.Candidates
	if d.plan.Route.Pick == PickOrder || len(candidates) < 2 {
		return
	}
	for i := range candidates {
		candidates[i].Rank = d.rank(&candidates[i])
	}
	slices.SortStableFunc(candidates, func(a, b Candidate) int { return cmp.Compare(a.Rank, b.Rank) })
}

// rank returns the figure that a candidate is picked by; the lower the sooner.
func (d *decision) rank(c *Candidate) float64 {
	switch d.plan.Route.Pick {
	case PickCost:
		return d.byCost(c)
	case PickLatency:
		return d.byLatency(c)
	case PickQuality:
		return -float64(c.Target.Quality)
	case PickLoad:
		return d.byLoad(c)
	case PickWeight:
		return d.byChance(c)
	}
	return 0
}

// byCost returns dollars.
func (d *decision) byCost(c *Candidate) float64 {
	cost := c.Estimate(c.Request)
	if cost.Basis == switchyard.BasisUnknown {
		return math.Inf(1)
	}
	return cost.Amount.Dollars()
}

// byLatency returns seconds.
func (d *decision) byLatency(c *Candidate) float64 {
	median, _, _ := d.cfg.Statistics.Latency(c.Target.Name, d.facts.Request, d.now)
	return median.Seconds()
}

// byLoad returns the seconds until all that the target has to do is done, this request included, as if it did one thing
// after another. If nothing is known of how long things take it counts one second for each.
func (d *decision) byLoad(c *Candidate) float64 {
	each := time.Second
	if median, _, known := d.cfg.Statistics.Latency(c.Target.Name, d.facts.Request, d.now); known {
		each = max(median, time.Millisecond)
	}
	ahead := 0
	if d.cfg.Load != nil {
		ahead = d.cfg.Load(c.Target)
	}
	return float64(ahead+1) * each.Seconds()
}

// byChance ranks the targets so that each order is as likely as if one target after another were drawn by the weights
// (Efraimidis and Spirakis, Weighted random sampling with a reservoir, 2006).
func (d *decision) byChance(c *Candidate) float64 {
	name := c.Target.Name
	if c.Target.Native { // routes call it that, whichever provider it stands for
		name = Native
	}
	w := d.plan.Route.Weights[name]
	if w <= 0 {
		return math.Inf(1)
	}
	return -math.Log(1-rand.Float64()) / w
}
