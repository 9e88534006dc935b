package rule_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"switchyard"
	"switchyard/rule"
)

// facts is a request with something in every field that rules can see.
func facts() *rule.Facts {
	seed := uint64(7)
	h := http.Header{}
	h.Set("x-tier", "pro")
	h.Set("X-User-ID", "u1")
	h["X-Empty"] = []string{""}
	return &rule.Facts{
		Request: &switchyard.Request{
			Dialect: "gemini", Path: "/v1beta/models/m:predict", Model: "imagen-4.0-generate-001",
			Prompt: "grüß", Images: 3, Size: switchyard.Size{Width: 1920, Height: 1080}, Quality: "high", Format: "png",
			Seed: &seed, References: make([]switchyard.Reference, 2), Mask: &switchyard.Mask{}, Stream: true,
		},
		Headers:  h,
		Query:    url.Values{"alt": {"sse", "json"}},
		Key:      rule.Key{Name: "web-pro", Tenant: "acme", Labels: map[string]string{"tier": "pro"}},
		Estimate: map[string]float64{"flux": 0.075},
	}
}

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		src  string
		want bool
	}{
		{`request.model == "imagen-4.0-generate-001" && request.images <= 4`, true},
		{`request.dialect == "gemini" && request.path.startsWith("/v1beta/")`, true},
		{`request.width == 1920 && request.height == 1080 && request.aspect == "16:9"`, true},
		{`request.megapixels > 2.07 && request.megapixels < 2.08`, true},
		{`request.quality == "high" && request.format == "png"`, true},
		{`request.references == 2 && request.mask && request.stream && !request.async`, true},
		{`request.prompt_length == 4`, true}, // letters, not bytes
		{`request.seed == 7 && has(request.seed)`, true},
		{`request.images <= 4.0 && request.megapixels > 2`, true}, // across number types
		{`request.images > 3.5`, false},
		{`key.name == "web-pro" && key.tenant == "acme" && key.labels.tier == "pro"`, true},
		{`key.labels["tier"] == "pro" && key.labels.missing == ""`, true},
		{`headers["x-tier"] == "pro" && headers["X-TIER"] == "pro"`, true},
		{`headers["x-user-id"] == "u1"`, true},
		{`headers["x-missing"] == "" && headers.missing == ""`, true},
		{`headers["x-empty"] == "" && "x-empty" in headers && !("x-missing" in headers)`, true},
		{`has(headers.missing)`, false},
		{`has(key.labels.tier) && !has(key.labels.missing)`, true},
		{`has(key.labels) && has(request.model)`, true},
		{`headers.exists(h, h == "x-tier") && size(headers) == 3`, true},
		{`query.alt == "sse" && query.other == ""`, true},
		{`estimate_usd["flux"] <= 0.08 && estimate_usd.flux > 0`, true},
		{`"flux" in estimate_usd && !("dear" in estimate_usd)`, true},
		{`request.model in ["a", "imagen-4.0-generate-001"]`, true},
		{`!(request.model == "a")`, true}, // without CEL, as the next two
		{`!(request.model in ["a", "imagen-4.0-generate-001"])`, false},
		{`request.quality == "high" && !(key.tenant == "b" || key.tenant == "")`, true},
		{`!(request.quality == "low" && request.images == 3)`, true}, // by CEL: the rest decides
		{`!(request.quality == "high" && request.images == 3)`, false},
		{`request.model == "a" || key.tenant == "acme"`, true},
		{`request.model == "a" || key.tenant == "b"`, false},
		{`key.tenant == "b" || key.name == "web-pro" && request.images == 3`, true}, // by CEL, too
		{`key.name == "web-pro" && request.images == 4 || key.tenant == "b"`, false},
		{`request.model.matches("^imagen-[34]\\.")`, true},
		{`["gpt", "imagen"].exists(m, request.model.startsWith(m))`, true},
		{`request == request && query == {"alt": "sse"}`, true},
	} {
		r, err := rule.Compile(c.src)
		if err != nil {
			t.Errorf("%s: %v", c.src, err)
			continue
		}
		if got, err := r.Match(facts()); got != c.want || err != nil {
			t.Errorf("%s: got %v, %v, want %v", c.src, got, err, c.want)
		}
		agree(t, c.src, facts())
		agree(t, c.src, &rule.Facts{})
	}
}

func TestZeroFactsAnswerEmpty(t *testing.T) {
	r, err := rule.Compile(`request.model == "" && request.images == 0 && request.aspect == "" && !has(request.seed) &&
		!request.mask && headers.a == "" && query.a == "" && key.name == "" && key.labels.a == "" && size(estimate_usd) == 0`)
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := r.Match(&rule.Facts{}); !ok || err != nil {
		t.Errorf("got %v, %v", ok, err)
	}
	seeded, err := rule.Compile(`has(request.seed) && request.seed == 0`)
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := seeded.Match(&rule.Facts{Request: &switchyard.Request{Seed: new(uint64)}}); !ok || err != nil {
		t.Errorf("a seed of 0 counts as none: %v, %v", ok, err)
	}
}

