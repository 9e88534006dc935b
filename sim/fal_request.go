package sim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"switchyard"
)

// falInput is a checked input.
type falInput struct {
	m      falModel
	in     obj
	prompt string
	n      int
	size   switchyard.Size
	format string
	refs   int
	mask   bool
	header http.Header // of the request that brought it
}

// answer is what a request gets, or a job after it has ended: a status, headers and a JSON body.
type answer struct {
	status int
	header map[string]string
	body   any
}

func (x *exchange) send(a answer) {
	for k, v := range a.header {
		x.w.Header().Set(k, v)
	}
	x.json(a.status, plainJSON, a.body)
}

// problem is one element of a detail list.
func problem(kind, msg string, loc list, ctx obj) obj {
	p := obj{"loc": loc, "msg": msg, "type": kind}
	if ctx != nil {
		p["ctx"] = ctx
	}
	if !strings.Contains(kind, ".") {
		p["url"] = "https://docs.fal.ai/errors/#" + kind
	}
	return p
}

func unprocessable(problems ...any) *answer {
	return &answer{http.StatusUnprocessableEntity, map[string]string{"X-Fal-Billable-Units": "0", "X-Fal-Retryable": "false"}, obj{"detail": problems}}
}

// read checks the body of a run or a submit, and returns the answer to a wrong one. The real service checks a run at
// once and a queued job later; here both are checked at once.
func (f *fal) read(x *exchange, m falModel) (*falInput, *answer) {
	body, err := x.object()
	if err != nil {
		return nil, unprocessable(problem("value_error.jsondecode", "Expecting value: line 1 column 1 (char 0)", list{"body", 0}, nil))
	}
	i := &falInput{m: m, header: x.r.Header}
	in, faults, unknown := check(m.fields, body, true)
	x.ignored(unknown)
	i.in = in
	i.prompt, _ = body["prompt"].(string)
	x.about(m.id, i.prompt)
	if len(faults) > 0 {
		var problems []any
		for _, f := range faults {
			problems = append(problems, falProblem(f))
		}
		return nil, unprocessable(problems...)
	}
	i.n = max(1, intOf(in, "num_images"))
	i.format = m.format + textOf(in, "output_format") + textOf(in, "format")
	return i, nil
}

// falProblem words a fault of the schema.
func falProblem(f fault) obj {
	loc := list{"body", f.field.name}
	switch f.rule {
	case "required":
		return problem("value_error.missing", "field required", loc, nil)
	case "enum":
		values := f.field.values
		if f.field.kind == "size" {
			values = append([]string{"square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"}, values...)
		}
		var quoted []string
		for _, v := range values {
			quoted = append(quoted, "'"+v+"'")
		}
		p := problem("one_of", "Input should be "+strings.Join(quoted, " or "), loc, obj{"expected": values})
		p["input"] = f.got
		return p
	case "low":
		return problem("greater_than_equal", "Input should be greater than or equal to "+limit(f.field.low), loc, obj{"ge": json.Number(limit(f.field.low))})
	case "high":
		return problem("less_than_equal", "Input should be less than or equal to "+limit(f.field.high), loc, obj{"le": json.Number(limit(f.field.high))})
	}
	words := map[string][2]string{
		"integer": {"value is not a valid integer", "type_error.integer"},
		"number":  {"value is not a valid float", "type_error.float"},
		"boolean": {"value could not be parsed to a boolean", "type_error.bool"},
		"array":   {"value is not a valid list", "type_error.list"},
		"object":  {"value is not a valid dict", "type_error.dict"},
		"size":    {"value is not a valid dict", "type_error.dict"},
	}
	w, ok := words[f.field.kind]
	if !ok {
		w = [2]string{"str type expected", "type_error.str"}
	}
	return problem(w[1], w[0], loc, nil)
}

func limit(r interface{ FloatString(int) string }) string {
	return strings.TrimRight(strings.TrimRight(r.FloatString(4), "0"), ".")
}

