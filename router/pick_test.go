package router_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"switchyard"
	"switchyard/dialect"
	"switchyard/router"
	"switchyard/rule"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// threeTargets differ in price, quality and name; only the last has none of the two.
func threeTargets() map[string]*switchyard.Target {
	dear := switchyard.Money(4 * switchyard.Dollar / 100)
	cheap := switchyard.Money(1 * switchyard.Dollar / 100)
	target := func(name string, price *switchyard.Price, quality int) *switchyard.Target {
		return &switchyard.Target{
			Name: name, Provider: name, Dialect: "openai", Model: name, Key: switchyard.NewSecret("k"), Price: price, Quality: quality,
		}
	}
	return map[string]*switchyard.Target{
		"dear":  target("dear", &switchyard.Price{Image: dear}, 90),
		"cheap": target("cheap", &switchyard.Price{Image: cheap}, 70),
		"plain": target("plain", nil, 0),
	}
}

// planOf is the order of the targets, and who was passed over.
func planOf(t *testing.T, cfg router.Config, change func(*router.Route), now time.Time) (order, passed string) {
	t.Helper()
	var route router.Route
	route.SetDefaults()
	route.Name, route.Targets = "all", []string{"plain", "dear", "cheap"}
	change(&route)
	if err := route.Validate(); err != nil {
		t.Fatal(err)
	}
	cfg.Targets, cfg.Routes = threeTargets(), []router.Route{route}
	r, err := router.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	plan := r.Plan(&rule.Facts{Request: &switchyard.Request{Dialect: "gemini", Model: "m", Images: 1}}, false, now)
	var names, over []string
	for _, c := range plan.Candidates {
		names = append(names, c.Target.Name)
	}
	for _, p := range plan.Passed {
		over = append(over, p.Target+": "+p.Reason)
	}
	return strings.Join(names, " "), strings.Join(over, "; ")
}

func TestPicks(t *testing.T) {
	req := &switchyard.Request{}
	stats := &router.Statistics{}
	for range 3 {
		stats.Observe("dear", req, time.Second, noon)
		stats.Observe("cheap", req, 5*time.Second, noon)
		stats.Observe("plain", req, 3*time.Second, noon)
	}
	busy := func(target *switchyard.Target) int { return map[string]int{"dear": 3, "plain": 1}[target.Name] }
	for _, c := range []struct {
		pick string
		cfg  router.Config
		want string
	}{
		{"order", router.Config{}, "plain dear cheap"},
		{"cost", router.Config{}, "cheap dear plain"}, // without a price is last
		{"quality", router.Config{}, "dear cheap plain"},
		{"latency", router.Config{Statistics: stats}, "dear plain cheap"},
		{"latency", router.Config{}, "plain dear cheap"},                           // nothing is known
		{"load", router.Config{Load: busy}, "cheap plain dear"},                    // fewest first
		{"load", router.Config{Load: busy, Statistics: stats}, "dear cheap plain"}, // 4 s, 5 s, 6 s
	} {
		if got, _ := planOf(t, c.cfg, func(r *router.Route) { r.Pick = c.pick }, noon); got != c.want {
			t.Errorf("%s: %s, want %s", c.pick, got, c.want)
		}
	}
}

// TestLatencyFollowsAndForgives: a target that becomes slow is left within a few requests, and asked again some time later.
func TestLatencyFollowsAndForgives(t *testing.T) {
	stats, req := &router.Statistics{}, &switchyard.Request{}
	first := func(now time.Time) string {
		order, _ := planOf(t, router.Config{Statistics: stats}, func(r *router.Route) { r.Pick, r.Targets = "latency", []string{"dear", "cheap"} }, now)
		name, _, _ := strings.Cut(order, " ")
		return name
	}
	now := noon
	for range 20 {
		stats.Observe("dear", req, 300*time.Millisecond, now)
		stats.Observe("cheap", req, time.Second, now)
	}
	asked := 0
	for first(now) == "dear" {
		stats.Observe("dear", req, 5*time.Second, now)
		if asked++; asked > 20 {
			t.Fatal("it is still asked after 20 slow ones")
		}
	}
	now = now.Add(10 * time.Second)
	stats.Observe("cheap", req, time.Second, now)
	if got := first(now); got != "cheap" {
		t.Errorf("%s is asked while the other is known to be slow", got)
	}
	now = now.Add(6 * time.Second)
	stats.Observe("cheap", req, time.Second, now)
	if got := first(now); got != "dear" {
		t.Errorf("%s is asked though the other may have healed", got)
	}
}

