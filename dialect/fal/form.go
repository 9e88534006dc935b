package fal

import "switchyard"

// form is what the apps of one kind take and how they answer. Two apps of one form take the same bytes.
type form struct {
	size   sizing
	auto   bool   // the result has the reference's shape only if image_size says so
	format string // the name of the output format's field; empty if there is none
	image  string // the field of a single reference
	images string // the field of a list of references; if both are named, image is for one and images for more
	faces  bool   // the list's elements are objects: [{"image_url": …}]

	steps     bool   // num_inference_steps is one of a few words: "1", "2", "4", "8"
	checker   bool   // enable_safety_checker
	tolerance string // the laxest safety_tolerance; empty if there is none
	usual     string // the safety_tolerance of requests that name none
	enhance   string // the field that lets the app rewrite the prompt
	single    bool   // makes one image and has no num_images
	vectors   bool   // draws SVG if the style says so
	answer    answerShape
}

// sizing is how a size is said.
type sizing uint8

const (
	sizePreset  sizing = iota // image_size: the name of a preset, else an object
	sizeObject                // image_size: an object
	sizeText                  // image_size: "1024x1024"
	sizeRatio                 // aspect_ratio, and resolution
	sizeNothing               // the size cannot be set
)

// answerShape is which members an answer has besides images.
type answerShape uint8

const (
	answerFull        answerShape = iota // timings, seed, has_nsfw_concepts, prompt
	answerDescription                    // description
	answerSeed                           // seed
	answerImages                         // nothing
	answerSticker                        // sticker_image, seed, and has_nsfw_concepts as an object
	answerSingle                         // one image instead of images, seed
)

const (
	imageURL     = "image_url"
	imageURLs    = "image_urls"
	outputFormat = "output_format"
)

// forms are those that rows name. An app in no row is taken for the first.
var forms = map[string]form{
	"":     {size: sizeObject, format: outputFormat, image: imageURL, images: imageURLs, checker: true},
	"flux": {format: outputFormat, image: imageURL, checker: true},
	// The size of the result follows the input.
	"flux-edit":   {size: sizeNothing, format: outputFormat, image: imageURL, checker: true},
	"flux-pro":    {format: outputFormat, tolerance: "6", usual: "2", enhance: "enhance_prompt"},
	"ultra":       {size: sizeRatio, format: outputFormat, image: imageURL, tolerance: "6", usual: "2", enhance: "enhance_prompt"},
	"kontext":     {size: sizeRatio, format: outputFormat, image: imageURL, images: imageURLs, tolerance: "6", usual: "2", enhance: "enhance_prompt"},
	"multi":       {size: sizeRatio, format: outputFormat, images: imageURLs, tolerance: "6", usual: "2", enhance: "enhance_prompt"},
	"flux-2":      {format: outputFormat, checker: true, tolerance: "5", usual: "2", single: true, answer: answerSeed},
	"sdxl":        {format: "format", image: imageURL, checker: true, enhance: "expand_prompt"},
	"sdxl-edit":   {format: "format", image: imageURL, checker: true, enhance: "expand_prompt"},
	"sdxl-mask":   {format: "format", image: imageURL, checker: true, enhance: "expand_prompt"},
	"lightning":   {format: "format", image: imageURL, steps: true, checker: true, enhance: "expand_prompt"},
	"imagen":      {size: sizeRatio, format: outputFormat, answer: answerDescription},
	"nano-banana": {size: sizeRatio, format: outputFormat, images: imageURLs, tolerance: "6", usual: "4", answer: answerDescription},
	"gpt-image":   {size: sizeText, format: outputFormat, answer: answerImages},
	"seedream":    {size: sizeObject, auto: true, images: imageURLs, checker: true, answer: answerSeed},
	"recraft":     {checker: true, single: true, vectors: true, answer: answerImages},
	"photomaker":  {size: sizeNothing, answer: answerSeed},
	"sticker":     {image: imageURL, checker: true, single: true, answer: answerSticker},
	"pulid":       {images: "reference_images", faces: true},
	"flux-pulid":  {image: "reference_image_url", checker: true, single: true},
	"face-id":     {size: sizeNothing, image: "face_image_url", single: true, answer: answerSingle},
}

// vectorStyle is the family of styles that are drawn in lines.
const vectorStyle = "vector_illustration"

func formOf(row *switchyard.Model) form {
	if row == nil {
		return forms[""]
	}
	return forms[row.Form]
}

// presets are fal's names for sizes. portrait_4_3 is three wide and four high.
var presets = map[string]switchyard.Size{
	"square_hd":      {Width: 1024, Height: 1024},
	"square":         {Width: 512, Height: 512},
	"portrait_4_3":   {Width: 768, Height: 1024},
	"portrait_16_9":  {Width: 576, Height: 1024},
	"landscape_4_3":  {Width: 1024, Height: 768},
	"landscape_16_9": {Width: 1024, Height: 576},
}

func presetOf(s switchyard.Size) string {
	for name, size := range presets {
		if size == s {
			return name
		}
	}
	return ""
}