// resolve fetches the references and settles the size.
func (i *falInput) resolve(x *exchange) *answer {
	var first switchyard.Size
	for _, name := range i.m.images {
		addresses := asList(i.in[name])
		if s, ok := i.in[name].(string); ok {
			addresses = list{s}
		}
		for _, a := range addresses {
			if o, ok := a.(obj); ok {
				a = o["image_url"]
			}
			ref, bad := i.image(x, name, a)
			if bad != nil {
				return bad
			}
			if i.refs++; i.refs == 1 {
				first = ref.size
			}
		}
	}
	for _, name := range i.m.images {
		if _, isList := i.in[name].([]any); isList && i.refs == 0 {
			return unprocessable(problem("sequence_too_short", "List should have at least 1 item after validation, not 0", list{"body", name}, obj{"min_length": 1}))
		}
	}
	if i.m.archive != "" {
		data, err := x.fetch(textOf(i.in, i.m.archive), nil)
		if err != nil || !bytes.HasPrefix(data, []byte("PK")) {
			return unprocessable(problem("file_download_error", "Failed to download the file. Please check if the URL is accessible and try again.", list{"body", i.m.archive}, nil))
		}
		i.refs++
	}
	if mask, ok := i.in["mask_url"]; ok {
		if _, bad := i.image(x, "mask_url", mask); bad != nil {
			return bad
		}
		i.mask = true
	}
	return i.settle(first)
}

func (i *falInput) image(x *exchange, name string, v any) (reference, *answer) {
	s, _ := v.(string)
	ref, err := x.load(s, nil)
	switch {
	case err == nil:
		return ref, nil
	case errors.Is(err, errDownload):
		x.note(err.Error())
		return ref, unprocessable(problem("file_download_error", "Failed to download the file. Please check if the URL is accessible and try again.", list{"body", name}, nil))
	}
	x.note(err.Error())
	return ref, unprocessable(problem("image_load_error", "Failed to load the image. Please ensure the image file is not corrupted and is in a supported format.", list{"body", name}, nil))
}

func (i *falInput) settle(first switchyard.Size) *answer {
	ratio := textOf(i.in, "aspect_ratio")
	switch v, sized := i.in["image_size"]; {
	case sized:
		if i.size = asSize(v); i.size == (switchyard.Size{}) { // left to the model
			i.size = switchyard.Size{Width: 2048, Height: 2048}
			if i.m.shape == shapeImages {
				i.size = switchyard.Size{Width: 1024, Height: 1024}
			} else if first != (switchyard.Size{}) {
				i.size = within(first, 2048)
			}
		}
	case i.in["width"] != nil:
		i.size = switchyard.Size{Width: intOf(i.in, "width"), Height: intOf(i.in, "height")}
	case (ratio == "" || ratio == "auto") && i.m.follows && first != (switchyard.Size{}):
		i.size = first
	case ratio == "" || ratio == "auto":
		i.size = switchyard.Size{Width: 1024, Height: 1024}
	default:
		a, err := switchyard.ParseAspect(ratio)
		if err != nil {
			return unprocessable(problem("value_error", fmt.Sprintf("Invalid aspect ratio: %s", ratio), list{"body", "aspect_ratio"}, nil))
		}
		i.size = around(a, 1<<20)
	}
	switch textOf(i.in, "resolution") {
	case "0.5K":
		i.size = switchyard.Size{Width: i.size.Width / 2, Height: i.size.Height / 2}
	case "2K":
		i.size = switchyard.Size{Width: 2 * i.size.Width, Height: 2 * i.size.Height}
	case "4K":
		i.size = switchyard.Size{Width: 4 * i.size.Width, Height: 4 * i.size.Height}
	}
	return nil
}

// around returns the size of ratio a that is nearest to that many pixels, in multiples of 16.
func around(a switchyard.Aspect, pixels int64) switchyard.Size {
	best, off := switchyard.Size{Width: 1024, Height: 1024}, int64(1)<<62
	for w := 256; w <= 4096; w += 16 {
		h := (w*a.H + a.W*8) / (a.W * 16) * 16
		s := switchyard.Size{Width: w, Height: h}
		if d := max(s.Pixels()-pixels, pixels-s.Pixels()); h >= 256 && d < off {
			best, off = s, d
		}
	}
	return best
}
