package backtest

import (
	"math/rand/v2"
	"slices"
	"time"

	"switchyard"
)

// drawer makes up what would have happened: it draws what each target did at other times.
type drawer struct {
	history *history
	config  *Config
	dice    *rand.Rand
	again   map[*sample][]int // :: the first sample of a list → which of the list's samples this round has, drawn with replacement
}

// round begins a new round.
func (d *drawer) round(n int) {
	d.dice = rand.New(rand.NewPCG(d.config.Seed, uint64(n)))
	d.again = map[*sample][]int{}
}

// sample draws one of a list, from those that the round has.
func (d *drawer) sample(list []sample) *sample {
	picked := d.again[&list[0]]
	if picked == nil {
		picked = make([]int, len(list))
		for i := range picked {
			picked[i] = d.dice.IntN(len(list))
		}
		d.again[&list[0]] = picked
	}
	return &list[picked[d.dice.IntN(len(picked))]]
}

// try makes up one generation: its targets are asked one after the other, as the route has it.
func (d *drawer) try(t *trial) (o outcome) {
	for i := range t.steps {
		s := &t.steps[i]
		list := d.history.of(s.target, t.class)
		if len(list) == 0 {
			o.untried = true
			o.add(s.cost)
			return o
		}
		drawn := d.sample(list)
		o.latency += drawn.latency
		if drawn.outcome == switchyard.OK {
			o.ok = true
			o.add(drawn.charge(s.cost))
			return o
		}
		o.add(drawn.cost)
		if !slices.Contains(t.params.FallbackOn, drawn.outcome) || t.params.PayOnce() && drawn.cost.Charge != switchyard.ChargeNone {
			return o
		}
	}
	return o
}

// charge returns what a successful attempt costs: by the new prices, unless the provider itself reports what it
// charges.
func (s *sample) charge(estimate switchyard.Cost) switchyard.Cost {
	if s.cost.Basis == switchyard.BasisReported || estimate.Basis == switchyard.BasisUnknown {
		return s.cost
	}
	return estimate
}

func (o *outcome) add(c switchyard.Cost) {
	switch {
	case c.Charge == switchyard.ChargeNone:
	case c.Basis == switchyard.BasisUnknown:
		o.unknown = true
	default:
		o.cost += c.Amount
	}
}

// tally is what a number of generations came to.
type tally struct {
	n, ok, unknown, untried int
	cost                    switchyard.Money
	took                    []time.Duration // latencies of those that went well
}

func (t *tally) count(o outcome) {
	t.n++
	t.cost += o.cost
	if o.unknown {
		t.unknown++
	}
	if o.untried {
		t.untried++
		return
	}
	if o.ok {
		t.ok++
		t.took = append(t.took, o.latency)
	}
}

// success returns the share that went well, of those whose outcome could be drawn; nil if there are none.
func (t *tally) success() *float64 {
	if t.n == t.untried {
		return nil
	}
	share := float64(t.ok) / float64(t.n-t.untried)
	return &share
}

// seconds returns the latency that a share q of those that went well did not exceed; nil if none went well.
func (t *tally) seconds(q float64) *float64 {
	if len(t.took) == 0 {
		return nil
	}
	slices.Sort(t.took)
	s := t.took[min(int(q*float64(len(t.took))), len(t.took)-1)].Seconds()
	return &s
}
