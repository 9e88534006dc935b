package router_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"switchyard"
	"switchyard/router"
	"switchyard/rule"
)

// TestShape: rules see of a shape what they saw of the request; what it said is not in it, nor a header that no rule asks for.
func TestShape(t *testing.T) {
	route := router.Route{}
	route.SetDefaults()
	route.Name, route.When = "pro", `headers["x-tier"] == "pro" && query["beta"] == "1"`
	r, err := router.New(router.Config{Routes: []router.Route{route}})
	if err != nil {
		t.Fatal(err)
	}
	seed := uint64(7)
	f := &rule.Facts{
		Request: &switchyard.Request{
			Prompt: "a signal böx", NegativePrompt: "smoke", Images: 3, Size: switchyard.Size{Width: 1024, Height: 768},
			Aspect: switchyard.Aspect{W: 4, H: 3}, MatchInput: true, Resolution: "2K", Quality: "high", Format: "png", Background: "opaque",
			Seed: &seed, References: make([]switchyard.Reference, 2), Mask: &switchyard.Mask{}, Stream: true, Async: true,
		},
		Headers: http.Header{"X-Tier": {"pro"}, "Authorization": {"Bearer secret"}}, Query: url.Values{"beta": {"1"}, "other": {"2"}},
	}
	text := shape(r, f, true)
	for _, word := range []string{"signal", "smoke", "secret", "other"} {
		if strings.Contains(text, word) {
			t.Errorf("%q is in %s", word, text)
		}
	}
	var s router.Shape
	if err := json.Unmarshal([]byte(text), &s); err != nil || !s.Own {
		t.Fatalf("%s: %v", text, err)
	}
	for field, value := range reflect.ValueOf(s).Fields() {
		if value.IsZero() {
			t.Errorf("%s is lost in %s", field.Name, text)
		}
	}
	got := s.Facts()
	if r.Match(got).Route.Name != "pro" {
		t.Errorf("of %s no rule sees what it saw", text)
	}
	for _, src := range []string{
		`request.images == 3`, `request.width == 1024 && request.height == 768`, `request.quality == "high"`, `request.format == "png"`,
		`request.seed == 7 && has(request.seed)`, `request.references == 2`, `request.mask`, `request.async && request.stream`, `request.prompt_length == 12`,
	} {
		when, err := rule.Compile(src)
		if err != nil {
			t.Fatal(err)
		}
		if ok, err := when.Match(got); !ok || err != nil {
			t.Errorf("%s is not so of %s: %v", src, text, err)
		}
	}
	if again := shape(r, got, true); !reflect.DeepEqual(again, text) {
		t.Errorf("the shape of the shape is %s, not %s", again, text)
	}
}

func shape(r *router.Router, f *rule.Facts, own bool) string {
	m := r.Match(f)
	return m.Shape(own)
}

// TestShapeKeepsNoSecret: a rule may look at a credential; what is written down has none.
func TestShapeKeepsNoSecret(t *testing.T) {
	route := router.Route{}
	route.SetDefaults()
	route.Name = "inside"
	route.When = `headers["authorization"] == "Bearer hush" || headers["cookie"] == "hush" || headers["x-api-key"] == "hush" || ` +
		`headers["x-session-id"] == "hush" || query["key"] == "hush" || query["fal_jwt_token"] == "hush" || headers["x-tier"] == "pro"`
	r, err := router.New(router.Config{Routes: []router.Route{route}})
	if err != nil {
		t.Fatal(err)
	}
	f := &rule.Facts{
		Request: &switchyard.Request{Images: 1},
		Headers: http.Header{
			"Authorization": {"Bearer hush"}, "Cookie": {"hush"}, "X-Api-Key": {"hush"}, "X-Session-Id": {"hush"}, "X-Tier": {"pro"},
		},
		Query: url.Values{"key": {"hush"}, "fal_jwt_token": {"hush"}},
	}
	if text := shape(r, f, false); strings.Contains(text, "hush") || !strings.Contains(text, `"X-Tier":"pro"`) {
		t.Errorf("the shape is %s", text)
	}
}
