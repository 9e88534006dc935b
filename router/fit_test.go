package router_test

import (
	"encoding/json"
	"errors"
	"testing"

	"switchyard"
	"switchyard/dialect/fal"
	"switchyard/dialect/gemini"
	"switchyard/dialect/openai"
	"switchyard/dialect/replicate"
	"switchyard/router"
)

type rawJSON = json.RawMessage

func ptr[T any](v T) *T { return &v }

var (
	imagen     = gemini.Dialect{}.Models().Find("imagen-4.0-generate-001")
	nano       = gemini.Dialect{}.Models().Find("gemini-nano-banana-2.1")
	flash      = gemini.Dialect{}.Models().Find("gemini-2.5-flash-image")
	gpt26      = openai.Dialect{}.Models().Find("gpt-image-2.6-flare")
	gpt2       = openai.Dialect{}.Models().Find("gpt-image-2")
	gptMini    = openai.Dialect{}.Models().Find("gpt-image-1-mini")
	dallE      = openai.Dialect{}.Models().Find("dall-e-3")
	fluxThere  = replicate.Dialect{}.Models().Find("black-forest-labs/flux-dev")
	kontext    = replicate.Dialect{}.Models().Find("black-forest-labs/flux-kontext-pro")
	flux       = fal.Dialect{}.Models().Find("fal-ai/flux/dev")
	sdxl       = fal.Dialect{}.Models().Find("fal-ai/fast-sdxl")
	imagenFast = replicate.Dialect{}.Models().Find("google/imagen-4-fast")
	webp       = &switchyard.Model{ID: "webp", Can: switchyard.Abilities{Images: 1, Formats: []string{"webp", "jpeg"}}}
)

func target(dialect string, m *switchyard.Model) *switchyard.Target {
	return &switchyard.Target{Name: "t", Dialect: dialect, Model: m.ID, Row: m}
}

