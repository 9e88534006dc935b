package sim

import (
	"switchyard"
)

// replicateModel is one model of Replicate. Schemas and prices are as recorded in the autumn of 2026, from the pages of its
// models' versions. These pages do not show the values of enumerations, which come from third parties that copied the schemas.
type replicateModel struct {
	name     string // owner/name
	version  string // 64 hexadecimal digits; empty for an official model, which has none to show
	fields   []field
	list     bool // output is a list, even of one
	open     bool // flagged images are dropped, not the whole
	filtered string
	images   []string // fields that hold references
	mask     string
	sizes    map[string]switchyard.Size // by aspect ratio

	perImage     switchyard.Money
	perMegapixel switchyard.Money            // in addition, for each begun million pixels of the output and of each reference
	perClass     map[string]switchyard.Money // :: resolution → what an image costs instead
	perSecond    switchyard.Money            // of predict_time
	seconds      float64                     // predict_time at the default latency
	format       string                      // if there is no output_format
}

// What models say when a safety checker stopped them.
const (
	nsfwFlux  = "All generated images contained NSFW content. Try running it again with a different prompt."
	nsfwSDXL  = "NSFW content detected. Try running it again, or try a different prompt."
	sensitive = "The input or output was flagged as sensitive. Please try again with different inputs. (E005)"
)

const (
	sdxlVersion = "7762fd07cf82c948538e41f63f77d685e02b063e37e496e96eefd46c929f9bdc"
	faceVersion = "a07f252abbbd832009640b27f063ea52d87d7a23a185ca165bec23b5adc8deaf"
)

// fluxSizes are the pixels of one megapixel by ratio.
var fluxSizes = oneSize(`
1:1 1024x1024
16:9 1344x768
21:9 1536x640
3:2 1216x832
2:3 832x1216
4:5 896x1088
5:4 1088x896
3:4 896x1152
4:3 1152x896
9:16 768x1344
9:21 640x1536`)

func oneSize(rows string) map[string]switchyard.Size {
	out := map[string]switchyard.Size{}
	for ratio, row := range sizeTable(rows, "") {
		out[ratio] = row[""]
	}
	return out
}

var (
	fluxRatios   = []string{"1:1", "16:9", "21:9", "3:2", "2:3", "4:5", "5:4", "3:4", "4:3", "9:16", "9:21"}
	proRatios    = []string{"custom", "1:1", "16:9", "3:2", "2:3", "4:5", "5:4", "9:16", "3:4", "4:3"}
	matchRatios  = append([]string{"match_input_image", "2:1", "1:2"}, fluxRatios...)
	flux2Ratios  = []string{"match_input_image", "custom", "1:1", "16:9", "3:2", "2:3", "4:5", "5:4", "9:16", "3:4", "4:3"}
	dreamRatios  = []string{"match_input_image", "1:1", "4:3", "3:4", "16:9", "9:16", "3:2", "2:3", "21:9"}
	imagenRatios = []string{"1:1", "9:16", "16:9", "3:4", "4:3"}
	threeFormats = pick("output_format", "webp", "jpg", "png")
	quality80    = count("output_quality", 0, 100, 80)
	checkerOff   = flag("disable_safety_checker", false)
)

func ratioField(values []string, v string) field { return enum("aspect_ratio", values).or(v) }

func openFlux(steps, most int64, more ...field) []field {
	return append([]field{
		promptField, ratioField(fluxRatios, "1:1"), count("num_outputs", 1, 4, 1), count("num_inference_steps", 1, most, steps),
		seedField(), threeFormats, quality80, checkerOff, flag("go_fast", true), pick("megapixels", "1", "0.25"),
	}, more...)
}

var faceFields = []field{
	uri("image"), pick("style", "3D", "Emoji", "Video game", "Pixels", "Clay", "Toy"), str("prompt").or("a person"),
	str("negative_prompt").or(""), number("denoising_strength", 0, 1, 0.65), number("prompt_strength", 0, 20, 4.5),
	number("control_depth_strength", 0, 1, 0.8), number("instant_id_strength", 0, 1, 1), seedField(), uri("custom_lora_url"),
	number("lora_scale", 0, 1, 1),
}

