package rule_test

import (
	"math"
	"slices"
	"testing"

	"switchyard/rule"
)

func TestJudge(t *testing.T) {
	r := &rule.Readings{
		Numbers: map[string]float64{"success_rate": 0.75, "cost_usd": 2, "images": 20, "errors": 0, "attempts": 0},
		Subject: "fal",
		Down:    map[string]bool{"google": true, "fal": false},
		Open:    map[string]bool{"flux": true},
		Spent:   map[string]float64{"daily": 0.9},
		WarnAt:  map[string]float64{"daily": 0.8},
	}
	for _, c := range []struct {
		src  string
		want rule.Verdict
	}{
		{`success_rate < 0.90`, rule.Verdict{Holds: true, Known: true, Value: 0.75, About: "success_rate"}},
		{`0.9 > success_rate`, rule.Verdict{Holds: true, Known: true, Value: 0.75, About: "success_rate"}},
		{`cost_usd / images * 23.0 > 2.5`, rule.Verdict{Known: true, Value: 2.3, About: "cost_usd / images * 23.0"}},
		{`images > 5 && success_rate < 1`, rule.Verdict{Holds: true, Known: true, Value: 20, About: "images"}},
		{`down("google")`, rule.Verdict{Holds: true, Known: true, Value: 1}},
		{`down(provider)`, rule.Verdict{Known: true}},
		{`down("nobody")`, rule.Verdict{}},
		{`down("nobody") || down("google")`, rule.Verdict{Holds: true, Known: true, Value: 1}},
		{`down("nobody") && down("fal")`, rule.Verdict{Known: true}},
		{`breaker_open("flux") && !breaker_open("flux")`, rule.Verdict{Known: true}},
		{`spent("daily") >= warn_at("daily")`, rule.Verdict{Holds: true, Known: true, Value: 0.9, About: `spent("daily")`}},
		{`spent("yearly") >= 0.5`, rule.Verdict{About: `spent("yearly")`}},
		{`mean_seconds > 15`, rule.Verdict{About: "mean_seconds"}},
		{`mean_seconds > 15 || success_rate < 0.9`, rule.Verdict{Holds: true, Known: true, About: "mean_seconds"}},
		{`down("google") || success_rate < 0.5`, rule.Verdict{Holds: true, Known: true, Value: 0.75, About: "success_rate"}}, // whatever decides
		{`down("fal") && success_rate < 0.9`, rule.Verdict{Known: true, Value: 0.75, About: "success_rate"}},
		{`down("fal") ? images > 5.0 : success_rate == 0.75`, rule.Verdict{Holds: true, Known: true, Value: 20, About: "images"}},
		{`success_rate == 0.75`, rule.Verdict{Holds: true, Known: true, Value: 0.75, About: "success_rate"}},
		{`errors / attempts > 0.5`, rule.Verdict{Known: true, About: "errors / attempts"}},              // not a number
		{`cost_usd / errors > 1.5`, rule.Verdict{Holds: true, Known: true, About: "cost_usd / errors"}}, // infinite
	} {
		a, err := rule.CompileAlert(c.src, "provider")
		if err != nil {
			t.Errorf("%s: %v", c.src, err)
			continue
		}
		got, err := a.Judge(r)
		if math.Abs(got.Value-c.want.Value) < 1e-9 {
			got.Value = c.want.Value
		}
		if got != c.want || err != nil {
			t.Errorf("%s: got %+v, %v, want %+v", c.src, got, err, c.want)
		}
		if empty, err := a.Judge(&rule.Readings{}); empty.Holds || empty.Known || err != nil {
			t.Errorf("%s without any readings: got %+v, %v", c.src, empty, err)
		}
	}
}

