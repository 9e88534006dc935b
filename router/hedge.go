package router

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"switchyard"
)

// Hedge is "hedge:" of a route: when a second target races the first one. Both may have to be paid.
type Hedge struct {
	After    HedgeAfter `yaml:"after"`
	MaxExtra Share      `yaml:"max_extra"` // of the route's requests that may have a second target asked
}

// HedgeAfter is how long the first target may take before a second is asked: a span of time such as 8s, or a percentile
// of what the route's generations have lately taken, such as p95.
type HedgeAfter struct {
	Fixed      time.Duration // 0 if Percentile is meant
	Percentile float64       // 0 to 1; 0 if Fixed is meant
}

// Share is a part of a whole, 0 to 1, written 5% or 0.05.
type Share float64

// SetDefaults sets what a hedge has that does not say otherwise.
func (h *Hedge) SetDefaults() { *h = Hedge{After: HedgeAfter{Percentile: 0.95}, MaxExtra: 0.05} }

// Validate names every fault by its path from "hedge" on.
func (h *Hedge) Validate() error {
	var errs []error
	if h.After.Fixed < 0 || h.After == (HedgeAfter{}) {
		errs = append(errs, fmt.Errorf("after: must be positive, got %v", h.After.Fixed))
	}
	if h.MaxExtra == 0 {
		errs = append(errs, errors.New("max_extra: must be more than 0%: leave hedge out instead"))
	}
	return errors.Join(errs...)
}

// UnmarshalText reads "8s" or "p95".
func (a *HedgeAfter) UnmarshalText(b []byte) error {
	s := string(b)
	if digits, ok := strings.CutPrefix(s, "p"); ok {
		n, err := strconv.ParseFloat(digits, 64)
		if err != nil || !(n >= 1 && n < 100) { // p0.95 is a slip for p95: it would hedge nearly all requests
			return fmt.Errorf("want a percentile such as p95, got %q", s)
		}
		*a = HedgeAfter{Percentile: n / 100}
		return nil
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return fmt.Errorf("want a span such as 8s, or a percentile such as p95, got %q", s)
	}
	*a = HedgeAfter{Fixed: d}
	return nil
}

// UnmarshalText reads "5%" or "0.05".
func (s *Share) UnmarshalText(b []byte) error {
	text, percent := strings.CutSuffix(string(b), "%")
	n, err := strconv.ParseFloat(text, 64)
	if percent {
		n /= 100
	}
	if err != nil || !(n >= 0 && n <= 1) {
		return fmt.Errorf("want a share such as 5%%, got %q", b)
	}
	*s = Share(n)
	return nil
}

// Pace is how long the generations of routes have lately taken, and how often a second target was asked. It outlives
// reloads. The zero value is ready; safe for concurrent use.
type Pace struct {
	mu      sync.Mutex // guards the rest
	taken   map[sized]*ring
	credits map[string]float64 // :: route → requests that may yet be hedged
}

// How many durations a percentile is read from, and how few are not enough; and how many hedges a quiet time may save
// up for a bad one.
const (
	paceWindow = 256
	paceLeast  = 20
	mostCredit = 10
)

// ring holds the latest durations.
type ring struct {
	took [paceWindow]time.Duration
	n    int // how many there ever were
}

// Observe remembers how long a generation of a route took that went well, from the moment its first target was asked.
func (p *Pace) Observe(route string, req *switchyard.Request, took time.Duration) {
	key := sized{route, SizeClass(req)}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken == nil {
		p.taken = map[sized]*ring{}
	}
	r := p.taken[key]
	if r == nil {
		r = &ring{}
		p.taken[key] = r
	}
	r.took[r.n%paceWindow] = took
	r.n++
}

// Hedging says what one request may do about a first target that takes long. If it is nil, the request may not be
// hedged.
type Hedging struct {
	After time.Duration // how long to wait for the first target
	pace  *Pace
	route string
}

// Take asks whether the request may be sent to a second target: it is false if the route has had too many hedges. A
// true one is counted.
func (h *Hedging) Take() bool { return h.pace.spend(h.route) }

// Return takes back what Take has counted, since the request was sent to no second target after all.
func (h *Hedging) Return() { h.pace.earn(h.route, 1) }

// Hedging must be called for each request as it begins, which earns the route its share of a hedge. It is nil if the
// route has no hedges, or if too little is known of how long it takes.
func (p *Pace) Hedging(route *Route, req *switchyard.Request) *Hedging {
	if route.Hedge == nil {
		return nil
	}
	p.earn(route.Name, route.Hedge.MaxExtra)
	after := route.Hedge.After.Fixed
	if q := route.Hedge.After.Percentile; q > 0 {
		p.mu.Lock()
		defer p.mu.Unlock()
		r := p.taken[sized{route.Name, SizeClass(req)}]
		if r == nil || r.n < paceLeast {
			return nil
		}
		after = r.percentile(q)
	}
	return &Hedging{After: after, pace: p, route: route.Name}
}

func (p *Pace) earn(route string, share Share) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.credits == nil {
		p.credits = map[string]float64{}
	}
	p.credits[route] = min(p.credits[route]+float64(share), mostCredit)
}

func (p *Pace) spend(route string) bool {
	const rounding = 1e-9 // twenty shares of 5 % are a whole
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.credits[route] < 1-rounding {
		return false
	}
	p.credits[route]--
	return true
}

// percentile returns the least duration that a share q did not exceed.
func (r *ring) percentile(q float64) time.Duration {
	sorted := r.took
	have := sorted[:min(r.n, paceWindow)]
	slices.Sort(have)
	return have[max(int(math.Ceil(q*float64(len(have))))-1, 0)]
}
