package rule_test

import (
	"testing"

	"switchyard/rule"
)

// typical are rules as people write them.
var typical = []struct{ name, src string }{
	{"Model", `request.model == "imagen-4.0-generate-001"`},
	{"Header", `headers["x-tier"] == "pro"`},
	{"Either", `key.labels.tier == "no" || headers["x-tier"] == "pro"`},
	{"Number", `request.images <= 4`},
	{"Fraction", `request.megapixels > 2`},
	{"Both", `request.model == "imagen-4.0-generate-001" && request.images <= 4`},
	{"Other", `request.model == "gpt-image-2" && request.images <= 4`},
	{"Prefix", `request.model.startsWith("imagen-")`},
	{"Pattern", `request.model.matches("^imagen-[34]\\.")`},
	{"Has", `has(request.seed) && !has(headers.host)`},
	{"Contains", `"x-tier" in headers`},
	{"Estimate", `"flux" in estimate_usd && estimate_usd["flux"] <= 0.08`},
	{"Loop", `headers.exists(h, h == "x-tier")`},
	{"LoopOverConstants", `["gpt", "imagen"].exists(m, request.model.startsWith(m))`},
}

// BenchmarkRule shows what a request pays for a rule; the index of package router is not in it.
func BenchmarkRule(b *testing.B) {
	for _, c := range typical {
		b.Run(c.name, func(b *testing.B) {
			r, err := rule.Compile(c.src)
			if err != nil {
				b.Fatal(err)
			}
			f := facts()
			b.ReportAllocs()
			for b.Loop() {
				_, _ = r.Match(f)
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	for b.Loop() {
		_, _ = rule.Compile(`request.model == "imagen-4.0-generate-001" && request.images <= 4`)
	}
}
