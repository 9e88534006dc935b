package sim

import (
	"encoding/json"
	"slices"

	"switchyard"
)

// falModel is one endpoint of fal. Schemas and prices as recorded in the autumn of 2026.
type falModel struct {
	id     string // owner/alias and the path below it
	fields []field

	perMegapixel switchyard.Money // of each image, rounded up to whole megapixels of 2^20 pixels
	perImage     switchyard.Money

	open    bool     // its checker blackens pictures; else it refuses with 422
	bare    bool     // answers {images, description} without seed and flags
	follows bool     // without a size the picture is as large as its input
	images  []string // fields that hold references: an address or a list of them
}

// presets are the named sizes. portrait_4_3 is three wide and four high.
var presets = map[string]switchyard.Size{
	"square_hd": {Width: 1024, Height: 1024}, "square": {Width: 512, Height: 512},
	"portrait_4_3": {Width: 768, Height: 1024}, "portrait_16_9": {Width: 576, Height: 1024},
	"landscape_4_3": {Width: 1024, Height: 768}, "landscape_16_9": {Width: 1024, Height: 576},
}

func imageSize(v string) field { return field{name: "image_size", kind: "size", value: v} }

// sizeBroken judges an image_size: a preset, or an object whose edges are 512 unless given.
func sizeBroken(v any) string {
	if s, ok := v.(string); ok {
		if _, ok := presets[s]; !ok {
			return "enum"
		}
		return ""
	}
	m, ok := v.(obj)
	if !ok {
		return "type"
	}
	for _, k := range []string{"width", "height"} {
		edge := count(k, 1, 14142, 512)
		if v, there := m[k]; there {
			if rule := edge.broken(v); rule != "" {
				return rule
			}
		}
	}
	return ""
}

// asSize is a checked image_size in pixels.
func asSize(v any) switchyard.Size {
	if s, ok := v.(string); ok {
		return presets[s]
	}
	size := switchyard.Size{Width: 512, Height: 512}
	m := asObject(v)
	if _, ok := m["width"].(json.Number); ok {
		size.Width = intOf(m, "width")
	}
	if _, ok := m["height"].(json.Number); ok {
		size.Height = intOf(m, "height")
	}
	return size
}

var (
	wideRatios   = []string{"21:9", "16:9", "4:3", "3:2", "1:1", "2:3", "3:4", "9:16", "9:21"}
	bananaRatios = []string{"21:9", "16:9", "3:2", "4:3", "5:4", "1:1", "4:5", "3:4", "2:3", "9:16"}
	tolerances   = []string{"1", "2", "3", "4", "5", "6"}

	promptField = str("prompt").must()
	syncMode    = flag("sync_mode", false)
	checker     = flag("enable_safety_checker", true)
	jpegOrPNG   = pick("output_format", "jpeg", "png")
	accelerated = pick("acceleration", "none", "regular", "high")
)

func fluxFields(steps, mostSteps int64) []field {
	return []field{
		promptField, imageSize("landscape_4_3"), count("num_inference_steps", 1, mostSteps, steps),
		number("guidance_scale", 1, 20, 3.5), seedField(), count("num_images", 1, 4, 1), checker, jpegOrPNG, accelerated, syncMode,
	}
}

func sdxlFields(more ...field) []field {
	return append([]field{
		promptField, str("negative_prompt").or(""), imageSize("square_hd"), count("num_inference_steps", 1, 50, 25),
		number("guidance_scale", 0, 20, 7.5), seedField(), count("num_images", 1, 8, 1), array("loras"), array("embeddings"),
		checker, pick("safety_checker_version", "v1", "v2"), flag("expand_prompt", false), pick("format", "jpeg", "png"),
		str("request_id").or(""), syncMode,
	}, more...)
}

func lightningFields(more ...field) []field {
	return append([]field{
		promptField, imageSize("square_hd"), pick("num_inference_steps", "4", "1", "2", "8"), seedField(),
		count("num_images", 1, 8, 1), checker, pick("safety_checker_version", "v1", "v2"), flag("expand_prompt", false),
		pick("format", "jpeg", "png"), array("embeddings"), str("request_id").or(""), syncMode,
	}, more...)
}

func proFields(tolerance string, more ...field) []field {
	return append([]field{
		promptField, count("num_images", 1, 4, 1), seedField(), jpegOrPNG,
		enum("safety_tolerance", tolerances).or(tolerance), flag("enhance_prompt", false), syncMode,
	}, more...)
}

func bananaFields(ratios []string, ratio string, more ...field) []field {
	return append([]field{
		promptField, count("num_images", 1, 4, 1), enum("aspect_ratio", ratios).or(ratio),
		pick("output_format", "png", "jpeg", "webp"), enum("safety_tolerance", tolerances).or("4"), seedField(),
		flag("limit_generations", true), syncMode,
	}, more...)
}

func dropField(fields []field, name string) []field {
	return slices.DeleteFunc(fields, func(f field) bool { return f.name == name })
}