// TestLatencyIsThatOfTheLatest: neither the order in which they came nor those long ago count.
func TestLatencyIsThatOfTheLatest(t *testing.T) {
	stats, req := &router.Statistics{}, &switchyard.Request{}
	for n := 20; n > 0; n-- {
		stats.Observe("a", req, time.Duration(n)*time.Second, noon)
	}
	if median, p95, known := stats.Latency("a", req, noon); !known || median != 9*time.Second || p95 != 16*time.Second {
		t.Errorf("of 16 s to 1 s the median is %v, the 95th percentile %v", median, p95)
	}
}

// TestSizesAreApart: a large picture's time says nothing of a small one's.
func TestSizesAreApart(t *testing.T) {
	stats := &router.Statistics{}
	large := &switchyard.Request{Size: switchyard.Size{Width: 4096, Height: 4096}}
	stats.Observe("a", large, time.Minute, noon)
	if _, _, known := stats.Latency("a", &switchyard.Request{Size: switchyard.Size{Width: 512, Height: 512}}, noon); known {
		t.Error("known by another size")
	}
	if _, _, known := stats.Latency("a", &switchyard.Request{Resolution: "4K"}, noon); !known {
		t.Error("not known by the class of its size")
	}
	if median, p95, known := stats.Latency("a", large, noon); !known || median != time.Minute || p95 != time.Minute {
		t.Errorf("%v %v %v", median, p95, known)
	}
}

func TestWeights(t *testing.T) {
	first := map[string]int{}
	for range 4000 {
		order, _ := planOf(t, router.Config{}, func(r *router.Route) {
			r.Pick, r.Weights = "weight", map[string]float64{"cheap": 3, "dear": 1}
		}, noon)
		if !strings.HasSuffix(order, " plain") {
			t.Fatalf("without a weight is last: %s", order)
		}
		name, _, _ := strings.Cut(order, " ")
		first[name]++
	}
	if n := first["cheap"]; n < 2850 || n > 3150 { // five standard deviations
		t.Errorf("3 of 4 should be cheap, %d of 4000 were", n)
	}
}

// TestWeightOfNative: whoever the app asked for has its share under the name that the file knows it by.
func TestWeightOfNative(t *testing.T) {
	cfg := router.Config{Tables: map[string]*dialect.Table{"gemini": {}}, Natives: []*switchyard.Target{
		{Name: "native:google", Provider: "google", Dialect: "gemini", Key: switchyard.NewSecret("k"), Native: true},
	}}
	first := map[string]int{}
	for range 4000 {
		order, _ := planOf(t, cfg, func(r *router.Route) {
			r.Targets, r.Pick, r.Weights = []string{"cheap", router.Native}, "weight", map[string]float64{"cheap": 3, router.Native: 1}
		}, noon)
		name, _, _ := strings.Cut(order, " ")
		first[name]++
	}
	if n := first["native:google"]; n < 850 || n > 1150 { // five standard deviations
		t.Errorf("1 of 4 should be native, %d of 4000 were", n)
	}
}

func TestRequire(t *testing.T) {
	stats := &router.Statistics{}
	stats.Observe("cheap", &switchyard.Request{}, 30*time.Second, noon)
	for _, c := range []struct {
		require       router.Require
		order, passed string
	}{
		{router.Require{}, "plain dear cheap", ""},
		{router.Require{MinQuality: 80}, "dear", "plain: its quality is 0, the route wants 80; cheap: its quality is 70, the route wants 80"},
		{router.Require{MinQuality: 70}, "dear cheap", "plain: its quality is 0, the route wants 70"},
		{router.Require{MaxCost: switchyard.Dollar / 25}, "dear cheap", "plain: its price is not known, and the route has a max_cost"},
		{router.Require{MaxCost: switchyard.Dollar / 50}, "cheap", "plain: its price is not known, and the route has a max_cost; dear: it costs $0.04, the route allows $0.02"},
		{router.Require{MaxLatency: 20 * time.Second}, "plain dear", "cheap: its 95th percentile is 30s, the route allows 20s"},
		{router.Require{Capabilities: []string{"mask"}}, "", "plain: it is not known to do mask; dear: it is not known to do mask; cheap: it is not known to do mask"},
	} {
		order, passed := planOf(t, router.Config{Statistics: stats}, func(r *router.Route) { r.Require = c.require }, noon)
		if order != c.order || passed != c.passed {
			t.Errorf("%+v: %q, passed %q", c.require, order, passed)
		}
	}
}

