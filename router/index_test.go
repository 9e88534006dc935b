package router_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"switchyard"
	"switchyard/rule"
)

// dice throw rules and requests that often have to do with each other. The same seed throws the same ones.
type dice struct{ *rand.Rand }

func (d dice) of(choices ...string) string { return choices[d.IntN(len(choices))] }
func (d dice) value() string               { return d.of("", "a", "b", "c", "d") }

// rule is an expression of at most that many levels.
func (d dice) rule(depth int) string {
	if depth > 0 {
		switch d.IntN(8) {
		case 0, 1, 2:
			return d.rule(depth-1) + " && " + d.rule(depth-1)
		case 3, 4:
			return "(" + d.rule(depth-1) + " || " + d.rule(depth-1) + ")"
		case 5:
			return d.of("!", "request.stream && ", "true ? false : ") + "(" + d.rule(depth-1) + ")"
		}
	}
	if d.IntN(3) == 0 {
		return d.other()
	}
	return d.equality()
}

func (d dice) equality() string {
	fact := d.of("request.model", "request.model", "request.dialect", "key.name", "key.tenant", "key.labels.tier", `key.labels["tier"]`,
		`headers["x-tier"]`, "headers.tier", `headers["TIER"]`, "query.q", "query.r", "headers.more", "key.labels.more", "request.aspect")
	switch d.IntN(6) {
	case 0:
		return fmt.Sprintf("%q == %s", d.value(), fact)
	case 1:
		return fmt.Sprintf("%s in [%q, %q]", fact, d.value(), d.value())
	case 2:
		return fmt.Sprintf("%s != %q", fact, d.value())
	}
	return fmt.Sprintf("%s == %q", fact, d.value())
}

// other is what no index knows, and may err.
func (d dice) other() string {
	return d.of("true", "false", "request.images <= 1", "request.images > 2", `request.model.startsWith("a")`, "has(headers.tier)",
		`headers.exists(h, h == "tier")`, "1 / request.images == 1", `estimate_usd["t"] < 1.0`, "request.model == key.name",
		`request.model.matches(headers["x-tier"] + "[")`, "request.stream")
}

func (d dice) facts() *rule.Facts {
	f := &rule.Facts{Request: &switchyard.Request{
		Dialect: d.value(), Model: d.value(), Images: d.IntN(4), Stream: d.IntN(2) == 0,
	}, Key: rule.Key{Name: d.value(), Tenant: d.value()}}
	f.Headers, f.Query = map[string][]string{"Host": {"h"}}, map[string][]string{}
	if d.IntN(3) == 0 {
		f.Headers["More"], f.Query["r"] = []string{}, []string{d.value()}
	}
	if d.IntN(3) > 0 {
		f.Headers["Tier"], f.Query["q"] = []string{d.value(), "b"}, []string{d.value()}
	}
	if d.IntN(3) > 0 {
		f.Headers["X-Tier"], f.Key.Labels = []string{d.value()}, map[string]string{"tier": d.value()}
	}
	return f
}

// reference is a rule as CEL alone runs it: a choice is neither quick nor in any index.
type reference struct {
	src string
	cel *rule.Rule // nil matches everything
}

// try is what each route in turn says, up to the first that matches: its name, and those of the routes that erred.
func try(t *testing.T, rules []reference, f *rule.Facts) (winner string, erred []string) {
	t.Helper()
	for i, r := range rules {
		if r.cel == nil {
			return fmt.Sprint("r", i), erred
		}
		ok, err := r.cel.Match(f)
		if err != nil {
			erred = append(erred, fmt.Sprint("r", i))
		}
		if ok {
			return fmt.Sprint("r", i), erred
		}
	}
	return "default", erred
}

// compare checks requests against one set of routes, and reports whether all went well.
func compare(t *testing.T, d dice, rules []reference, requests int) bool {
	t.Helper()
	var sources []string
	for _, r := range rules {
		sources = append(sources, r.src)
	}
	r := whens(t, sources...)
	for range requests {
		f := d.facts()
		route, errs := r.Choose(f)
		var erred []string
		for _, err := range errs {
			name, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), `route "`), `"`)
			erred = append(erred, name)
		}
		winner, wantErred := try(t, rules, f)
		if route.Name != winner || !slices.Equal(erred, wantErred) {
			t.Errorf("got %s, errors of %v, want %s, errors of %v; request %+v of %+v\nroutes:\n  %s",
				route.Name, erred, winner, wantErred, f.Request, f, strings.Join(sources, "\n  "))
			return false
		}
	}
	return true
}

// TestIndexFindsWhatTryingFinds compares the index with trying the routes one after another, by CEL alone.
func TestIndexFindsWhatTryingFinds(t *testing.T) {
	d := dice{rand.New(rand.NewPCG(1, 2))}
	pool := []reference{{}}
	for range 400 {
		src := d.rule(3)
		cel, err := rule.Compile("true ? (" + src + ") : false")
		if err != nil {
			t.Fatalf("%s: %v", src, err)
		}
		pool = append(pool, reference{src, cel})
	}
	for _, size := range []struct{ routes, sets, requests int }{{1, 100, 10}, {4, 300, 30}, {12, 200, 40}, {300, 4, 500}} {
		for range size.sets {
			rules := make([]reference, size.routes)
			for i := range rules {
				rules[i] = pool[1+d.IntN(len(pool)-1)]
			}
			if d.IntN(4) == 0 {
				rules[d.IntN(len(rules))] = pool[0]
			}
			if !compare(t, d, rules, size.requests) {
				return
			}
		}
	}
}

func TestARouteIsTriedOnce(t *testing.T) {
	r := whens(t, `(request.model == "a" || key.name == "a") && 1 / request.images == 1`, `key.name in ["a", "a"]`)
	route, errs := r.Choose(&rule.Facts{Request: &switchyard.Request{Model: "a"}, Key: rule.Key{Name: "a"}})
	if route.Name != "r1" || len(errs) != 1 {
		t.Errorf("got %s, %v", route.Name, errs)
	}
}

// allocations is the least of several counts: under the race detector, CEL's pools lose things at random.
func allocations(run func()) float64 {
	least := testing.AllocsPerRun(1, run)
	for range 20 {
		least = min(least, testing.AllocsPerRun(1, run))
	}
	return least
}

func TestADecisionAllocatesLittle(t *testing.T) {
	for _, c := range compared {
		r, f := whens(t, repeated(100, c.format)...), last(100)
		if route, _ := r.Choose(f); route.Name != "r99" {
			t.Errorf("%s: got %s", c.name, route.Name)
		}
		if n := allocations(func() { _, _ = r.Choose(f) }); n > 1 {
			t.Errorf("%s: a match makes %v allocations", c.name, n)
		}
	}
}

// TestAPlanAllocatesLittle: the Plan, its one candidate, and the request as that can be told it.
func TestAPlanAllocatesLittle(t *testing.T) {
	r, f, now := whens(t, repeated(100, `request.model == "v%d"`)...), last(100), time.Now()
	plan := r.Plan(f, false, now)
	if plan.Route.Name != "r99" || len(plan.Candidates) != 1 {
		t.Errorf("got %s, %v", plan.Route.Name, plan.Candidates)
	}
	if n := allocations(func() { _ = r.Plan(f, false, now) }); n > 4 {
		t.Errorf("%v allocations", n)
	}
}
