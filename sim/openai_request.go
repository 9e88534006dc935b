package sim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"switchyard"
)

// imageJob is a checked request for images.
type imageJob struct {
	m           openaiModel
	prompt      string
	n           int
	size        switchyard.Size
	quality     string
	background  string
	format      string
	compression int
	stream      bool
	partials    int
	url         bool // dall-e only
	user        any  // safety_identifier
	edit        bool
	refs        []reference
	files       int // references by file id
	mask        bool
}

// paramError is what is wrong with one parameter.
type paramError struct{ kind, param, code, text string }

func wrong(param, code, format string, args ...any) *paramError {
	return &paramError{"invalid_request_error", param, code, fmt.Sprintf(format, args...)}
}

func userError(param, format string, args ...any) *paramError {
	return &paramError{"image_generation_user_error", param, "invalid_value", fmt.Sprintf(format, args...)}
}

func (o *openai) badParam(x *exchange, e *paramError) {
	o.fail(x, http.StatusBadRequest, e.kind, e.param, e.code, e.text)
}

func (o *openai) missing(x *exchange, param string) {
	o.badParam(x, wrong(param, "missing_required_parameter", "Missing required parameter: '%s'.", param))
}

func (o *openai) badJSON(x *exchange) {
	o.fail(x, http.StatusBadRequest, "invalid_request_error", nil, nil, "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON. If you have trouble figuring out how to fix this, please contact us through our help center at help.openai.com.)")
}

// read checks body, whose nulls count as absent, and reports false once it has answered.
func (o *openai) read(x *exchange, body obj, j *imageJob) bool {
	for k, v := range body {
		if v == nil {
			delete(body, k)
		}
	}
	model, ok := body["model"].(string)
	if !ok {
		model = "gpt-image-1.5"
	}
	prompt, _ := body["prompt"].(string)
	x.about(model, prompt)
	if j.m, ok = o.model(x.b, model); !ok {
		o.noModel(x, model)
		return false
	}
	j.n, j.quality, j.background, j.format, j.compression = 1, "auto", "auto", "png", 100
	if j.m.dalle {
		j.quality, j.url = "standard", true
	}
	size := "auto"
	if j.m.id == "dall-e-2" {
		size = "1024x1024"
	}
	for _, k := range sortedKeys(body) {
		e := j.set(k, body[k])
		if k == "size" {
			size, _ = body[k].(string)
		}
		if e != nil {
			o.badParam(x, e)
			return false
		}
	}
	if j.prompt == "" {
		o.missing(x, "prompt")
		return false
	}
	e := j.setSize(size)
	if e == nil {
		e = j.together()
	}
	if e != nil {
		o.badParam(x, e)
	}
	return e == nil
}

func sortedKeys(m obj) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// set takes one parameter.
func (j *imageJob) set(k string, v any) (e *paramError) {
	gpt := !j.m.dalle
	switch {
	case k == "model":
		_, e = text(k, v)
	case k == "prompt":
		return j.setPrompt(v)
	case k == "n":
		most := 10
		if j.m.id == "dall-e-3" {
			most = 1
		}
		j.n, e = whole(k, v, 1, most)
	case k == "size" || k == "user":
		_, e = text(k, v)
	case k == "quality":
		return j.setQuality(v)
	case k == "safety_identifier":
		j.user, e = text(k, v)
	case k == "background" && gpt:
		j.background, e = choice(k, v, "transparent", "opaque", "auto")
	case k == "output_format" && gpt:
		formats := []string{"png", "jpeg", "webp"}
		if j.m.complexity {
			formats = append(formats, "gif", "svg")
		}
		j.format, e = choice(k, v, formats...)
	case k == "output_compression" && gpt:
		j.compression, e = whole(k, v, 0, 100)
	case k == "moderation" && gpt:
		_, e = choice(k, v, "low", "auto")
	case k == "stream" && gpt:
		j.stream, e = boolean(k, v)
	case k == "partial_images" && gpt:
		j.partials, e = whole(k, v, 0, 3)
	case k == "complexity" && j.m.complexity:
		_, e = choice(k, v, "low", "medium", "high")
	case k == "frame_count" && j.m.complexity:
		_, e = whole(k, v, 2, 16)
	case k == "frame_duration_ms" && j.m.complexity:
		_, e = whole(k, v, 10, 10_000)
	case k == "svg" && j.m.complexity:
		if _, ok := v.(obj); !ok {
			return badType(k, "an object", v)
		}
	case k == "input_fidelity" && j.edit && j.m.fidelity != nil:
		_, e = choice(k, v, j.m.fidelity...)
	case k == "response_format" && !gpt:
		var f string
		f, e = choice(k, v, "url", "b64_json")
		j.url = f == "url"
	case k == "style" && j.m.id == "dall-e-3":
		_, e = choice(k, v, "vivid", "natural")
	case j.edit && (k == "images" || k == "mask" || k == "markup" && j.m.markup):
		return nil // read elsewhere
	default:
		return wrong(k, "unknown_parameter", "Unknown parameter: '%s'.", k)
	}
	return e
}

