package sqlstore

import (
	"slices"
	"time"

	"switchyard"
	"switchyard/ledger"
)

// fact is one row that a report is made of: see tried and asked.
type fact struct {
	group    string
	id       string // of the generation, which may have several rows; empty in a report of attempts
	first    int    // 1 if its generation counts with this row in the group, else 0
	attempts int
	outcome  switchyard.Outcome // empty while it runs
	latency  int64
	images   int
	cost     switchyard.Money // 0 if nobody knows
	charge   string           // a switchyard.Charge, or "unknown" if it may have cost what nobody knows
}

// tally adds facts up by group. The zero value has none.
type tally struct {
	groups map[string]*group
	id     string // of the facts that came last
	in     *group
	priced bool             // none of them cost what nobody knows
	cost   switchyard.Money // what they cost so far
	images int
}

// group is a line of the report, as far as it has been added up.
type group struct {
	ledger.Line
	latencies latencies
}

// add adds a fact. Those of one id must come one after the other, and differ only in what they say of the attempt.
func (t *tally) add(f *fact) {
	if f.id == "" || f.id != t.id {
		t.begin(f)
	}
	l := &t.in.Line
	l.Attempts += f.attempts
	l.Cost += f.cost
	t.cost += f.cost
	switch f.charge {
	case string(switchyard.ChargePossible):
		l.Possible += f.cost
	case string(switchyard.BasisUnknown):
		l.Unknown++
		t.priced = false
	}
}

// begin adds the first fact of a generation, or an attempt's only one.
func (t *tally) begin(f *fact) {
	t.price()
	g := t.groups[f.group]
	if g == nil {
		if t.groups == nil {
			t.groups = map[string]*group{}
		}
		g = &group{Line: ledger.Line{Group: f.group}}
		t.groups[f.group] = g
	}
	t.id, t.in, t.priced, t.cost, t.images = f.id, g, true, 0, f.images
	g.Generations += f.first
	g.Images += f.images
	switch {
	case f.outcome == "":
		return
	case f.outcome == switchyard.OK:
		g.OK++
		g.Busy += time.Duration(f.latency)
		g.latencies.add(f.latency)
	case slices.Contains(neithers, f.outcome):
		g.Neither++
	}
	g.Count++
}

var neithers = switchyard.Neither()

// price ends the generation or attempt that came last: if its whole price is known, it counts among those that are.
func (t *tally) price() {
	if t.in != nil && t.priced {
		t.in.Priced += t.cost
		t.in.PricedFor += t.images
	}
}

// lines returns those of all groups, in any order. Nothing may be added afterwards.
func (t *tally) lines() []ledger.Line {
	t.price()
	var list []ledger.Line
	for _, g := range t.groups {
		g.P95 = time.Duration(g.latencies.p95())
		list = append(list, g.Line)
	}
	return list
}

// latencies are any number of latencies. They lie in blocks: to grow one piece of memory takes as much memory again, and more.
type latencies struct {
	blocks   [][]int64
	n        int
	min, max int64
}

const block = 4096

func (l *latencies) add(v int64) {
	if l.n%block == 0 {
		if l.n == 0 {
			l.blocks, l.min, l.max = [][]int64{nil}, v, v // most groups are small
		} else {
			l.blocks = append(l.blocks, make([]int64, 0, block))
		}
	}
	last := &l.blocks[len(l.blocks)-1]
	*last = append(*last, v)
	l.n++
	l.min, l.max = min(l.min, v), max(l.max, v)
}

// p95 returns the smallest latency that 95 of 100 do not exceed; 0 without any. It halves the range of values until one is
// left: to sort takes longer.
func (l *latencies) p95() int64 {
	rank := (19*l.n + 19) / 20
	low, high := l.min, l.max
	for low < high {
		middle := low + (high-low)/2
		if l.upTo(middle) >= rank {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return low
}

// upTo returns how many do not exceed v.
func (l *latencies) upTo(v int64) (n int) {
	for _, b := range l.blocks {
		for _, x := range b {
			if x <= v {
				n++
			}
		}
	}
	return n
}