var (
	imageURL  = uri("image_url").must()
	maskURL   = uri("mask_url").must()
	imageURLs = array("image_urls").must()
	strength  = number("strength", 0, 1, 0.95)
	sdxlImage = []field{imageURL, strength, flag("crop_output", false), flag("preserve_aspect_ratio", false)}
	mill      = switchyard.Dollar / 1000
)

var falModels = []falModel{
	{id: "fal-ai/flux/dev", fields: fluxFields(28, 50), perMegapixel: 25 * mill, open: true},
	{id: "fal-ai/flux-1/dev", fields: fluxFields(28, 50), perMegapixel: 25 * mill, open: true},
	{id: "fal-ai/flux/schnell", fields: fluxFields(4, 12), perMegapixel: 3 * mill, open: true},
	{id: "fal-ai/flux-1/schnell", fields: fluxFields(4, 12), perMegapixel: 3 * mill, open: true},
	{
		id: "fal-ai/flux/dev/image-to-image", perMegapixel: 30 * mill, open: true, follows: true, images: []string{"image_url"},
		fields: append(dropField(fluxFields(40, 50), "image_size"), imageURL, strength),
	},
	{id: "fal-ai/flux-pro/v1.1", fields: proFields("2", imageSize("landscape_4_3")), perMegapixel: 40 * mill},
	{
		id: "fal-ai/flux-pro/v1.1-ultra", perImage: 60 * mill, images: []string{"image_url"},
		fields: proFields("2", str("aspect_ratio").or("16:9"), uri("image_url"), number("image_prompt_strength", 0, 1, 0.1), flag("raw", false)),
	},
	{
		id: "fal-ai/flux-pro/kontext", perImage: 40 * mill, follows: true, images: []string{"image_url"},
		fields: proFields("2", imageURL, enum("aspect_ratio", wideRatios), number("guidance_scale", 1, 20, 3.5)),
	},
	{
		id: "fal-ai/flux-pro/kontext/max", perImage: 80 * mill, follows: true, images: []string{"image_url"},
		fields: proFields("2", imageURL, enum("aspect_ratio", wideRatios), number("guidance_scale", 1, 20, 3.5)),
	},
	{
		id: "fal-ai/flux-pro/kontext/multi", perImage: 40 * mill, follows: true, images: []string{"image_urls"},
		fields: proFields("2", imageURLs, enum("aspect_ratio", wideRatios), number("guidance_scale", 1, 20, 3.5)),
	},
	{
		id: "fal-ai/flux-pro/kontext/text-to-image", perImage: 40 * mill,
		fields: proFields("2", enum("aspect_ratio", wideRatios).or("1:1"), number("guidance_scale", 1, 20, 3.5)),
	},
	{
		id: "fal-ai/flux-2-pro", perMegapixel: 30 * mill,
		fields: dropField(proFields("2", imageSize("landscape_4_3"), checker), "num_images"),
	},
	{id: "fal-ai/fast-sdxl", fields: sdxlFields(), perImage: 25 * mill / 10, open: true},
	{id: "fal-ai/fast-sdxl/image-to-image", fields: sdxlFields(sdxlImage...), perImage: 25 * mill / 10, open: true, images: []string{"image_url"}},
	{id: "fal-ai/fast-sdxl/inpainting", fields: sdxlFields(imageURL, maskURL, strength), perImage: 25 * mill / 10, open: true, images: []string{"image_url"}},
	{id: "fal-ai/fast-lightning-sdxl", fields: lightningFields(), perImage: mill, open: true},
	{id: "fal-ai/fast-lightning-sdxl/image-to-image", fields: lightningFields(sdxlImage...), perImage: mill, open: true, images: []string{"image_url"}},
	{id: "fal-ai/fast-lightning-sdxl/inpainting", fields: lightningFields(imageURL, maskURL, strength), perImage: mill, open: true, images: []string{"image_url"}},
	{id: "fal-ai/nano-banana", fields: bananaFields(bananaRatios, "1:1"), perImage: 398 * mill / 10, bare: true},
	{
		id: "fal-ai/nano-banana/edit", perImage: 398 * mill / 10, bare: true, follows: true, images: []string{"image_urls"},
		fields: bananaFields(append([]string{"auto"}, bananaRatios...), "auto", imageURLs),
	},
	{id: "fal-ai/imagen4/preview", perImage: 40 * mill, bare: true, fields: []field{
		promptField, count("num_images", 1, 4, 1),
		pick("aspect_ratio", "1:1", "16:9", "9:16", "4:3", "3:4"), pick("output_format", "png", "jpeg", "webp"),
		pick("resolution", "1K", "2K"), syncMode,
	}},
}

func (f *fal) model(id string) (falModel, bool) {
	for _, m := range falModels {
		if m.id == id {
			return m, true
		}
	}
	return falModel{}, false
}

// price is what n images of that size cost, and the units that fal counts.
func (m falModel) price(size switchyard.Size, n int) (switchyard.Money, int64) {
	if m.perMegapixel == 0 {
		return m.perImage * switchyard.Money(n), int64(n)
	}
	const megapixel = 1 << 20
	units := (size.Pixels() + megapixel - 1) / megapixel * int64(n)
	return m.perMegapixel * switchyard.Money(units), units
}
