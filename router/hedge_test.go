package router_test

import (
	"strings"
	"testing"
	"time"

	"switchyard"
	"switchyard/router"
)

func hedged(after, extra string) *router.Route {
	r := &router.Route{}
	r.SetDefaults()
	r.Name, r.Targets, r.Hedge = "fast", []string{"a", "b"}, &router.Hedge{}
	r.Hedge.SetDefaults()
	if after != "" {
		_ = r.Hedge.After.UnmarshalText([]byte(after))
	}
	if extra != "" {
		_ = r.Hedge.MaxExtra.UnmarshalText([]byte(extra))
	}
	return r
}

// TestHedgeAfter: a percentile is that of the route's own generations of the size, and nothing is done before it is known.
func TestHedgeAfter(t *testing.T) {
	var p router.Pace
	small, large := &switchyard.Request{}, &switchyard.Request{Size: switchyard.Size{Width: 4096, Height: 4096}}
	for i := range 19 {
		p.Observe("fast", small, time.Duration(i+1)*time.Second)
	}
	if h := p.Hedging(hedged("", ""), small); h != nil {
		t.Errorf("hedged after %v, of 19 generations", h.After)
	}
	p.Observe("fast", small, 20*time.Second)
	for range 100 {
		p.Observe("fast", large, time.Minute)
		p.Observe("other", small, time.Minute)
	}
	for after, want := range map[string]time.Duration{"": 19 * time.Second, "p50": 10 * time.Second, "1500ms": 1500 * time.Millisecond} {
		if h := p.Hedging(hedged(after, ""), small); h == nil || h.After != want {
			t.Errorf("%q is %+v, want %v", after, h, want)
		}
	}
	for range 256 {
		p.Observe("fast", small, time.Second)
	}
	if h := p.Hedging(hedged("", ""), small); h == nil || h.After != time.Second {
		t.Errorf("what is long ago still counts: %+v", h)
	}
}

// TestHedgeShare: no more requests are hedged than the route allows, whatever happens, and a bad hour cannot spend what a
// good day has saved.
func TestHedgeShare(t *testing.T) {
	var p router.Pace
	route, req, n := hedged("1s", "5%"), &switchyard.Request{}, 0
	for i := range 1000 {
		if p.Hedging(route, req).Take() {
			n++
		}
		if n*20 > i+1 {
			t.Fatalf("%d of %d requests were hedged", n, i+1)
		}
	}
	if n != 50 {
		t.Errorf("%d of 1000 were hedged, want 50", n)
	}
	for range 10_000 {
		p.Hedging(route, req)
	}
	h, burst := p.Hedging(route, req), 0
	for h.Take() {
		burst++
	}
	if burst != 10 {
		t.Errorf("%d at once after a quiet time", burst)
	}
	if p.Hedging(&router.Route{}, req) != nil {
		t.Error("a route without hedge hedges")
	}
}

func TestHedgeFaults(t *testing.T) {
	for text, want := range map[string]string{"p0": "percentile", "p0.95": "percentile", "p100": "percentile", "soon": "span", "px": "percentile"} {
		var a router.HedgeAfter
		if err := a.UnmarshalText([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("after: %s: %v", text, err)
		}
	}
	for _, text := range []string{"101%", "-1%", "x", "2"} {
		var s router.Share
		if err := s.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("max_extra: %s is %v", text, s)
		}
	}
	for want, change := range map[string]func(*router.Route){
		"hedge.after: must be positive":     func(r *router.Route) { r.Hedge.After = router.HedgeAfter{} },
		"hedge.max_extra: must be more":     func(r *router.Route) { r.Hedge.MaxExtra = 0 },
		"hedge: pays twice now and then, w": func(r *router.Route) { r.PayTwice = "never" },
	} {
		r := hedged("", "")
		change(r)
		if err := r.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	if err := hedged("", "").Validate(); err != nil {
		t.Error(err)
	}
}
