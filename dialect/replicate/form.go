package replicate

import "switchyard"

// form is what the models of one kind take. Here the same thing has many names, and one name means many things.
type form struct {
	prompt string // what is drawn without a prompt; empty if one is required
	pixels bool   // width and height stand for themselves
	custom string // the field whose value "custom" makes width and height count; empty if there is none
	class  string // the field of the resolution class
	count  string // the field of how many images

	image  string // the field of a reference
	match  bool   // the result has the reference's ratio only if the request says so
	shapes bool   // the result has the reference's ratio, whatever else the request says
	list   bool   // it is a list
	role   switchyard.Role
	mask   bool
	styled bool // style is a word of the model's own

	guidance string
	strength string // 1 ignores the picture
	quality  string // the number of a lossy format
	enhance  string
	jpeg     string // how the format is spelled; empty if none can be asked for

	checker    bool // disable_safety_checker
	tolerance  int  // the laxest safety_tolerance; 0 if there is none
	filter     bool // safety_filter_level
	moderation bool

	ranges map[string][2]float64 // of numbers, both ends included
	nsfw   string                // what a failure says when all is flagged
}

// What the groups of models say when they refuse.
const (
	nsfwFlux  = "All generated images contained NSFW content. Try running it again with a different prompt."
	nsfwSDXL  = "NSFW content detected. Try running it again, or try a different prompt."
	sensitive = "The input or output was flagged as sensitive. Please try again with different inputs. (E005)"
)

type bounds = map[string][2]float64

var forms = map[string]form{
	"face-to-many": {
		prompt: "a person", image: "image", role: switchyard.RoleFace, styled: true,
		guidance: "prompt_strength", strength: "denoising_strength", nsfw: nsfwSDXL,
		ranges: bounds{"denoising_strength": {0, 1}, "prompt_strength": {0, 20}},
	},
	"flux-schnell": {
		class: "megapixels", count: "num_outputs", quality: "output_quality", jpeg: "jpg", checker: true, nsfw: nsfwFlux,
		ranges: bounds{"num_outputs": {1, 4}, "num_inference_steps": {1, 4}, "output_quality": {0, 100}},
	},
	"flux-dev": {
		class: "megapixels", count: "num_outputs", quality: "output_quality", jpeg: "jpg", checker: true, nsfw: nsfwFlux,
		image: "image", shapes: true, guidance: "guidance", strength: "prompt_strength",
		ranges: bounds{"num_outputs": {1, 4}, "num_inference_steps": {1, 50}, "output_quality": {0, 100}, "guidance": {0, 10}, "prompt_strength": {0, 1}},
	},
	"flux-pro": {
		custom: "aspect_ratio", image: "image_prompt", role: switchyard.RoleStyle, quality: "output_quality", jpeg: "jpg",
		enhance: "prompt_upsampling", tolerance: 6, ranges: bounds{"output_quality": {0, 100}},
	},
	"flux-ultra":   {image: "image_prompt", role: switchyard.RoleStyle, jpeg: "jpg", tolerance: 6},
	"flux-kontext": {image: "input_image", enhance: "prompt_upsampling", jpeg: "jpg", tolerance: 6},
	"flux-2": {
		custom: "aspect_ratio", class: "resolution", image: "input_images", list: true, match: true, quality: "output_quality", jpeg: "jpg",
		tolerance: 5, ranges: bounds{"output_quality": {0, 100}},
	},
	"sdxl": {
		prompt: "An astronaut riding a rainbow unicorn", pixels: true, count: "num_outputs", image: "image", mask: true,
		guidance: "guidance_scale", strength: "prompt_strength", checker: true, nsfw: nsfwSDXL,
		ranges: bounds{"num_outputs": {1, 4}, "num_inference_steps": {1, 500}, "guidance_scale": {1, 50}, "prompt_strength": {0, 1}},
	},
	"imagen":          {class: "image_size", jpeg: "jpg", filter: true},
	"nano-banana":     {image: "image_input", list: true, jpeg: "jpg"},
	"nano-banana-pro": {class: "resolution", image: "image_input", list: true, jpeg: "jpg", filter: true},
	"seedream": {
		custom: "size", class: "size", count: "max_images", image: "image_input", list: true, enhance: "enhance_prompt", checker: true,
		ranges: bounds{"max_images": {1, 15}},
	},
	"gpt-image": {
		count: "number_of_images", image: "input_images", list: true, quality: "output_compression", jpeg: "jpeg", moderation: true,
		ranges: bounds{"number_of_images": {1, 10}, "output_compression": {0, 100}},
	},
	// What most have in common, for models in no row.
	"": {count: "num_outputs", image: "image", strength: "prompt_strength", guidance: "guidance_scale", jpeg: "jpg"},
}

func formOf(row *switchyard.Model) form {
	if row == nil {
		return forms[""]
	}
	return forms[row.Form]
}

// classes are resolution classes in the words of the models that do not say "1K". One word is written for each class;
// some more are understood.
var classes = map[string]string{
	"0.25": "512", "1": "1K", "0.5 MP": "512", "1 MP": "1K", "2 MP": "2K", "4 MP": "2K",
}

// classWord returns the word for a class in a model's field.
func classWord(f form, class string) string {
	switch {
	case f.class == "megapixels" && class == "512":
		return "0.25"
	case f.class == "megapixels":
		return "1"
	case f.custom == "aspect_ratio": // flux-2
		return map[string]string{"512": "0.5 MP", "1K": "1 MP", "2K": "4 MP"}[class]
	}
	return class
}

// filters are levels of safety_filter_level.
var filters = map[string]string{
	"block_low_and_above": switchyard.SafetyStrict, "block_medium_and_above": switchyard.SafetyDefault,
	"block_only_high": switchyard.SafetyRelaxed,
}

// toleranceOf returns a level as a number, if it is one; if everything is to pass, the highest that a model allows.
func toleranceOf(level string, most int) (int, bool) {
	switch level {
	case switchyard.SafetyStrict:
		return 1, true
	case switchyard.SafetyRelaxed:
		return min(5, most), true
	case switchyard.SafetyOff:
		return most, true
	}
	return 0, false
}

// levelOf is the inverse. Unless told otherwise, all models take 2.
func levelOf(tolerance int) string {
	switch {
	case tolerance < 2:
		return switchyard.SafetyStrict
	case tolerance < 4:
		return switchyard.SafetyDefault
	case tolerance < 6:
		return switchyard.SafetyRelaxed
	}
	return switchyard.SafetyOff
}
