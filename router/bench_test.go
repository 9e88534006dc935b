package router_test

import (
	"fmt"
	"testing"
	"time"

	"switchyard"
	"switchyard/router"
	"switchyard/rule"
)

// whens makes a Router of one route for each rule, named r0, r1, … with one usable target.
func whens(t testing.TB, rules ...string) *router.Router {
	t.Helper()
	cfg := router.Config{Targets: map[string]*switchyard.Target{
		"t": {Name: "t", Provider: "p", Dialect: "openai", Key: switchyard.NewSecret("k")},
	}}
	for i, when := range rules {
		var r router.Route
		r.SetDefaults()
		r.Name, r.When, r.Targets = fmt.Sprint("r", i), when, []string{"t"}
		cfg.Routes = append(cfg.Routes, r)
	}
	r, err := router.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// repeated is n rules, each made of format and its number.
func repeated(n int, format string) []string {
	rules := make([]string, n)
	for i := range rules {
		rules[i] = fmt.Sprintf(format, i)
	}
	return rules
}

// last is a request for the last of n rules that compare something with "v" and their number.
func last(n int) *rule.Facts {
	v := fmt.Sprint("v", n-1)
	return &rule.Facts{
		Request: &switchyard.Request{Dialect: "openai", Model: v, Images: 1},
		Headers: map[string][]string{"X-Tier": {v}, "X-V" + v[1:]: {"yes"}},
		Key:     rule.Key{Name: v, Labels: map[string]string{"tier": v}},
	}
}

// compared is what people tell routes apart by.
var compared = []struct{ name, format string }{
	{"Model", `request.model == "v%d"`},
	{"Key", `key.name == "v%d"`},
	{"Label", `key.labels.tier == "v%d"`},
	{"Header", `headers["x-tier"] == "v%d"`},
	{"ManyHeaders", `headers["x-v%d"] == "yes"`},
	{"DialectAndModel", `request.dialect == "openai" && request.model == "v%d"`}, // all share the one
	{"HeaderAndMore", `headers["x-tier"] == "v%d" && request.images <= 4`},
}

func BenchmarkMatch(b *testing.B) {
	for _, c := range compared {
		for _, n := range []int{1, 100, 10_000} {
			b.Run(fmt.Sprintf("%s/%d", c.name, n), func(b *testing.B) {
				r, f := whens(b, repeated(n, c.format)...), last(n)
				b.ReportAllocs()
				for b.Loop() {
					_, _ = r.Choose(f)
				}
			})
		}
	}
}

func BenchmarkPlan(b *testing.B) {
	for _, n := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r, f, now := whens(b, repeated(n, `request.model == "v%d"`)...), last(n), time.Now()
			b.ReportAllocs()
			for b.Loop() {
				_ = r.Plan(f, false, now)
			}
		})
	}
}