// TestFit: what each target is told of a request, and what the app is told of the difference.
func TestFit(t *testing.T) {
	square, wide := switchyard.Aspect{W: 1, H: 1}, switchyard.Aspect{W: 16, H: 9}
	size := func(w, h int) switchyard.Size { return switchyard.Size{Width: w, Height: h} }
	for name, c := range map[string]struct {
		request switchyard.Request
		asked   *switchyard.Model
		to      *switchyard.Target
		notes   string
		calls   int
		forward bool
		check   func(*switchyard.Request) bool
	}{
		"the same model": {
			switchyard.Request{Dialect: "openai", Model: "gpt-image-2", Images: 99, Extra: map[string]rawJSON{"x": nil}},
			gpt2, target("openai", gpt2),
			"exact", 1, true, func(r *switchyard.Request) bool { return r.Images == 99 },
		},
		"by another name": {
			switchyard.Request{Dialect: "openai", Model: "gpt-image-2-2026-04-21", Images: 1}, gpt2, target("openai", gpt2), "exact", 1, true, nil,
		},
		"a sibling of the same form": {
			switchyard.Request{Dialect: "openai", Model: "gpt-image-2", Images: 1, Size: size(1024, 1024)}, gpt2, target("openai", gptMini), "exact", 1, true, nil,
		},
		"a size that the sibling has not": {
			switchyard.Request{Dialect: "openai", Model: "gpt-image-2", Images: 1, Size: size(1600, 896)},
			gpt2, target("openai", gptMini),
			"rounded=size:1600x896>1536x1024", 1, false, func(r *switchyard.Request) bool { return r.Size == size(1536, 1024) },
		},
		"a class that the sibling has not, of a picture like another": {
			switchyard.Request{Dialect: "gemini", Model: nano.ID, Images: 1, Resolution: "2K", MatchInput: true, References: make([]switchyard.Reference, 1)},
			nano, target("gemini", flash),
			"rounded=resolution:2K>1K", 1, false, func(r *switchyard.Request) bool { return r.Resolution == "" },
		},
		"a picture like another, of what makes squares": {
			switchyard.Request{Dialect: "gemini", Model: nano.ID, Images: 1, MatchInput: true, References: make([]switchyard.Reference, 1)},
			nano, target("fal", sdxl),
			"rounded=aspect:input>1:1", 1, false, func(r *switchyard.Request) bool { return r.Size == switchyard.Size{} },
		},
		"imagen to its successor": {
			switchyard.Request{Dialect: "gemini", Model: imagen.ID, Images: 4, Aspect: wide, Resolution: "2K", Format: "jpeg"},
			imagen, target("gemini", nano),
			"emulated=n,format", 4, false, func(r *switchyard.Request) bool { return r.Aspect == wide && r.Resolution == "2K" },
		},
		"imagen's own options": {
			switchyard.Request{Dialect: "gemini", Model: imagen.ID, Images: 1, Aspect: square, People: "adult", Language: "en", Guidance: ptr(5.0), Watermark: ptr(false)},
			imagen, target("gemini", nano),
			"dropped=people,language,guidance,watermark", 1, false, func(r *switchyard.Request) bool { return r.Guidance == nil && r.People == "" },
		},
		"numbers beyond a sibling's": {
			switchyard.Request{Dialect: "fal", Model: flux.ID, Images: 1, Guidance: ptr(20.0), Steps: ptr(60)},
			flux, target("replicate", fluxThere),
			"rounded=guidance:20>10,steps:60>50", 1, false, func(r *switchyard.Request) bool { return *r.Guidance == 10 && *r.Steps == 50 },
		},
		"the app's words for a picture": {
			switchyard.Request{Dialect: "gemini", Model: "imagen-3.0-capability-001", Images: 1, References: []switchyard.Reference{{Description: "a man"}}},
			nil, target("gemini", nano),
			"dropped=description", 1, false, nil,
		},
		"numbers that nobody takes": {
			switchyard.Request{
				Dialect: "openai", Images: 1, Strength: ptr(5.0), Format: "jpeg", Compression: ptr(-7), References: make([]switchyard.Reference, 1),
			},
			gpt2, target("replicate", fluxThere),
			"rounded=compression:-7>0,strength:5>1", 1, false, func(r *switchyard.Request) bool { return *r.Strength == 1 && *r.Compression == 0 },
		},
		"numbers at a sibling's ends": {
			switchyard.Request{Dialect: "replicate", Model: fluxThere.ID, Images: 1, Guidance: ptr(1.0), Steps: ptr(50)},
			fluxThere, target("fal", flux),
			"exact", 1, false, func(r *switchyard.Request) bool { return *r.Guidance == 1 && *r.Steps == 50 },
		},
		"imagen to exact pixels": {
			switchyard.Request{Dialect: "gemini", Model: imagen.ID, Images: 2, Aspect: wide},
			imagen, target("openai", gpt2),
			"exact", 1, false, func(r *switchyard.Request) bool { return r.Size == size(1408, 768) },
		},
		"free pixels to a ratio": {
			switchyard.Request{Dialect: "openai", Model: "gpt-image-2", Images: 1, Size: size(1024, 1024)},
			gpt2, target("gemini", nano),
			"exact", 1, false, func(r *switchyard.Request) bool { return r.Aspect == square && r.Resolution == "1K" },
		},
		"pixels that no ratio makes: the smallest that covers them": {
			switchyard.Request{Dialect: "openai", Model: "gpt-image-2", Images: 1, Size: size(1536, 1024)},
			gpt2, target("gemini", nano),
			"rounded=size:1536x1024>2528x1696", 1, false, func(r *switchyard.Request) bool { return r.Aspect == switchyard.Aspect{W: 3, H: 2} },
		},
		"the class that a model without classes makes": {
			switchyard.Request{Dialect: "gemini", Model: imagen.ID, Images: 1, Aspect: square, Resolution: "1K"},
			imagen, target("gemini", flash),
			"exact", 1, false, func(r *switchyard.Request) bool { return r.Resolution == "" },
		},
		"a class in the app's own bytes, for a sibling that cannot be told any": {
			switchyard.Request{Dialect: "gemini", Form: "generateContent", Model: nano.ID, Images: 1, Aspect: square, Resolution: "1K"},
			nano, target("gemini", flash),
			"exact", 1, false, func(r *switchyard.Request) bool { return r.Resolution == "" },
		},
		"the best compression of what is not compressed": {
			switchyard.Request{Dialect: "openai", Model: gpt26.ID, Images: 1, Compression: ptr(100)},
			gpt26, target("openai", gpt2),
			"exact", 1, true, nil,
		},
		"a class of which a model has no size": {
			switchyard.Request{Dialect: "gemini", Model: imagen.ID, Images: 1, Aspect: square, Resolution: "2K"},
			imagen, target("openai", gptMini),
			"rounded=resolution:2K>1024x1024", 1, false, func(r *switchyard.Request) bool { return r.Size == size(1024, 1024) },
		},
		"a ratio of which there is a size, about": {
			switchyard.Request{Dialect: "gemini", Model: nano.ID, Images: 1, Aspect: wide},
			nano, target("openai", gptMini),
			"rounded=aspect:16:9>3:2", 1, false, func(r *switchyard.Request) bool { return r.Size == size(1536, 1024) },
		},
		"a class larger than any bounds": {
			switchyard.Request{Dialect: "gemini", Model: nano.ID, Images: 1, Aspect: square, Resolution: "4K"},
			nano, target("openai", gpt2),
			"rounded=resolution:4K>2880x2880", 1, false, nil,
		},
		"a class of which there is a size, about": {
			switchyard.Request{Dialect: "gemini", Model: nano.ID, Images: 1, Aspect: square, Resolution: "2K"},
			nano, target("openai", gpt2),
			"exact", 1, false, func(r *switchyard.Request) bool { return r.Size == size(2048, 2048) },
		},
		"strictness that is not to be had": {
			switchyard.Request{Dialect: "gemini", Model: imagen.ID, Images: 1, Safety: switchyard.SafetyStrict},
			imagen, target("openai", gpt2),
			"rounded=safety:strict>default", 1, false, func(r *switchyard.Request) bool { return r.Safety == switchyard.SafetyDefault },
		},
		"laxness between two levels": {
			switchyard.Request{Dialect: "openai", Model: gpt2.ID, Images: 1, Safety: switchyard.SafetyRelaxed},
			gpt2, target("fal", flux),
			"rounded=safety:relaxed>default", 1, false, func(r *switchyard.Request) bool { return r.Safety == switchyard.SafetyDefault },
		},
		"laxness beyond all levels": {
			switchyard.Request{Dialect: "fal", Model: flux.ID, Images: 1, Safety: switchyard.SafetyOff},
			flux, target("openai", gpt2),
			"rounded=safety:off>relaxed", 1, false, func(r *switchyard.Request) bool { return r.Safety == switchyard.SafetyRelaxed },
		},
		"laxness that is not to be had beside a picture": {
			switchyard.Request{Dialect: "openai", Model: gpt2.ID, Images: 1, Safety: switchyard.SafetyRelaxed, References: make([]switchyard.Reference, 1)},
			gpt2, target("replicate", kontext),
			"rounded=safety:relaxed>default", 1, false, func(r *switchyard.Request) bool { return r.Safety == switchyard.SafetyDefault },
		},
		"strictness beside one": {
			switchyard.Request{Dialect: "fal", Images: 1, Safety: switchyard.SafetyStrict, References: make([]switchyard.Reference, 1)},
			nil, target("replicate", kontext),
			"exact", 1, false, func(r *switchyard.Request) bool { return r.Safety == switchyard.SafetyStrict },
		},
		"the same laxness without one": {
			switchyard.Request{Dialect: "openai", Model: gpt2.ID, Images: 1, Safety: switchyard.SafetyRelaxed},
			gpt2, target("replicate", kontext),
			"exact", 1, false, func(r *switchyard.Request) bool { return r.Safety == switchyard.SafetyRelaxed },
		},
		"a compression of what is not compressed": {
			switchyard.Request{Dialect: "gemini", Model: imagen.ID, Images: 1, Compression: ptr(50)},
			imagen, target("openai", gpt2),
			"dropped=compression", 1, false, func(r *switchyard.Request) bool { return r.Compression == nil },
		},
		"a class of a model whose fast sibling makes but one": {
			switchyard.Request{Dialect: "gemini", Model: imagen.ID, Images: 1, Aspect: wide, Resolution: "2K"},
			imagen, target("replicate", imagenFast),
			"rounded=resolution:2K>1K", 1, false, func(r *switchyard.Request) bool { return r.Aspect == wide && r.Resolution == "" },
		},
		"what the model that the app names alone can be told, to a sibling": {
			switchyard.Request{
				Dialect: "openai", Model: "gpt-image-2.6-flare", Images: 1,
				Extra: map[string]rawJSON{"complexity": rawJSON(`"low"`), "partial_images": rawJSON("1")},
			},
			gpt26, target("openai", gpt2),
			"dropped=complexity,partial_images", 1, false, func(r *switchyard.Request) bool { return r.Extra == nil },
		},
		"the same to one that can be told": {
			switchyard.Request{Dialect: "openai", Model: "gpt-image-2.6-flare", Images: 1, Extra: map[string]rawJSON{"complexity": rawJSON(`"low"`)}},
			gpt26, target("openai", openai.Dialect{}.Models().Find("gpt-image-2.6-sunburst")),
			"exact", 1, true, nil,
		},
		"how long a model is to think, to one that does not": {
			switchyard.Request{Dialect: "gemini", Form: "generateContent", Model: nano.ID, Images: 1, Aspect: wide, Extra: map[string]rawJSON{"thinkingConfig": rawJSON("{}")}},
			nano, target("gemini", flash),
			"dropped=thinkingConfig", 1, false, nil,
		},
		"what only its own bytes can say, to a sibling that cannot be sent them": {
			switchyard.Request{
				Dialect: "gemini", Form: "generateContent", Model: nano.ID, Images: 1, Aspect: wide, Resolution: "2K",
				Extra: map[string]rawJSON{"systemInstruction": rawJSON("{}")},
			},
			nano, target("gemini", flash),
			"rounded=resolution:2K>1K; dropped=systemInstruction", 1, false, nil,
		},
		"the same to one that can": {
			switchyard.Request{
				Dialect: "gemini", Form: "generateContent", Model: nano.ID, Images: 1, Aspect: wide,
				Extra: map[string]rawJSON{"systemInstruction": rawJSON("{}")},
			},
			nano, target("gemini", flash),
			"exact", 1, true, nil,
		},
		"a size beside a picture whose shape the target keeps": {
			switchyard.Request{Dialect: "openai", Model: "gpt-image-2", Images: 1, Size: size(1024, 1536), References: make([]switchyard.Reference, 1)},
			gpt2, target("fal", flux),
			"dropped=size", 1, false, func(r *switchyard.Request) bool { return r.Size == size(0, 0) && r.MatchInput },
		},
		"a ratio beside one": {
			switchyard.Request{Dialect: "gemini", Model: nano.ID, Images: 1, Aspect: wide, Resolution: "1K", References: make([]switchyard.Reference, 1)},
			nano, target("replicate", fluxThere),
			"dropped=size", 1, false, func(r *switchyard.Request) bool {
				return r.Aspect == switchyard.Aspect{} && r.Resolution == "1K"
			},
		},
		"the same target without a picture": {
			switchyard.Request{Dialect: "openai", Model: "gpt-image-2", Images: 1, Size: size(1024, 1536)},
			gpt2, target("fal", flux),
			"exact", 1, false, func(r *switchyard.Request) bool { return r.Size == size(1024, 1536) },
		},
		"edges to multiples": {
			switchyard.Request{Dialect: "fal", Images: 1, Size: size(1000, 1000)},
			nil, target("openai", gpt2),
			"rounded=size:1000x1000>1008x1008", 1, false, nil,
		},
		"too narrow": {
			switchyard.Request{Dialect: "fal", Images: 1, Size: size(4000, 500)},
			nil, target("openai", gpt2),
			"rounded=size:4000x500>1488x496", 1, false, func(r *switchyard.Request) bool {
				return r.Size.Pixels() >= 655_360 && r.Size.Width <= 3*r.Size.Height
			},
		},
		"too large: the ratio is kept": {
			switchyard.Request{Dialect: "fal", Images: 1, Size: size(6000, 4500)},
			nil, target("openai", gpt2),
			"rounded=size:6000x4500>3312x2496", 1, false, nil,
		},
		"a class larger than any, of a picture like another": {
			switchyard.Request{Dialect: "gemini", Model: nano.ID, Images: 1, Resolution: "4K", MatchInput: true, References: make([]switchyard.Reference, 1)},
			nano, target("other", &switchyard.Model{Can: switchyard.Abilities{Images: 1, References: 1, Resolutions: []string{"1K", "2K"}}}),
			"rounded=resolution:4K>2K", 1, false, func(r *switchyard.Request) bool { return r.Resolution == "2K" },
		},
		"a picture for what it cannot be told": {
			switchyard.Request{Dialect: "replicate", Images: 1, References: []switchyard.Reference{{Role: switchyard.RoleFace}}},
			nil, target("gemini", nano),
			"rounded=role:face>edit", 1, false, func(r *switchyard.Request) bool { return r.References[0].Role == switchyard.RoleEdit },
		},
		"a seed for what it cannot be told": {
			switchyard.Request{Dialect: "gemini", Model: nano.ID, Images: 1, Seed: ptr(uint64(7))},
			nano, target("openai", gpt2),
			"dropped=seed", 1, false, func(r *switchyard.Request) bool { return r.Seed == nil },
		},
		"a style of another family": {
			switchyard.Request{Dialect: "fal", Images: 1, Style: "anime"},
			&switchyard.Model{Family: "a"}, target("other", &switchyard.Model{Family: "b", Can: switchyard.Abilities{Images: 1, Fields: []string{"style"}}}),
			"dropped=style", 1, false, func(r *switchyard.Request) bool { return r.Style == "" },
		},
		"a style that a sibling has not": {
			switchyard.Request{Dialect: "fal", Images: 1, Style: "anime"},
			&switchyard.Model{Family: "a"}, target("other", &switchyard.Model{Family: "a", Can: switchyard.Abilities{Images: 1}}),
			"dropped=style", 1, false, func(r *switchyard.Request) bool { return r.Style == "" },
		},
		"a format that we can write": {
			switchyard.Request{Dialect: "openai", Model: "dall-e-3", Images: 1, Format: "jpeg"},
			nil, target("openai", dallE),
			"exact", 1, true, nil,
		},
		"a format that nobody here writes": {
			switchyard.Request{Dialect: "openai", Model: "gpt-image-2", Images: 1, Format: "webp"},
			gpt2, target("gemini", nano),
			"rounded=format:webp>png", 1, false, func(r *switchyard.Request) bool { return r.Format == "png" },
		},
		"quality": {
			switchyard.Request{Dialect: "openai", Model: "gpt-image-2.6-flare", Images: 1, Quality: "max"},
			gpt2, target("openai", gptMini),
			"rounded=quality:max>high", 1, false, nil,
		},
		"opaque is what all paint": {
			switchyard.Request{Dialect: "openai", Model: "gpt-image-2", Images: 1, Background: "opaque"}, gpt2, target("gemini", nano), "exact", 1, false, nil,
		},
		"transparent is not": {
			switchyard.Request{Dialect: "openai", Model: "gpt-image-2", Images: 1, Background: "transparent", Extra: map[string]rawJSON{"partial_images": nil}},
			gpt2, target("gemini", nano),
			"dropped=background,partial_images", 1, false, nil,
		},
		"a compression that it cannot be told": {
			switchyard.Request{Dialect: "openai", Model: "gpt-image-2", Images: 1, Format: "webp", Compression: ptr(50)},
			gpt2, target("other", webp),
			"dropped=compression", 1, false, func(r *switchyard.Request) bool { return r.Format == "webp" && r.Compression == nil },
		},
		"a compression that we know of": {
			switchyard.Request{Dialect: "openai", Model: "gpt-image-2", Images: 1, Format: "jpeg", Compression: ptr(50)},
			gpt2, target("other", webp),
			"emulated=format", 1, false, func(r *switchyard.Request) bool { return r.Format == "webp" && r.Compression == nil },
		},
	} {
		t.Run(name, func(t *testing.T) {
			before := c.request
			got, err := router.Fit(&c.request, c.asked, c.to)
			if err != nil {
				t.Fatal(err)
			}
			if got.Fidelity.String() != c.notes || got.Calls != c.calls || got.Forward != c.forward {
				t.Errorf("%q, %d calls, forward %t; want %q, %d, %t", got.Fidelity, got.Calls, got.Forward, c.notes, c.calls, c.forward)
			}
			if c.check != nil && !c.check(got.Request) {
				t.Errorf("the target is told %+v", got.Request)
			}
			if c.request.Size != before.Size || c.request.Images != before.Images || c.request.Format != before.Format {
				t.Error("the app's request was changed")
			}
		})
	}
}

