package backtest

import (
	"cmp"
	"slices"
	"time"

	"switchyard"
	"switchyard/ledger"
)

// sample is what one target did for one generation, all its parts and retries together.
type sample struct {
	outcome switchyard.Outcome
	began   time.Time
	latency time.Duration
	cost    switchyard.Cost
	images  int
}

// enough is how many samples of a size a target must have; with fewer, samples of all sizes are drawn from.
const enough = 20

// history is what targets did at other times.
type history struct {
	sized map[sized][]sample
	all   map[string][]sample // :: target → of every size
}

// sized is a target and a class of sizes: large pictures take longer everywhere.
type sized struct {
	target string
	class  uint8
}

// of returns the samples to draw from for a target and a size; empty if the target was never asked.
func (h *history) of(target string, class uint8) []sample {
	if s := h.sized[sized{target, class}]; len(s) >= enough {
		return s
	}
	return h.all[target]
}

// chronicler puts attempts together, in the order in which they were made.
type chronicler struct {
	classes map[string]uint8 // :: generation → size class of its request
	under   map[string][]part
}

type part struct {
	target string
	sample
}

// note adds an attempt. An attempt that ended because the app left or the process died is left out: it says nothing about
// the target.
func (c *chronicler) note(r ledger.Row) {
	if r.Outcome == "" || r.Outcome == switchyard.Canceled || r.Outcome == switchyard.Lost {
		return
	}
	if _, ok := c.classes[r.Generation]; !ok {
		return // it passed through, or has no shape
	}
	one := sample{r.Outcome, r.At, r.Latency, r.Cost, r.Images}
	parts := c.under[r.Generation]
	if i := slices.IndexFunc(parts, func(p part) bool { return p.target == r.Target }); i >= 0 {
		parts[i].join(one)
		return
	}
	c.under[r.Generation] = append(parts, part{r.Target, one})
}

// join adds a part of a fan-out, or a retry, to the sample: all together took from the start of the first to the end of the
// last.
func (s *sample) join(o sample) {
	if o.outcome == switchyard.OK {
		s.outcome = switchyard.OK
	}
	ended := s.began.Add(s.latency)
	if end := o.began.Add(o.latency); end.After(ended) {
		ended = end
	}
	if o.began.Before(s.began) {
		s.began = o.began
	}
	s.latency = ended.Sub(s.began)
	s.cost = ledger.Sum(s.cost, o.cost)
	s.images += o.images
}

// history returns what has been noted.
func (c *chronicler) history() *history {
	h := &history{sized: map[sized][]sample{}, all: map[string][]sample{}}
	for generation, parts := range c.under {
		for _, p := range parts {
			key := sized{p.target, c.classes[generation]}
			h.sized[key] = append(h.sized[key], p.sample)
			h.all[p.target] = append(h.all[p.target], p.sample)
		}
	}
	// Maps have no order, but a test needs the same draws each time.
	for _, list := range h.sized {
		sortSamples(list)
	}
	for _, list := range h.all {
		sortSamples(list)
	}
	return h
}

// sortSamples sorts by every field, so that the order does not depend on chance.
func sortSamples(list []sample) {
	slices.SortFunc(list, func(a, b sample) int {
		return cmp.Or(
			cmp.Compare(a.latency, b.latency), cmp.Compare(a.outcome, b.outcome), cmp.Compare(a.images, b.images),
			cmp.Compare(a.cost.Amount, b.cost.Amount), cmp.Compare(a.cost.Basis, b.cost.Basis), cmp.Compare(a.cost.Charge, b.cost.Charge),
		)
	})
}
