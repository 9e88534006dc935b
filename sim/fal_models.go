package sim

import (
	"encoding/json"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"switchyard"
)

// falModel is one endpoint of fal. Schemas and prices are as recorded in the autumn of 2026: from the types of @fal-ai/client
// 1.8.3 and 1.10.1, and from fal's own llms.txt of a model; where both say nothing, from its table of models.
type falModel struct {
	id     string // owner/alias and the path below it
	fields []field

	perMegapixel switchyard.Money            // of each image, rounded up to whole megapixels of 2^20 pixels
	first        switchyard.Money            // of its first megapixel, if that is another
	perImage     switchyard.Money            // of each image
	perClass     map[string]switchyard.Money // :: resolution → what an image costs instead

	open    bool     // its checker blackens pictures; else it refuses with 422
	shape   falShape // of its answers
	follows bool     // without a size the picture is as large as its input
	images  []string // fields that hold references: an address, a list of them, or of objects with image_url
	archive string   // field that holds a ZIP of pictures
	format  string   // if there is no output_format
}

// falShape is which members an answer has.
type falShape uint8

const (
	shapeFull        falShape = iota // images, timings, seed, has_nsfw_concepts, prompt
	shapeDescription                 // images, description
	shapeSeed                        // images, seed
	shapeImages                      // images
	shapeSticker                     // images, two stickers, seed, and has_nsfw_concepts by kind of picture
	shapeOne                         // image, seed
)

// presets are the named sizes. portrait_4_3 is three wide and four high.
var presets = map[string]switchyard.Size{
	"square_hd": {Width: 1024, Height: 1024}, "square": {Width: 512, Height: 512},
	"portrait_4_3": {Width: 768, Height: 1024}, "portrait_16_9": {Width: 576, Height: 1024},
	"landscape_4_3": {Width: 1024, Height: 768}, "landscape_16_9": {Width: 1024, Height: 576},
}

func imageSize(v string) field { return field{name: "image_size", kind: "size", value: v} }

// seedreamSize is an image_size that may also be left to the model. A size has from 960x960 to 4096x4096 pixels in all.
func seedreamSize() field {
	return field{
		name: "image_size", kind: "size", value: obj{"width": json.Number("2048"), "height": json.Number("2048")},
		values: []string{"auto", "auto_2K", "auto_4K"}, low: big.NewRat(960*960, 1), high: big.NewRat(4096*4096, 1),
	}
}

