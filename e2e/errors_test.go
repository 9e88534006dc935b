package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// refusal is what an app catches: the SDK's class (its name, for the Vercel SDK) and the status in it. An empty class is
// no error: a refusal that the SDK reports in its answer, without an image.
type refusal struct {
	class  string
	status int
}

// refusals are by app and by kind. "filter" is a safety refusal, "key" a virtual key that nobody gave out.
var refusals = map[string]map[string]refusal{
	"openai":        {"filter": {"BadRequestError", 400}, "rate_limit": {"RateLimitError", 429}, "key": {"AuthenticationError", 401}, "input": {"BadRequestError", 400}},
	"vercel-openai": {"filter": {"AI_APICallError", 400}, "rate_limit": {"AI_APICallError", 429}, "key": {"AI_APICallError", 401}},
	"gemini":        {"filter": {"", 0}, "rate_limit": {"ApiError", 429}, "key": {"ApiError", 400}, "input": {"ApiError", 400}},
	"imagen":        {"filter": {"ApiError", 400}, "rate_limit": {"ApiError", 429}, "key": {"ApiError", 400}, "input": {"ApiError", 400}},
	"vertex":        {"filter": {"", 0}, "rate_limit": {"ApiError", 429}, "key": {"ApiError", 400}, "input": {"ApiError", 400}},
	"vertex-imagen": {"filter": {"ApiError", 400}, "rate_limit": {"ApiError", 429}, "key": {"ApiError", 400}, "input": {"ApiError", 400}},
	"fal-proxy":     {"filter": {"ValidationError", 422}, "rate_limit": {"ApiError", 429}, "key": {"ApiError", 401}, "input": {"ValidationError", 422}},
	"go-openai":     {"filter": {"openai.Error", 400}, "rate_limit": {"openai.Error", 429}, "key": {"openai.Error", 401}, "input": {"openai.Error", 400}},
	"go-gemini":     {"filter": {"", 0}, "rate_limit": {"genai.APIError", 429}, "key": {"genai.APIError", 400}, "input": {"genai.APIError", 400}},
	"go-imagen":     {"filter": {"genai.APIError", 400}, "rate_limit": {"genai.APIError", 429}, "key": {"genai.APIError", 400}, "input": {"genai.APIError", 400}},
	"go-vertex":     {"filter": {"", 0}, "rate_limit": {"genai.APIError", 429}, "key": {"genai.APIError", 401}, "input": {"genai.APIError", 400}},
	// No rate_limit: replicate-go sleeps for as long as it is told to, even before it gives up.
	"go-replicate-block": {"filter": {"replicate.ModelError", 0}, "key": {"replicate.APIError", 401}, "input": {"replicate.APIError", 422}},
	"vercel-fal":         {"filter": {"AI_APICallError", 422}, "rate_limit": {"AI_APICallError", 429}, "key": {"AI_APICallError", 401}},
	"replicate":          {"filter": {"Error", 0}, "rate_limit": {"ApiError", 429}, "key": {"ApiError", 401}, "input": {"ApiError", 422}},
}

// tries is how often each SDK asks before it gives up on a 429, as it comes; retries of 0 are set for the others.
var tries = map[string]int{"fal-proxy": 4, "replicate": 6}

// calls is how many of an app's tries reach the provider: one, where it has said when to come back, for that holds
// whatever the SDK does; all of them at fal, which does not say.
func calls(app, provider string) int {
	if provider != "fal" {
		return 1
	}
	return max(1, tries[app])
}

// withheld reports whether the simulated model finds fault with the finished picture, not with the prompt. Imagen's form
// has no error for that, but an answer without pictures.
func withheld(app, kind, provider string) bool {
	return strings.HasSuffix(app, "imagen") && kind == "filter" && (provider == "fal" || provider == "replicate")
}

// TestErrors is one error of each kind, for each app and with each provider behind: the SDK's own typed error.
func TestErrors(t *testing.T) {
	w := simulate(t)
	root := serve(t, crossing(w, slices.Collect(maps.Keys(refusals))...))
	none := 0
	for _, f := range fronts {
		for kind, want := range refusals[f.name] {
			for _, b := range behind {
				if (kind == "key" || kind == "input") && b.provider != "openai" {
					continue // found by Switchyard itself
				}
				t.Run(fmt.Sprintf("%s/%s/%s", f.name, kind, b.provider), func(t *testing.T) {
					t.Parallel()
					prompt := fmt.Sprintf("[sim:%s] from %s by %s", kind, f.name, b.provider)
					j := f.at(root, "sk-to-"+b.provider, prompt)
					j.N, j.Retries = 1, &none // Imagen makes four unless told
					switch kind {
					case "rate_limit": // a provider's "come back later" holds for all of a target's apps
						j.Key += "-" + f.name
					case "key":
						j.Key = "sk-nobodys"
					case "input":
						j.Prompt = ""
					}
					got := j.do(t)
					if withheld(f.name, kind, b.provider) {
						if got.Error != nil || len(got.Images) > 0 {
							t.Errorf("want neither image nor error, got %+v %+v", got, got.Error)
						}
						return
					}
					checkRefusal(t, got, want)
					if n, want := asked(w.Provider(b.provider), prompt), calls(f.name, b.provider); kind == "rate_limit" && n != want {
						t.Errorf("%s was asked %d times, want %d", b.provider, n, want)
					}
				})
			}
		}
	}
}

// TestOwnKeyRefused is apps with keys of their own that their providers do not take: they are told so as by Switchyard itself.
func TestOwnKeyRefused(t *testing.T) {
	w := simulate(t)
	root := serve(t, configured(w, false, ""))
	none := 0
	for _, f := range fronts {
		want, ok := refusals[f.name]["key"]
		if !ok {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			j := f.at(root, "wrong-key", "not for "+f.name)
			j.Retries = &none
			checkRefusal(t, j.do(t), want)
		})
	}
}

func checkRefusal(t *testing.T, got result, want refusal) {
	t.Helper()
	switch {
	case len(got.Images) > 0:
		t.Errorf("%d images", len(got.Images))
	case want.class == "" && got.Error == nil && got.Reason == "":
		t.Error("neither image nor reason")
	case want.class == "" && got.Error != nil, want.class != "" && got.Error == nil:
		t.Errorf("got %+v (reason %q), want %+v", got, got.Reason, want)
		if got.Error != nil {
			t.Errorf("it is %+v", *got.Error)
		}
	case got.Error != nil && (got.Error.Class != want.class && got.Error.Name != want.class || got.Error.Status != want.status):
		t.Errorf("got %+v, want %+v", *got.Error, want)
	}
}

// TestPaidOnce: an answer breaks off that is paid for, with nobody to fall back to. However gladly an SDK tries again, left to itself,
// the provider is asked once.
func TestPaidOnce(t *testing.T) {
	w := simulate(t)
	root := serve(t, crossing(w))
	for _, f := range fronts {
		if !slices.Contains([]string{"openai", "vercel-openai", "gemini", "vercel-gemini", "imagen", "fal-proxy", "vercel-fal", "replicate", "vercel-replicate", "go-openai", "go-gemini", "go-imagen", "go-replicate"}, f.name) {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			prompt := "[sim:cut] from " + f.name
			j := f.at(root, "sk-to-openai", prompt)
			j.N = 1
			if got := j.do(t); got.Error == nil {
				t.Errorf("no error: %+v", got)
			}
			if n := asked(w.OpenAI, prompt); n != 1 {
				t.Errorf("openai was asked %d times", n)
			}
		})
	}
}
