package rule_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"switchyard"
	"switchyard/rule"
)

// needsOf says what a rule needs: for each a line of its values, with the facts that have them told by asked.
func needsOf(t *testing.T, src string) []string {
	t.Helper()
	r, err := rule.Compile(src)
	if err != nil {
		t.Fatalf("%s: %v", src, err)
	}
	asked := &rule.Facts{
		Request: &switchyard.Request{Dialect: "dialect", Model: "model", Path: "path", Quality: "quality", Format: "format"},
		Headers: map[string][]string{"X-Tier": {"header"}, "Host": {"host"}},
		Query:   map[string][]string{"alt": {"query", "second"}},
		Key:     rule.Key{Name: "name", Tenant: "tenant", Labels: map[string]string{"tier": "label"}},
	}
	var lines []string
	for _, need := range r.Needs() {
		var line []string
		for _, e := range need {
			line = append(line, fmt.Sprintf("%s=%s", e.Fact.Text(asked), e.Value))
		}
		lines = append(lines, strings.Join(line, " or "))
	}
	return lines
}

func TestNeeds(t *testing.T) {
	for _, c := range []struct {
		src  string
		want []string
	}{
		{`request.model == "a"`, []string{"model=a"}},
		{`"a" == request.model`, []string{"model=a"}},
		{`request.model in ["b", "a", "b"]`, []string{"model=a or model=b"}},
		{`request.dialect == "a" && (request.path == "b" && request.quality == "c") && request.format == "d"`, []string{"dialect=a", "path=b", "quality=c", "format=d"}},
		{`key.name == "a" && key.tenant == "b" && key.labels.tier == "c" && key.labels["tier"] == "d"`, []string{"name=a", "tenant=b", "label=c", "label=d"}},
		{`headers["x-tier"] == "a" && headers["X-TIER"] == "b" && headers.host == ""`, []string{"header=a", "header=b", "host="}},
		{`query.alt == "a"`, []string{"query=a"}},
		{`headers.missing == ""`, []string{"="}},
		{`request.images <= 4 && request.model == "a" && request.model.startsWith("b")`, []string{"model=a"}},
		{`key.labels.tier == "a" || headers["x-tier"] == "b"`, []string{"label=a or header=b"}},
		{`request.model == "a" && request.images < 2 || request.model in ["b", "c"] && key.name == "d"`, []string{"model=a or name=d"}},
		{`request.model == "a" && [1].exists(x, x == 1) && key.name == "b"`, []string{"model=a"}}, // the loop may end it all

		{`true`, nil},
		{`request.model != "a"`, nil},
		{`!(request.model == "a")`, nil},
		{`request.model == "a" || request.images > 2`, nil},
		{`request.model == key.name`, nil},
		{`request.model in ["a", key.name]`, nil},
		{`request.model in []`, nil},
		{`has(headers.host)`, nil},
		{`request.aspect == "16:9"`, nil},
		{`request.images == 2 && request.mask == true`, nil},
		{`headers[key.name] == "a"`, nil},
		{`{"a": "b"}.a == "b"`, nil},
		{`[headers].exists(headers, headers["x-tier"] == "a")`, nil},
		{`request.stream ? request.model == "a" : request.model == "b"`, nil},
	} {
		if got := needsOf(t, c.src); !slices.Equal(got, c.want) {
			t.Errorf("%s:\n got %q\nwant %q", c.src, got, c.want)
		}
	}
}

func TestOneFactHasOneName(t *testing.T) {
	r, err := rule.Compile(`headers["x-tier"] == "a" && headers["X-TIER"] == "a" && key.labels["tier"] == "b" && key.labels.tier == "b"`)
	if err != nil {
		t.Fatal(err)
	}
	n := r.Needs()
	if n[0][0] != n[1][0] || n[2][0] != n[3][0] || n[0][0].Fact == n[2][0].Fact {
		t.Errorf("got %v", n)
	}
}

func TestNamedFactsAreThoseOfRules(t *testing.T) {
	r, err := rule.Compile(`headers["x-tier"] == "" && query.alt == "" && key.labels.tier == "" && headers.missing == "" && key.name == ""`)
	if err != nil {
		t.Fatal(err)
	}
	f := &rule.Facts{
		Headers: map[string][]string{"X-Tier": {"header"}},
		Query:   map[string][]string{"alt": {"query", "second"}},
		Key:     rule.Key{Name: "name", Labels: map[string]string{"tier": "label"}},
	}
	named := map[rule.Fact]string{}
	for x, text := range f.Named {
		named[x] = text
	}
	for i, want := range []string{"header", "query", "label", "", ""} {
		x := r.Needs()[i][0].Fact
		if named[x] != want || x.Named() != (i < 4) {
			t.Errorf("%d: got %q, named %v", i, named[x], x.Named())
		}
	}
	if len(named) != 3 || f.Names() != 3 {
		t.Errorf("got %v, %d names", named, f.Names())
	}
	for range f.Named {
		break // an iterator that goes on panics
	}
}