func (j *imageJob) setPrompt(v any) (e *paramError) {
	j.prompt, e = text("prompt", v)
	most := map[string]int{"dall-e-2": 1000, "dall-e-3": 4000}[j.m.id]
	if most == 0 {
		most = 32_000
	}
	if n := utf8.RuneCountInString(j.prompt); n > most {
		return wrong("prompt", "string_above_max_length", "Invalid 'prompt': string too long. Expected a string with maximum length %d, but got a string with length %d instead.", most, n)
	}
	return e
}

func (j *imageJob) setQuality(v any) (e *paramError) {
	q, e := text("quality", v)
	if e != nil {
		return e
	}
	if j.m.dalle {
		j.quality, e = choice("quality", q, j.m.qualities...)
		return e
	}
	if slices.Contains(fiveGrades, q) && !slices.Contains(j.m.qualities, q) {
		return userError("quality", "The model '%s' does not support quality '%s'", j.m.id, q)
	}
	j.quality, e = choice("quality", q, append(slices.Clone(j.m.qualities), "auto")...)
	return e
}

// setSize knows the fixed sizes of the older models and the rules of the newer ones.
func (j *imageJob) setSize(s string) *paramError {
	if s == "auto" && j.m.id != "dall-e-2" {
		s = "1024x1024"
	}
	if j.m.fixed != nil {
		if !slices.Contains(j.m.fixed, s) {
			return wrong("size", "invalid_value", "Invalid value: '%s'. Supported values are: %s.", s, quoted(append(slices.Clone(j.m.fixed), "auto")))
		}
		j.size, _ = switchyard.ParseSize(s)
		return nil
	}
	size, err := switchyard.ParseSize(s)
	w, h := size.Width, size.Height
	switch {
	case err != nil:
		return userError("size", "Invalid size '%s'. Expected WIDTHxHEIGHT, for example '1824x1024'.", s)
	case w%16 != 0 || h%16 != 0:
		return userError("size", "Invalid size '%s'. Width and height must both be divisible by 16.", s)
	case max(w, h) > 3840:
		return userError("size", "Invalid size '%s'. The longest edge must not exceed 3840 pixels.", s)
	case w > 3*h || h > 3*w:
		return userError("size", "Invalid size '%s'. The aspect ratio must be between 1:3 and 3:1.", s)
	case size.Pixels() < 655_360 || size.Pixels() > 8_294_400:
		return userError("size", "Invalid size '%s'. The total number of pixels must be between 655360 and 8294400.", s)
	}
	j.size = size
	return nil
}

// together checks what depends on more than one parameter, and settles what was left to the model.
func (j *imageJob) together() *paramError {
	if j.background == "transparent" && j.format != "png" && j.format != "webp" {
		return userError("background", "Transparent background is only supported for 'png' and 'webp' output formats.")
	}
	if j.compression != 100 && j.format == "png" {
		return userError("output_compression", "Compression less than 100 is not supported for PNG output format")
	}
	if j.format == "svg" && (j.n > 1 || j.stream || j.compression != 100) {
		return userError("output_format", "SVG output is one image, without stream and output_compression.")
	}
	if j.partials > 0 && !j.stream {
		return wrong("partial_images", "invalid_value", "'partial_images' is only supported when 'stream' is true.")
	}
	if j.quality == "auto" {
		j.quality = "medium"
	}
	if j.background == "auto" {
		j.background = "opaque"
	}
	return nil
}

func kindOf(v any) string {
	switch v := v.(type) {
	case string:
		return "a string"
	case bool:
		return "a boolean"
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			return "a decimal number"
		}
		return "an integer"
	case []any:
		return "an array"
	}
	return "an object"
}

func badType(k, want string, v any) *paramError {
	return wrong(k, "invalid_type", "Invalid type for '%s': expected %s, but got %s instead.", k, want, kindOf(v))
}

func text(k string, v any) (string, *paramError) {
	s, ok := v.(string)
	if !ok {
		return "", badType(k, "a string", v)
	}
	return s, nil
}

func boolean(k string, v any) (bool, *paramError) {
	b, ok := v.(bool)
	if !ok {
		return false, badType(k, "a boolean", v)
	}
	return b, nil
}

func whole(k string, v any, low, high int) (int, *paramError) {
	n, ok := v.(json.Number)
	i, err := strconv.Atoi(n.String())
	switch {
	case !ok || err != nil:
		return 0, badType(k, "an integer", v)
	case i < low:
		return 0, wrong(k, "integer_below_min_value", "Invalid '%s': integer below minimum value. Expected a value >= %d, but got %d instead.", k, low, i)
	case i > high:
		return 0, wrong(k, "integer_above_max_value", "Invalid '%s': integer above maximum value. Expected a value <= %d, but got %d instead.", k, high, i)
	}
	return i, nil
}

func choice(k string, v any, values ...string) (string, *paramError) {
	s, e := text(k, v)
	if e == nil && !slices.Contains(values, s) {
		e = wrong(k, "invalid_value", "Invalid value: '%s'. Supported values are: %s.", s, quoted(values))
	}
	return s, e
}

// quoted writes a list as 'a', 'b', and 'c'.
func quoted(values []string) string {
	var q []string
	for _, v := range values {
		q = append(q, "'"+v+"'")
	}
	if len(q) == 1 {
		return q[0]
	}
	return strings.Join(q[:len(q)-1], ", ") + ", and " + q[len(q)-1]
}
