package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// scenario is one kind of load.
type scenario struct {
	group string // S1 to S4
	name  string
	call  call
	rate  int // requests a second; 0 for a closed loop
	many  int // callers of a closed loop
	total int // requests of a turn

	plain     bool // whether the baselines can do it, too
	yardstick bool // whether the figures that follow are compared with the bare proxy's CPU per MB here, under load of the same kind
	direct    bool // whether the upstream itself is asked, for the added latency
	refused   bool // whether the first target reads each request to its end and then refuses it

	bars []bar
}

func (s scenario) title() string {
	if s.many > 0 {
		return fmt.Sprintf("%s %s, %d callers", s.group, s.name, s.many)
	}
	return s.group + " " + s.name
}

func (s scenario) load(ctx context.Context, base string, total int) sample {
	if s.rate > 0 {
		return openLoop(ctx, base, s.call, s.rate, total)
	}
	return closed(ctx, base, s.call, s.many, total)
}

// scenarios returns S1 to S4 in their order.
func scenarios(o options, d disk) []scenario {
	all := append(small(o, d), streams(o))
	for _, callers := range []int{16, 100} {
		all = append(all, pictures(o, callers)...)
	}
	return slices.Concat(all, references(o))
}

const (
	predictPath = "/v1beta/models/imagen-4.0-generate-001:predict"
	contentPath = "/v1beta/models/gemini-3-pro-image:generateContent"
	imagesPath  = "/v1/images/generations"
)

// post makes a request, which a header that the routes look at sends to a target; if target is empty, to the native one.
func post(path, body, target string, least int64) call {
	c := call{method: http.MethodPost, path: path, body: body, least: least}
	if target != "" {
		c.header = http.Header{"X-To": {target}}
	}
	return c
}

// small is S1: what a request costs by itself. The p99 at a fixed rate may include two syncs of the disk, and two slow ones:
// the bar is of a p99, too, and a sync that takes ten times as long holds up all requests that come meanwhile, not one in a
// hundred of them. The bar for two ordinary syncs is printed beside it.
func small(o options, d disk) []scenario {
	one := post(imagesPath, `{"model":"gpt-image-1-mini","prompt":"x"}`, "", 200)
	return []scenario{
		{
			group: "S1", name: "small JSON, passed through", many: 32, total: o.times(40_000), plain: true,
			call: call{method: http.MethodGet, path: "/v1/models", least: 1000},
			bars: []bar{{what: "CPU a request", measure: perRequest, kind: ratio, most: 1.5}},
		},
		{
			group: "S1", name: "small generation", many: 32, total: o.times(20_000), plain: true, call: one,
			bars: []bar{{what: "CPU a request", measure: perRequest, kind: ratio, most: 3}},
		},
		{
			group: "S1", name: "small generation, 1000/s", rate: 1000, total: o.times(10_000), plain: true, direct: true, call: one,
			bars: []bar{{what: "p99 over the upstream's own, ms", measure: p99, kind: beyond, of: direct, most: 1 + 2*ms(d.p99), strict: 1 + 2*ms(d.median)}},
		},
	}
}

// streams is S2: what goes through at once, and in pieces. The lag of the events alone cannot show that none is held back,
// for it grows wherever two cores have 100,000 events a second; so it is compared with the bare proxy's. A proxy that
// gathers events before it sends them would hold an event back for tens of milliseconds.
func streams(o options) scenario {
	c := post("/v1/chat/completions", `{"stream":true,"pad":"`+strings.Repeat("x", 100)+`"}`, "", 1000)
	c.events = eventsEach
	return scenario{
		group: "S2", name: "events, 100 streams", many: 100, total: o.times(4000), plain: true, call: c,
		bars: []bar{
			{what: "CPU a stream", measure: perRequest, kind: ratio, most: 1.3},
			{what: "first byte", measure: firstByte, kind: ratio, most: 1.2},
			{what: "p99 of the events' lag over the bare proxy's, ms", measure: lag99, kind: beyond, of: bare, most: 5},
		},
	}
}