func TestCompileAlertErrors(t *testing.T) {
	for _, c := range []struct{ src, by, want string }{
		{`succes_rate < 0.9`, "", `1:1: undeclared reference to 'succes_rate' (did you mean 'success_rate'?)`},
		{`success_rate`, "", `1:1: want a result of type bool, got double`},
		{`request.images > 3`, "", `1:1: undeclared reference to 'request'`},
		{`cost_usd / images * 23 > 1.5`, "", `1:19: found no matching overload for '_*_' applied to '(double, int)'`},
		{`down(provider)`, "target", `1:6: undeclared reference to 'provider'`},
		{`down(3)`, "", `1:5: found no matching overload for 'down' applied to '(int)'`},
		{``, "", `empty expression`},
	} {
		if _, err := rule.CompileAlert(c.src, c.by); err == nil || err.Error() != c.want {
			t.Errorf("%s: got %v, want %s", c.src, err, c.want)
		}
	}
}

func TestNamesOfAnAlert(t *testing.T) {
	a, err := rule.CompileAlert(`down("google") || down("fal") && (down("google") || spent("daily") > 0.5 || down(provider))`, "provider")
	if err != nil {
		t.Fatal(err)
	}
	if got := a.Names(rule.FuncDown); !slices.Equal(got, []string{"fal", "google"}) {
		t.Errorf("got %v", got)
	}
	if !a.Reads("images", "provider") || a.Reads("images", "google", "down") {
		t.Error("what it reads is not what it has")
	}
}

// TestPromQL: what Prometheus has a form for, and what it has not.
func TestPromQL(t *testing.T) {
	p := rule.PromQL{
		Number: func(name string) string { return map[string]string{"images": "i", "cost_usd": "c"}[name] },
		Call: func(function, name string) string {
			return map[string]string{"down": "d[" + name + "]", "spent": "s"}[function]
		},
	}
	for _, c := range []struct{ src, want string }{
		{`images > 5`, `i > 5`},
		{`cost_usd / images * 23.0 > 1.5`, `((c / i) * 23) > 1.5`},
		{`cost_usd - 1e-9 != images`, `(c - 1e-09) != i`},
		{`down("google")`, `d[google] == 1`},
		{`!down(provider)`, `d[] == 0`},
		{`(images > 5 || down(provider)) && 0.5 <= spent("daily")`, `((i > 5) or (d[] == 1)) and (0.5 <= s)`},
		{`attempts > 5`, ``},
		{`breaker_open("flux")`, ``},
		{`!(images > 5)`, ``},
		{`down("go" + "ogle")`, ``},
		{`provider == "fal"`, ``},
		{`true`, ``},
	} {
		a, err := rule.CompileAlert(c.src, "provider")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := a.PromQL(p); got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s: got %s, %v, want %s", c.src, got, err, c.want)
		}
	}
}

func FuzzAlert(f *testing.F) {
	for _, s := range []string{`success_rate < 0.9 || down("google") && images / 0.0 > 1`, `["a"].exists(x, down(x))`, `spent("daily") >= warn_at("daily") ? down(provider) : true`, `!(-images > 1)`} {
		f.Add(s)
	}
	some := &rule.Readings{Numbers: map[string]float64{"success_rate": 0.5, "images": 3}, Subject: "google", Down: map[string]bool{"google": true}}
	p := rule.PromQL{Number: func(name string) string { return name }, Call: func(function, _ string) string { return function }}
	f.Fuzz(func(t *testing.T, src string) {
		a, err := rule.CompileAlert(src, "provider")
		if err != nil {
			return
		}
		for _, r := range []*rule.Readings{some, {}} {
			if v, err := a.Judge(r); v.Holds && (!v.Known || err != nil) || math.IsNaN(v.Value) || math.IsInf(v.Value, 0) {
				t.Errorf("%s: %+v, %v", src, v, err)
			}
		}
		_, _ = a.PromQL(p)
		_ = a.Names(rule.FuncDown)
	})
}

func BenchmarkJudge(b *testing.B) {
	a, err := rule.CompileAlert(`cost_usd / images * 23.0 > 1.5`, "")
	if err != nil {
		b.Fatal(err)
	}
	r := &rule.Readings{Numbers: map[string]float64{"cost_usd": 2, "images": 20}}
	b.ReportAllocs()
	for b.Loop() {
		_, _ = a.Judge(r)
	}
}