// sizeBroken checks an image_size: a preset, one of the field's own words, or an object whose edges are 512 unless given.
func (f field) sizeBroken(v any) string {
	if s, ok := v.(string); ok {
		if _, ok := presets[s]; !ok && !slices.Contains(f.values, s) {
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
	if f.low != nil {
		return f.outside(json.Number(strconv.FormatInt(asSize(v).Pixels(), 10)))
	}
	return ""
}

// asSize returns a checked image_size in pixels; zero if it is left to the model.
func asSize(v any) switchyard.Size {
	if s, ok := v.(string); ok {
		if size, err := switchyard.ParseSize(s); err == nil { // of gpt-image
			return size
		}
		if s == "auto_4K" {
			return switchyard.Size{Width: 4096, Height: 4096}
		}
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
	editRatios   = append([]string{"auto"}, bananaRatios...)
	longRatios   = append(slices.Clone(editRatios), "4:1", "1:4", "8:1", "1:8")
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

// bananaPro and bananaTwo are what the later models take besides.
func bananaPro(more ...field) []field {
	return append([]field{pick("resolution", "1K", "2K", "4K"), flag("enable_web_search", false), str("system_prompt")}, more...)
}

func bananaTwo(more ...field) []field {
	return append([]field{pick("resolution", "1K", "0.5K", "2K", "4K"), flag("enable_web_search", false), enum("thinking_level", []string{"minimal", "high"})}, more...)
}

func imagenFields(more ...field) []field {
	return append([]field{
		promptField, count("num_images", 1, 4, 1), enum("aspect_ratio", imagenRatios).or("1:1"), pick("output_format", "png", "jpeg", "webp"), syncMode,
	}, more...)
}

func seedreamFields(more ...field) []field {
	return append([]field{
		promptField, seedreamSize(), count("num_images", 1, 6, 1), count("max_images", 1, 6, 1), seedField(),
		pick("enhance_prompt_mode", "standard", "fast"), checker, syncMode,
	}, more...)
}

// recraftStyles are families, which are styles themselves, and what may follow them after a slash. Each of the two lists of
// types has some that the other has not.
func recraftStyles() []string {
	styles := []string{"any"}
	for row := range strings.Lines(recraftRows) {
		family, rest, _ := strings.Cut(strings.TrimSpace(row), ": ")
		styles = append(styles, family)
		for _, s := range strings.Fields(rest) {
			styles = append(styles, family+"/"+s)
		}
	}
	return styles
}

const recraftRows = `realistic_image: b_and_w hard_flash hdr natural_light studio_portrait enterprise motion_blur evening_light
digital_illustration: pixel_art hand_drawn grain infantile_sketch 2d_art_poster handmade_3d hand_drawn_outline engraving_color
vector_illustration: engraving line_art line_circuit linocut cartoon kawaii`

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
	{
		id: "fal-ai/flux-1/dev/image-to-image", perMegapixel: 30 * mill, open: true, follows: true, images: []string{"image_url"},
		fields: append(dropField(fluxFields(40, 50), "image_size"), imageURL, strength),
	},
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
		id: "fal-ai/flux-pro/kontext/max/multi", perImage: 80 * mill, follows: true, images: []string{"image_urls"},
		fields: proFields("2", imageURLs, enum("aspect_ratio", wideRatios), number("guidance_scale", 1, 20, 3.5)),
	},
	{
		id: "fal-ai/flux-pro/kontext/max/text-to-image", perImage: 80 * mill,
		fields: proFields("2", enum("aspect_ratio", wideRatios).or("1:1"), number("guidance_scale", 1, 20, 3.5)),
	},
	{
		id: "fal-ai/flux-2-pro", first: 30 * mill, perMegapixel: 15 * mill, shape: shapeSeed,
		fields: []field{
			promptField, imageSize("landscape_4_3"), seedField(), enum("safety_tolerance", tolerances[:5]).or("2"), checker, jpegOrPNG, syncMode,
		},
	},
	{id: "fal-ai/fast-sdxl", fields: sdxlFields(), perImage: 25 * mill / 10, open: true},
	{id: "fal-ai/fast-sdxl/image-to-image", fields: sdxlFields(sdxlImage...), perImage: 25 * mill / 10, open: true, images: []string{"image_url"}},
	{id: "fal-ai/fast-sdxl/inpainting", fields: sdxlFields(imageURL, maskURL, strength), perImage: 25 * mill / 10, open: true, images: []string{"image_url"}},
	{id: "fal-ai/fast-lightning-sdxl", fields: lightningFields(), perImage: mill, open: true},
	{id: "fal-ai/fast-lightning-sdxl/image-to-image", fields: lightningFields(sdxlImage...), perImage: mill, open: true, images: []string{"image_url"}},
	{id: "fal-ai/fast-lightning-sdxl/inpainting", fields: lightningFields(imageURL, maskURL, strength), perImage: mill, open: true, images: []string{"image_url"}},
	banana("fal-ai/nano-banana"),
	banana("fal-ai/gemini-25-flash-image"),
	bananaEdit("fal-ai/nano-banana/edit"),
	bananaEdit("fal-ai/gemini-25-flash-image/edit"),
	{id: "fal-ai/nano-banana-pro", fields: bananaFields(editRatios, "1:1", bananaPro()...), perClass: proPrices, shape: shapeDescription},
	{
		id: "fal-ai/nano-banana-pro/edit", perClass: proPrices, shape: shapeDescription, follows: true, images: []string{"image_urls"},
		fields: bananaFields(editRatios, "auto", bananaPro(imageURLs)...),
	},
	{id: "fal-ai/nano-banana-2", fields: bananaFields(longRatios, "auto", bananaTwo()...), perClass: twoPrices, shape: shapeDescription},
	{
		id: "fal-ai/nano-banana-2/edit", perClass: twoPrices, shape: shapeDescription, follows: true, images: []string{"image_urls"},
		fields: bananaFields(longRatios, "auto", bananaTwo(imageURLs)...),
	},
	{id: "fal-ai/imagen4/preview", fields: imagenFields(pick("resolution", "1K", "2K")), perImage: 40 * mill, shape: shapeDescription},
	{id: "fal-ai/imagen4/preview/fast", fields: imagenFields(), perImage: 20 * mill, shape: shapeDescription},
	{id: "fal-ai/imagen4/preview/ultra", fields: imagenFields(pick("resolution", "1K", "2K")), perImage: 60 * mill, shape: shapeDescription},
	{
		// The price is OpenAI's own for medium quality: fal's is published nowhere.
		id: "fal-ai/gpt-image-1/text-to-image", perImage: 42 * mill, shape: shapeImages,
		fields: []field{
			promptField, enum("image_size", append([]string{"auto"}, threeSizes...)).or("auto"), enum("quality", append([]string{"auto"}, threeGrades...)).or("auto"),
			pick("background", "auto", "transparent", "opaque"), count("num_images", 1, 4, 1), pick("output_format", "png", "jpeg", "webp"), syncMode,
		},
	},
	{id: "fal-ai/bytedance/seedream/v4/text-to-image", fields: seedreamFields(), perImage: 30 * mill, shape: shapeSeed, format: "png"},
	{
		id: "fal-ai/bytedance/seedream/v4/edit", perImage: 30 * mill, shape: shapeSeed, format: "png", images: []string{"image_urls"},
		fields: seedreamFields(imageURLs),
	},
	{
		id: "fal-ai/recraft/v3/text-to-image", perImage: 40 * mill, shape: shapeImages, format: "webp",
		fields: []field{
			promptField, imageSize("square_hd"), enum("style", recraftStyles()).or("realistic_image"), array("colors"), str("style_id"), flag("enable_safety_checker", false),
		},
	},

	// Models that draw a face cost by the compute second, at a price that is not published: the figure here is a guess.
	{
		id: "fal-ai/photomaker", perImage: 10 * mill, shape: shapeSeed, format: "png", archive: "image_archive_url",
		fields: []field{
			uri("image_archive_url").must(), promptField, pick("base_pipeline", "photomaker", "photomaker-style"), uri("initial_image_url"),
			number("initial_image_strength", 0, 1, 0.5), pick("style", "Photographic", "(No style)", "Cinematic", "Disney Character", "Digital Art",
				"Fantasy art", "Neonpunk", "Enhance", "Comic book", "Lowpoly", "Line art"),
			str("negative_prompt").or(""), count("num_inference_steps", 1, 100, 50), number("style_strength", 0, 100, 20), count("num_images", 1, 4, 1),
			number("guidance_scale", 0, 20, 5), seedField(),
		},
	},
	{
		id: "fal-ai/face-to-sticker", perImage: 10 * mill, shape: shapeSticker, format: "png", images: []string{"image_url"},
		fields: []field{
			imageURL, promptField, str("negative_prompt").or(""), count("num_inference_steps", 1, 100, 20), number("guidance_scale", 0, 20, 4.5),
			number("instant_id_strength", 0, 1, 0.7), number("ip_adapter_weight", 0, 1, 0.2), number("ip_adapter_noise", 0, 1, 0.5),
			imageSize("square_hd"), flag("upscale", false), count("upscale_steps", 1, 100, 10), seedField(), checker,
		},
	},
	{
		id: "fal-ai/pulid", perImage: 10 * mill, shape: shapeSeed, format: "png", images: []string{"reference_images"},
		fields: []field{
			array("reference_images").must(), promptField, str("negative_prompt"), count("num_images", 1, 4, 1), number("guidance_scale", 1, 1.5, 1.2),
			count("num_inference_steps", 1, 12, 4), seedField(), imageSize("square_hd"), number("id_scale", 0, 5, 0.8), pick("mode", "fidelity", "extreme style"),
			flag("id_mix", false),
		},
	},
	{
		id: "fal-ai/flux-pulid", perImage: 10 * mill, open: true, format: "jpeg", images: []string{"reference_image_url"},
		fields: []field{
			promptField, uri("reference_image_url").must(), imageSize("landscape_4_3"), count("num_inference_steps", 1, 50, 20), seedField(),
			number("guidance_scale", 1, 20, 4), str("negative_prompt").or(""), syncMode, count("start_step", 0, 50, 0), number("true_cfg", 1, 10, 1),
			number("id_weight", 0, 1, 1), checker, pick("max_sequence_length", "128", "256", "512"),
		},
	},
	{
		id: "fal-ai/ip-adapter-face-id", perImage: 10 * mill, shape: shapeOne, format: "png", images: []string{"face_image_url"},
		fields: []field{
			pick("model_type", "1_5-v1", "1_5-v1-plus", "1_5-v2-plus", "SDXL-v1", "SDXL-v2-plus", "1_5-auraface-v1"), promptField, uri("face_image_url"),
			uri("face_images_data_url"), str("negative_prompt"), seedField(), number("guidance_scale", 0, 20, 7.5), count("num_inference_steps", 1, 200, 50),
			count("num_samples", 1, 16, 4), count("width", 64, 2048, 512), count("height", 64, 2048, 512), count("face_id_det_size", 64, 1024, 640),
			str("base_1_5_model_repo"), str("base_sdxl_model_repo"),
		},
	},
}

var (
	proPrices = map[string]switchyard.Money{"1K": 150 * mill, "2K": 150 * mill, "4K": 300 * mill}
	twoPrices = map[string]switchyard.Money{"0.5K": 60 * mill, "1K": 80 * mill, "2K": 120 * mill, "4K": 160 * mill}
)

func banana(id string) falModel {
	return falModel{id: id, fields: bananaFields(bananaRatios, "1:1"), perImage: 398 * mill / 10, shape: shapeDescription}
}

func bananaEdit(id string) falModel {
	return falModel{
		id: id, fields: bananaFields(editRatios, "auto", imageURLs), perImage: 398 * mill / 10, shape: shapeDescription, follows: true,
		images: []string{"image_urls"},
	}
}

func (f *fal) model(id string) (falModel, bool) {
	for _, m := range falModels {
		if m.id == id {
			return m, true
		}
	}
	return falModel{}, false
}

// price returns what n images of that size cost, and the units that fal counts.
func (m falModel) price(size switchyard.Size, class string, n int) (switchyard.Money, int64) {
	each := m.perImage
	if m.perClass != nil {
		each = m.perClass[class]
	}
	if m.perMegapixel == 0 {
		return each * switchyard.Money(n), int64(n)
	}
	const megapixel = 1 << 20
	units := (size.Pixels() + megapixel - 1) / megapixel
	each = m.perMegapixel * switchyard.Money(units)
	if m.first > 0 {
		each += m.first - m.perMegapixel
	}
	return each * switchyard.Money(n), units * int64(n)
}
