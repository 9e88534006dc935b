package rule_test

import (
	"reflect"
	"testing"

	"switchyard/rule"
)

func TestMentions(t *testing.T) {
	for src, want := range map[string]rule.Mentions{
		`headers["x-tier"] == "pro" || "x-Beta" in headers`:                  {Headers: []string{"X-Beta", "X-Tier"}},
		`query["a"] != "" && headers.accept.startsWith("x")`:                 {Headers: []string{"Accept"}, Query: []string{"a"}},
		`key.labels["tier"] == "pro" && request.model == "headers"`:          {},
		`"flux" in estimate_usd && estimate_usd["nano"] < estimate_usd.fast`: {Targets: []string{"fast", "flux", "nano"}},
		`headers[request.model] == "x"`:                                      {},
		`["x-a", "x-b"].exists(n, headers[n] != "") && headers["x-c"] == ""`: {Headers: []string{"X-C"}},
	} {
		r, err := rule.Compile(src)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Mentions(); !reflect.DeepEqual(got, want) {
			t.Errorf("%s mentions %+v, want %+v", src, got, want)
		}
	}
	text, err := rule.CompileText(`headers["x-user"] + query["u"]`)
	if err != nil {
		t.Fatal(err)
	}
	if got := text.Mentions(); !reflect.DeepEqual(got, rule.Mentions{Headers: []string{"X-User"}, Query: []string{"u"}}) {
		t.Errorf("a text mentions %+v", got)
	}
}