func TestRoutesRefuse(t *testing.T) {
	for want, change := range map[string]func(*router.Route){
		`pick: want one of`:        func(r *router.Route) { r.Pick = "best" },
		`weights: pick: weight`:    func(r *router.Route) { r.Pick = "weight" },
		`weights: mean nothing`:    func(r *router.Route) { r.Weights = map[string]float64{"native": 1} },
		`weights.x: the route has`: func(r *router.Route) { r.Pick, r.Weights = "weight", map[string]float64{"x": 1} },
		`weights.native: must not`: func(r *router.Route) { r.Pick, r.Weights = "weight", map[string]float64{"native": -1} },
		`weights["a.b"]: must not`: func(r *router.Route) { r.Pick, r.Weights = "weight", map[string]float64{"a.b": -1} },
		`weights["a.b"]: the rout`: func(r *router.Route) { r.Pick, r.Weights = "weight", map[string]float64{"a.b": 1} },
		`infinite, got NaN`:        func(r *router.Route) { r.Pick, r.Weights = "weight", map[string]float64{"native": math.NaN()} },
		`infinite, got +Inf`:       func(r *router.Route) { r.Pick, r.Weights = "weight", map[string]float64{"native": math.Inf(1)} },
		`fallback_on[0]: want one`: func(r *router.Route) { r.FallbackOn = []switchyard.Outcome{"bad_luck"} },
		`pay_twice: want one of`:   func(r *router.Route) { r.PayTwice = "always" },
		`when_all_open: want one`:  func(r *router.Route) { r.WhenAllOpen = "wait" },
		`fidelity: want one of`:    func(r *router.Route) { r.Fidelity = "exact" },
		`rejoin: want one of`:      func(r *router.Route) { r.Rejoin = "yes" },
		`require.max_latency: `:    func(r *router.Route) { r.Require.MaxLatency = -1 },
		`require.capabilities[0]:`: func(r *router.Route) { r.Require.Capabilities = []string{"fly"} },
	} {
		var r router.Route
		r.SetDefaults()
		r.Name = "x"
		change(&r)
		if err := r.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// TestRouteByEstimate: a rule may go by what a request would cost at each target that has a price, whatever the other rules go by.
func TestRouteByEstimate(t *testing.T) {
	var routes []router.Route
	for _, r := range [][2]string{{"large", `estimate_usd["dear"] > 0.1 && !("plain" in estimate_usd)`}, {"rest", "true"}} {
		var route router.Route
		route.SetDefaults()
		route.Name, route.When = r[0], r[1]
		routes = append(routes, route)
	}
	r, err := router.New(router.Config{Targets: threeTargets(), Routes: routes})
	if err != nil {
		t.Fatal(err)
	}
	for images, want := range map[int]string{2: "rest", 3: "large"} {
		m := r.Match(&rule.Facts{Request: &switchyard.Request{Dialect: "gemini", Model: "m", Images: images}})
		if m.Route.Name != want || m.Errs != nil {
			t.Errorf("%d images take the route %s: %v", images, m.Route.Name, m.Errs)
		}
	}
}

// TestRoutesThatDoNotFit: what is wrong with routes beside each other, and with the names in them.
func TestRoutesThatDoNotFit(t *testing.T) {
	var route router.Route
	route.SetDefaults()
	route.Name, route.Targets, route.Experiment, route.Fallback = "all", []string{"chaep"}, "x", []string{"native", "deer"}
	_, err := router.New(router.Config{Targets: threeTargets(), Routes: []router.Route{route, route}})
	for _, want := range []string{
		`routes[0].targets[0]: no target "chaep"`, `routes[0].fallback[1]: no target "deer"`, `routes[0].experiment: no experiment "x"`,
		`routes[1].name: "all" stands twice`,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// TestEstimateOfWhatIsSent: the words of a request and its reference images are paid for beside the pictures, and in each call
// that it takes.
func TestEstimateOfWhatIsSent(t *testing.T) {
	price := &switchyard.Price{
		Image: switchyard.Dollar / 10, Reference: switchyard.Dollar / 1000,
		Tokens: &switchyard.TokenPrice{TextIn: 2 * switchyard.Dollar},
	}
	target := &switchyard.Target{
		Name: "t", Provider: "t", Dialect: "gemini", Model: "m", Price: price,
		Row: &switchyard.Model{ID: "m", Can: switchyard.Abilities{Images: 1, References: 3}},
	}
	for images, want := range map[int]string{1: "0.103", 4: "0.412"} {
		req := &switchyard.Request{
			Dialect: "openai", Model: "x", Images: images, Prompt: strings.Repeat("word", 500), // 500 tokens are $0.001
			References: make([]switchyard.Reference, 2),
		}
		fitted, err := router.Fit(req, nil, target)
		if err != nil {
			t.Fatal(err)
		}
		c := router.Candidate{Target: target, Fitted: fitted}
		if got := c.Estimate(fitted.Request).Amount.String(); got != want {
			t.Errorf("%d images are estimated at %s, want %s", images, got, want)
		}
		part := fitted.Request.Clone()
		part.Images = 1
		if got := c.Estimate(part).Amount.String(); got != "0.103" {
			t.Errorf("one of %d calls is estimated at %s", images, got)
		}
	}
}

// TestTwinOfAStoppedTarget: who repeats an earlier target is left out, unless that one is stopped by hand: it is not asked.
func TestTwinOfAStoppedTarget(t *testing.T) {
	twin := func(name string) *switchyard.Target {
		return &switchyard.Target{Name: name, Provider: "p", Dialect: "openai", Model: "m", Key: switchyard.NewSecret("k")}
	}
	var route router.Route
	route.SetDefaults()
	route.Name, route.Targets = "all", []string{"a", "b"}
	for _, stopped := range []bool{false, true} {
		r, err := router.New(router.Config{
			Routes: []router.Route{route}, Targets: map[string]*switchyard.Target{"a": twin("a"), "b": twin("b")},
			Stopped: func(t *switchyard.Target) bool { return stopped && t.Name == "a" },
		})
		if err != nil {
			t.Fatal(err)
		}
		plan := r.Plan(&rule.Facts{Request: &switchyard.Request{Dialect: "gemini", Model: "x", Images: 1}}, false, noon)
		last := plan.Candidates[len(plan.Candidates)-1].Target.Name
		if want := map[bool]string{false: "a", true: "b"}[stopped]; last != want || len(plan.Candidates) > 2 {
			t.Errorf("a stopped: %v, and the last to be asked is %s of %d, want %s", stopped, last, len(plan.Candidates), want)
		}
	}
}

// TestPriceOfNative: a provider's own price is for models that the tables do not price.
func TestPriceOfNative(t *testing.T) {
	table := dialect.NewTable([]*switchyard.Model{{ID: "dear", Price: &switchyard.Price{Image: 24 * switchyard.Dollar / 100}}, {ID: "unpriced"}})
	cfg := router.Config{Tables: map[string]*dialect.Table{"gemini": table}, Natives: []*switchyard.Target{{
		Name: "native:google", Provider: "google", Dialect: "gemini", Key: switchyard.NewSecret("k"), Native: true, Price: &switchyard.Price{Image: switchyard.Dollar / 25},
	}}}
	r, err := router.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for model, want := range map[string]string{"dear": "0.24", "unpriced": "0.04", "unheard-of": "0.04"} {
		plan := r.Plan(&rule.Facts{Request: &switchyard.Request{Dialect: "gemini", Model: model, Images: 1}}, false, noon)
		if got := plan.Candidates[0].Estimate(plan.Candidates[0].Request).Amount.String(); got != want {
			t.Errorf("%s is estimated at %s, want %s", model, got, want)
		}
	}
}