var sdxlInputs = []field{
	str("prompt").or("An astronaut riding a rainbow unicorn"), str("negative_prompt").or(""), uri("image"), uri("mask"),
	count("width", 1, 4096, 1024), count("height", 1, 4096, 1024), count("num_outputs", 1, 4, 1),
	pick("scheduler", "K_EULER", "DDIM", "DPMSolverMultistep", "HeunDiscrete", "KarrasDPM", "K_EULER_ANCESTRAL", "PNDM"),
	count("num_inference_steps", 1, 500, 50), number("guidance_scale", 1, 50, 7.5), number("prompt_strength", 0, 1, 0.8), seedField(),
	pick("refine", "no_refiner", "expert_ensemble_refiner", "base_image_refiner"), number("high_noise_frac", 0, 1, 0.8),
	{name: "refine_steps", kind: "integer"},
	flag("apply_watermark", true), number("lora_scale", 0, 1, 0.6), str("replicate_weights"), checkerOff,
}

var replicateModels = []replicateModel{
	{name: "black-forest-labs/flux-schnell", fields: openFlux(4, 4), list: true, open: true, filtered: nsfwFlux, sizes: fluxSizes, perImage: 3 * mill, seconds: 0.9},
	{
		name: "black-forest-labs/flux-dev", list: true, open: true, filtered: nsfwFlux, sizes: fluxSizes, perImage: 25 * mill, seconds: 3, images: []string{"image"},
		fields: openFlux(28, 50, uri("image"), number("prompt_strength", 0, 1, 0.8), number("guidance", 0, 10, 3)),
	},
	{
		name: "black-forest-labs/flux-1.1-pro", filtered: sensitive, sizes: fluxSizes, perImage: 40 * mill, seconds: 4, images: []string{"image_prompt"},
		fields: []field{
			promptField, uri("image_prompt"), ratioField(proRatios, "1:1"), count("width", 256, 1440, 0).or(nil), count("height", 256, 1440, 0).or(nil),
			count("safety_tolerance", 1, 6, 2), seedField(), flag("prompt_upsampling", false), threeFormats, quality80,
		},
	},
	{
		name: "black-forest-labs/flux-1.1-pro-ultra", filtered: sensitive, sizes: fluxSizes, perImage: 60 * mill, seconds: 8, images: []string{"image_prompt"},
		fields: []field{
			promptField, uri("image_prompt"), number("image_prompt_strength", 0, 1, 0.1), ratioField(fluxRatios, "1:1"), flag("raw", false),
			count("safety_tolerance", 1, 6, 2), seedField(), pick("output_format", "jpg", "png"),
		},
	},
	kontext("black-forest-labs/flux-kontext-pro", 40*mill, 5),
	kontext("black-forest-labs/flux-kontext-max", 80*mill, 7),
	{
		name: "black-forest-labs/flux-2-pro", filtered: sensitive, sizes: fluxSizes, perImage: 15 * mill, perMegapixel: 15 * mill, seconds: 7,
		images: []string{"input_images"},
		fields: []field{
			promptField, array("input_images"), ratioField(flux2Ratios, "1:1"), pick("resolution", "1 MP", "match_input_image", "0.5 MP", "2 MP", "4 MP"),
			count("width", 256, 2048, 0).or(nil), count("height", 256, 2048, 0).or(nil), count("safety_tolerance", 1, 5, 2), seedField(), threeFormats, quality80,
		},
	},
	{
		name: "stability-ai/sdxl", version: sdxlVersion, fields: sdxlInputs, list: true, open: true, filtered: nsfwSDXL, perSecond: 975_000, seconds: 5,
		images: []string{"image"}, mask: "mask", format: "png",
	},
	{
		name: "fofr/face-to-many", version: faceVersion, fields: faceFields, list: true, open: true, filtered: nsfwSDXL, perSecond: 725_000, seconds: 23,
		images: []string{"image"}, format: "png",
	},
	{name: "google/imagen-4", filtered: sensitive, sizes: imagenOne, perImage: 40 * mill, seconds: 6, fields: imagenInputs(pick("image_size", "1K", "2K"))},
	{name: "google/imagen-4-fast", filtered: sensitive, sizes: imagenOne, perImage: 20 * mill, seconds: 3, fields: imagenInputs()},
	{name: "google/imagen-4-ultra", filtered: sensitive, sizes: imagenOne, perImage: 60 * mill, seconds: 9, fields: imagenInputs(pick("image_size", "1K", "2K"))},
	{
		name: "google/nano-banana", filtered: sensitive, sizes: bananaOne, perImage: 39 * mill, seconds: 8, images: []string{"image_input"},
		fields: bananaInputs(),
	},
	{
		name: "google/nano-banana-pro", filtered: sensitive, sizes: bananaOne, perClass: proPrices, seconds: 20, images: []string{"image_input"},
		fields: bananaInputs(pick("resolution", "2K", "1K", "4K"), imagenFilter),
	},
	{
		name: "bytedance/seedream-4", filtered: sensitive, list: true, sizes: fluxSizes, perImage: 30 * mill, seconds: 9, images: []string{"image_input"}, format: "jpg",
		fields: dreamInputs(pick("size", "2K", "1K", "4K", "custom"), flag("enhance_prompt", true)),
	},
	{
		name: "bytedance/seedream-4.5", filtered: sensitive, list: true, sizes: fluxSizes, perImage: 40 * mill, seconds: 12, images: []string{"image_input"}, format: "jpg",
		fields: dreamInputs(pick("size", "2K", "4K", "custom"), checkerOff),
	},
	{
		// The price is OpenAI's own for medium quality: Replicate's is published nowhere.
		name: "openai/gpt-image-1", filtered: sensitive, list: true, sizes: gptSizes, perImage: 42 * mill, seconds: 40, images: []string{"input_images"},
		fields: []field{
			promptField, str("openai_api_key"), ratioField([]string{"1:1", "3:2", "2:3"}, "1:1"), pick("input_fidelity", "low", "high"), array("input_images"),
			count("number_of_images", 1, 10, 1), pick("quality", "auto", "low", "medium", "high"), pick("background", "auto", "transparent", "opaque"),
			count("output_compression", 0, 100, 90), pick("output_format", "webp", "png", "jpeg"), pick("moderation", "auto", "low"), str("user_id"),
		},
	},
}

