package router

import (
	"cmp"
	"slices"

	"switchyard/rule"
)

// index finds the routes that may match, so that not all need be tried. A route whose rule needs a fact to have one of
// some values is listed under these values; every other route is always tried. A route that is not found would neither
// have matched nor erred: see rule.Rule.Needs.
type index struct {
	always []column          // looked at in each decision
	named  []column          // for headers, parameters and labels, which matter only to a request that has them
	at     map[rule.Fact]int // :: fact → its place in named
	rest   []int             // routes that are in no column, in order; the very last route is one of them
}

// column is the routes that are listed by the values of one fact.
type column struct {
	fact   rule.Fact
	routes map[string][]int // :: value → numbers of routes, in order
}

func newIndex(routes []compiled) index {
	x := index{at: map[rule.Fact]int{}}
	columns := map[rule.Fact]column{}
	listed := popularity(routes)
	for n := range routes {
		best, ok := listed.best(&routes[n])
		if !ok {
			x.rest = append(x.rest, n)
		}
		for _, e := range best {
			if columns[e.Fact].routes == nil {
				columns[e.Fact] = column{e.Fact, map[string][]int{}}
			}
			columns[e.Fact].add(e.Value, n)
		}
	}
	for fact, c := range columns {
		if c.routes[""] != nil || !fact.Named() {
			x.always = append(x.always, c)
			continue
		}
		x.at[fact] = len(x.named)
		x.named = append(x.named, c)
	}
	return x
}

// add lists a route under a value, once.
func (c column) add(value string, n int) {
	if list := c.routes[value]; len(list) == 0 || list[len(list)-1] != n {
		c.routes[value] = append(list, n)
	}
}

// candidates appends to buf the lists of the routes that may match: each in order, none empty; a route may be in several
// of them. It goes through the names in the rules or those in the request, whichever are fewer.
func (x *index) candidates(buf [][]int, f *rule.Facts) [][]int {
	look := func(c *column, text string) {
		if list := c.routes[text]; list != nil {
			buf = append(buf, list)
		}
	}
	for i := range x.always {
		look(&x.always[i], x.always[i].fact.Text(f))
	}
	if len(x.named) <= f.Names() {
		for i := range x.named {
			look(&x.named[i], x.named[i].fact.Text(f))
		}
	} else {
		for fact, text := range f.Named {
			if i, ok := x.at[fact]; ok {
				look(&x.named[i], text)
			}
		}
	}
	return append(buf, x.rest)
}

// first removes the lowest number from the lists it is in, and returns it. There must be one.
func first(lists [][]int) int {
	lowest := -1
	for _, l := range lists {
		if len(l) > 0 && (lowest < 0 || l[0] < lowest) {
			lowest = l[0]
		}
	}
	for i, l := range lists {
		if len(l) > 0 && l[0] == lowest {
			lists[i] = l[1:]
		}
	}
	return lowest
}

// popular counts how many rules need a fact, and a value of it.
type popular struct {
	values map[rule.Equal]int // :: equality → how many times it is needed
	facts  map[rule.Fact]int  // :: fact → how many values it has among those
}

func popularity(routes []compiled) popular {
	p := popular{map[rule.Equal]int{}, map[rule.Fact]int{}}
	for i := range routes {
		for _, need := range routes[i].needs() {
			for _, e := range need {
				if p.values[e]++; p.values[e] == 1 {
					p.facts[e.Fact]++
				}
			}
		}
	}
	return p
}

// best returns the need that the fewest routes share, so that a request finds few candidates: the model rather than the
// tier. Among equals it takes the fact with the most values, so that there are few facts to look up.
func (p popular) best(c *compiled) (rule.AnyOf, bool) {
	needs := c.needs()
	if len(needs) == 0 {
		return nil, false
	}
	return slices.MinFunc(needs, func(a, b rule.AnyOf) int {
		return cmp.Or(cmp.Compare(p.sharers(a), p.sharers(b)), cmp.Compare(p.spread(b), p.spread(a)))
	}), true
}

func (p popular) sharers(need rule.AnyOf) (n int) {
	for _, e := range need {
		n += p.values[e]
	}
	return n
}

// spread returns the number of values of a need's fact; if it has several facts, the smallest.
func (p popular) spread(need rule.AnyOf) int {
	n := p.facts[need[0].Fact]
	for _, e := range need[1:] {
		n = min(n, p.facts[e.Fact])
	}
	return n
}

// needs are those of the route's rule.
func (c *compiled) needs() []rule.AnyOf {
	if c.when == nil {
		return nil
	}
	return c.when.Needs()
}