func TestCompileErrors(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{``, `empty expression`},
		{` `, `empty expression`},
		{`request.modle == "x"`, `1:9: undefined field 'modle'`},
		{"true &&\n  request.modle == \"x\"", `2:11: undefined field 'modle'`},
		{`headers.x-tier == ""`, `1:11: undeclared reference to 'tier'`},
		{`reqest.model == ""`, `1:1: undeclared reference to 'reqest' (did you mean 'request'?)`},
		{`request.model`, `1:1: want a result of type bool, got string`},
		{`dyn(true)`, `1:1: want a result of type bool, got dyn`},
		{`request.model = "x"`, `1:15: Syntax error: "=" alone is no operator; did you mean "=="?`},
		{`request.stream & request.async`, `1:16: Syntax error: "&" alone is no operator; did you mean "&&"?`},
		{`request.stream|request.async`, `1:15: Syntax error: "|" alone is no operator; did you mean "||"?`},
		{`request.model == 4`, `1:15: found no matching overload for '_==_' applied to '(string, int)'`},
		{`request.model.matches("[")`, "error parsing regexp: missing closing ]: `[`"},
		{`"` + strings.Repeat("x", 5000) + `" == ""`, `expression has 5008 bytes, more than the 4096 allowed`},
	} {
		_, err := rule.Compile(c.src)
		if err == nil || err.Error() != c.want {
			t.Errorf("%.40s:\n got %v\nwant %s", c.src, err, c.want)
		}
	}
}

func TestNestingIsBounded(t *testing.T) {
	for _, src := range []string{
		strings.Repeat("(", 2000) + "true" + strings.Repeat(")", 2000),
		"true" + strings.Repeat("&&(true", 500) + strings.Repeat(")", 500),
		strings.Repeat("[", 2000),
	} {
		if _, err := rule.Compile(src); err == nil {
			t.Errorf("%.20s… compiled", src)
		}
	}
}

func TestRunTimeErrors(t *testing.T) {
	loop := `[1,2,3,4,5,6,7,8,9,10]`
	for _, src := range []string{
		`estimate_usd["dear"] < 1.0`,
		`1 / (request.images - 3) == 1`,
		`request.model.matches(headers["x-pattern"])`,
		`request{}.model == ""`,
		`dyn(request).nothing == 1`,
		loop + `.all(a, ` + loop + `.all(b, ` + loop + `.all(c, ` + loop + `.all(d, ` + loop + `.all(e, a + b + c + d + e > 0)))))`, // over budget
	} {
		r, err := rule.Compile(src)
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		f := facts()
		f.Headers["X-Pattern"] = []string{"["}
		if ok, err := r.Match(f); ok || err == nil {
			t.Errorf("%s: got %v, %v, want an error and no match", src, ok, err)
		}
	}
}

func TestText(t *testing.T) {
	u, err := rule.CompileText(`headers["x-user-id"]`)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := u.Eval(facts()); got != "u1" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if got, err := u.Eval(&rule.Facts{}); got != "" || err != nil {
		t.Errorf("missing: got %q, %v", got, err)
	}
	if _, err := rule.CompileText(`request.images`); err == nil || err.Error() != "1:1: want a result of type string, got int" {
		t.Errorf("got %v", err)
	}
	if u.String() != `headers["x-user-id"]` {
		t.Errorf("String is %q", u)
	}
}

func TestOneRuleServesManyRequestsAtOnce(t *testing.T) {
	r, err := rule.Compile(`headers.n == key.name && [1, 2].exists(i, i == request.images)`)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for _, name := range []string{"a", "b", "c", "d"} {
		wg.Go(func() {
			f := &rule.Facts{
				Request: &switchyard.Request{Images: 2},
				Headers: map[string][]string{"N": {name}}, Key: rule.Key{Name: name},
			}
			for range 200 {
				if ok, err := r.Match(f); !ok || err != nil {
					t.Errorf("%s: got %v, %v", name, ok, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func FuzzCompile(f *testing.F) {
	for _, s := range []string{
		`request.model == "x"`, `headers["x"].matches(query.y)`, `has(key.labels.x)`, `[1].all(x, x > 0)`, `request{model: 1}`,
		`dyn(headers).a.b`, `estimate_usd.map(k, k)`, "\"\\", `timestamp("x") < timestamp("y")`, `type(request) == key`, `true ? request : request`,
		`key.labels.tier in ["pro", ""] && !(headers["X-Tier"] != "pro" || query.alt == "sse") || 1 / request.images == 0`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		if r, err := rule.Compile(src); err == nil {
			if ok, err := r.Match(facts()); ok && err != nil {
				t.Errorf("matched and erred: %v", err)
			}
			agree(t, src, facts())
			agree(t, src, &rule.Facts{})
		}
		_, _ = rule.CompileText(src)
	})
}