func kontext(name string, price switchyard.Money, seconds float64) replicateModel {
	return replicateModel{
		name: name, filtered: sensitive, sizes: fluxSizes, perImage: price, seconds: seconds, images: []string{"input_image"},
		fields: []field{
			promptField, uri("input_image"), ratioField(matchRatios, "match_input_image"), flag("prompt_upsampling", false), seedField(),
			pick("output_format", "png", "jpg"), count("safety_tolerance", 0, 6, 2),
		},
	}
}

func imagenInputs(more ...field) []field {
	return append([]field{promptField, ratioField(imagenRatios, "1:1"), imagenFilter, pick("output_format", "jpg", "png")}, more...)
}

func bananaInputs(more ...field) []field {
	return append([]field{
		promptField, array("image_input"), ratioField(append([]string{"match_input_image"}, bananaRatios...), "match_input_image"),
		pick("output_format", "jpg", "png"),
	}, more...)
}

func dreamInputs(more ...field) []field {
	return append([]field{
		promptField, array("image_input"), ratioField(dreamRatios, "match_input_image"), count("width", 1024, 4096, 2048), count("height", 1024, 4096, 2048),
		pick("sequential_image_generation", "disabled", "auto"), count("max_images", 1, 15, 1),
	}, more...)
}

var (
	imagenFilter = pick("safety_filter_level", "block_only_high", "block_low_and_above", "block_medium_and_above")
	gptSizes     = oneSize("1:1 1024x1024\n3:2 1536x1024\n2:3 1024x1536")
	imagenOne    = classOf(imagenSizes, "1K")
	bananaOne    = classOf(flash25, "")
)

func classOf(t map[string]map[string]switchyard.Size, class string) map[string]switchyard.Size {
	out := map[string]switchyard.Size{}
	for ratio, row := range t {
		out[ratio] = row[class]
	}
	return out
}

func (m replicateModel) shownVersion() string {
	if m.version == "" {
		return "hidden"
	}
	return m.version
}

// modelNamed finds a model by owner/name; modelAt finds one by its version, or by the name of an official model.
func (s *replicate) modelNamed(b Behavior, name string) (replicateModel, bool) {
	for _, m := range replicateModels {
		if m.name == name {
			return m, !matches(b.Gone, name)
		}
	}
	return replicateModel{}, false
}