// TestUnfit: what is never dropped.
func TestUnfit(t *testing.T) {
	refs := func(n int) []switchyard.Reference { return make([]switchyard.Reference, n) }
	for name, c := range map[string]struct {
		request switchyard.Request
		to      *switchyard.Target
	}{
		"a reference":  {switchyard.Request{Dialect: "openai", Model: "x", Images: 1, References: refs(1)}, target("gemini", imagen)},
		"many of them": {switchyard.Request{Dialect: "openai", Model: "x", Images: 1, References: refs(15)}, target("gemini", nano)},
		"a file": {
			switchyard.Request{Dialect: "openai", Model: "x", Images: 1, References: []switchyard.Reference{{Image: switchyard.Image{Kept: "openai"}}}},
			&switchyard.Target{Dialect: "gemini", Model: "not in the table"},
		},
		"a file to mark up": {
			switchyard.Request{Dialect: "openai", Model: "x", Images: 1, Markup: &switchyard.Image{Kept: "openai"}},
			&switchyard.Target{Dialect: "gemini", Model: "not in the table"},
		},
		"a mask":            {switchyard.Request{Dialect: "openai", Model: "x", Images: 1, References: refs(1), Mask: &switchyard.Mask{}}, target("gemini", nano)},
		"a mask of nothing": {switchyard.Request{Dialect: "replicate", Model: "x", Images: 1, Mask: &switchyard.Mask{}}, target("openai", gpt2)},
		"a prompt":          {switchyard.Request{Dialect: "gemini", Model: "x", Images: 1, Prompt: string(make([]byte, 5000))}, target("openai", dallE)},
	} {
		var unfit *router.Unfit
		if _, err := router.Fit(&c.request, nil, c.to); !errors.As(err, &unfit) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestTypesOfReferences: a picture in a type that the model does not read is no reason to ask it; one that nobody has named is.
func TestTypesOfReferences(t *testing.T) {
	unsaid := *gptMini
	unsaid.Can.Takes = nil
	for mime, fits := range map[string]bool{
		"": true, "image/*": true, "application/octet-stream": true, "image/png": true, "image/jpg": true, "IMAGE/JPEG; q=1": true, "image/x-png": true,
		"image/heic": false, "image/gif": false,
	} {
		req := &switchyard.Request{Dialect: "gemini", Model: "x", Images: 1, References: []switchyard.Reference{{Image: switchyard.Image{MIME: mime}}}}
		var unfit *router.Unfit
		if _, err := router.Fit(req, nil, target("openai", gptMini)); errors.As(err, &unfit) == fits {
			t.Errorf("%q: %v", mime, err)
		}
		if _, err := router.Fit(req, nil, target("openai", &unsaid)); errors.As(err, &unfit) != (mime == "image/heic") {
			t.Errorf("%q, where the table does not say: %v", mime, err)
		}
	}
}

// TestAnyFormat: who cannot be asked for a type of file may make another than the app expects, which we convert.
func TestAnyFormat(t *testing.T) {
	for asked, want := range map[string][2]string{
		"": {"", "exact"}, "png": {"png", "emulated=format"}, "jpeg": {"jpeg", "emulated=format"}, "webp": {"png", "rounded=format:webp>png"},
	} {
		got, err := router.Fit(&switchyard.Request{Dialect: "openai", Model: "gpt-image-2", Images: 1, Format: asked}, gpt2, target("gemini", nano))
		if err != nil || got.Format != want[0] || got.Fidelity.String() != want[1] {
			t.Errorf("%q is converted to %q, with %q (%v); want %q", asked, got.Format, got.Fidelity, err, want)
		}
	}
}