// slow is the rule as CEL alone runs it: what a condition chooses is neither needed nor quick.
func slow(src string) (*rule.Rule, error) {
	return rule.Compile("true ? (" + src + "\n) : false")
}

// agree checks that a rule gives what CEL gives, and that what it needs is needed.
func agree(t *testing.T, src string, f *rule.Facts) {
	t.Helper()
	r, err := rule.Compile(src)
	if err != nil {
		return
	}
	reference, err := slow(src)
	if err != nil {
		return // it had the greatest length or depth already
	}
	got, gotErr := r.Match(f)
	want, wantErr := reference.Match(f)
	if got != want || (gotErr == nil) != (wantErr == nil) {
		t.Errorf("%s: got %v, %v, want %v, %v", src, got, gotErr, want, wantErr)
	}
	for _, need := range r.Needs() {
		satisfied := slices.ContainsFunc(need, func(e rule.Equal) bool { return e.Fact.Text(f) == e.Value })
		if !satisfied && (want || wantErr != nil) {
			t.Errorf("%s: came to %v, %v without %v", src, want, wantErr, need)
		}
	}
}

func TestHeadersAreReadAsNetHTTPWritesThem(t *testing.T) {
	long := strings.Repeat("long-", 20) + "x"
	for _, name := range []string{"x-tier", "X-TIER", "-a--b-", "x_y-z", "a b", "é-x", "x-1a", "", "etag", "www-authenticate", long} {
		h := http.Header{}
		h.Set(name, "yes")
		f := &rule.Facts{Headers: h}
		for _, format := range []string{`headers[%q] == "yes"`, `true ? headers[%q] == "yes" : false`} {
			r, err := rule.Compile(fmt.Sprintf(format, name))
			if err != nil {
				t.Fatal(err)
			}
			if ok, err := r.Match(f); !ok || err != nil {
				t.Errorf("%s: got %v, %v", r, ok, err)
			}
		}
	}
}

func TestEqualitiesAllocateNothing(t *testing.T) {
	f := facts()
	for _, src := range []string{
		`request.model == "imagen-4.0-generate-001" && request.dialect in ["gemini", "openai"]`,
		`key.labels.tier == "no" || headers["x-tier"] == "pro"`,
		`request.model == "another" && request.images <= 4`,
	} {
		r, err := rule.Compile(src)
		if err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(100, func() { _, _ = r.Match(f) }); n != 0 {
			t.Errorf("%s: %v allocations", src, n)
		}
	}
}

// TestWhatHidesAnError: an equality that does not hold makes up for an error, but not for a loop that began before it.
func TestWhatHidesAnError(t *testing.T) {
	f := facts()
	f.Headers["X-Pattern"] = []string{"["}
	ten := `[1,2,3,4,5,6,7,8,9,10].all(`
	loop := ten + `a, ` + ten + `b, ` + ten + `c, ` + ten + `d, ` + ten + `e, a + b + c + d + e > 0)))))` // over budget
	for src, errs := range map[string]bool{
		`estimate_usd["dear"] < 1.0 && request.model == "another"`:                      false,
		`request.model == "another" && estimate_usd["dear"] < 1.0`:                      false,
		`request.model.matches(headers["x-pattern"]) && key.name == "another"`:          false,
		`1 / (request.images - 3) == 1 && key.name == "web-pro"`:                        true,
		`request.model == "another" && ` + loop:                                         false,
		loop + ` && request.model == "another"`:                                         true,
		`(key.name == "another" && ` + loop + `) || key.name == "nobody"`:               false,
		`(` + loop + ` || request.model == "another") && request.model == "another"`:    true,
		`request.stream && ` + loop + ` && !request.mask && request.model == "another"`: true,
	} {
		r, err := rule.Compile(src)
		if err != nil {
			t.Fatal(err)
		}
		if ok, err := r.Match(f); ok || (err != nil) != errs {
			t.Errorf("%s: got %v, %v", src, ok, err)
		}
		agree(t, src, f)
	}
}
