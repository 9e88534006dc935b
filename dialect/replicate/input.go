package replicate

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"switchyard"
	"switchyard/dialect"
	"switchyard/spool"
)

// problems are what is wrong with a request, one line each, in Replicate's form: "- input.seed: …".
type problems []string

func (p *problems) add(field, format string, args ...any) {
	line := "- "
	if field != "" {
		line += field + ": "
	}
	*p = append(*p, line+fmt.Sprintf(format, args...)+"\n")
}

func (p problems) err() error {
	if len(p) == 0 {
		return nil
	}
	return switchyard.Invalid("input", "%s", strings.Join(p, ""))
}

// decoder reads the input of one model.
type decoder struct {
	*spool.Reader
	form
	row      *switchyard.Model
	req      *switchyard.Request
	problems problems
}

func decodeInput(input *spool.Value, row *switchyard.Model, req *switchyard.Request) error {
	d := &decoder{Reader: spool.Read(input, "input"), form: formOf(row), row: row, req: req}
	if input.Kind() != spool.Object {
		d.problems.add("", "input is required")
		return d.problems.err()
	}
	d.prompt(input)
	d.inRange()
	d.images()
	d.size()
	d.words()
	d.numbers()
	d.safety()
	for _, e := range d.Errs() {
		want := strings.TrimPrefix(strings.TrimPrefix(e.Want, "an "), "a ")
		d.problems.add(e.Path, "Invalid type. Expected: %s, given: %s", want, strings.TrimPrefix(strings.TrimPrefix(e.Got.Kind().String(), "an "), "a "))
	}
	for _, name := range secretInputs {
		d.Get(name)
	}
	req.Extra = d.Rest()
	req.Restores = len(req.Extra) > 0
	return d.problems.err()
}

// prompt reads the prompt. Some models draw something of their own if there is none; an empty prompt does not count
// as none.
func (d *decoder) prompt(input *spool.Value) {
	d.req.Prompt = d.Text("prompt")
	switch {
	case input.Get("prompt").Given():
	case d.form.prompt != "":
		d.req.Prompt = d.form.prompt
	default:
		d.problems.add("input", "prompt is required")
	}
	d.req.NegativePrompt = d.Text("negative_prompt")
}

// inRange checks the numbers whose bounds are documented.
func (d *decoder) inRange() {
	for _, name := range slices.Sorted(maps.Keys(d.ranges)) {
		n, ok := d.Get(name).Float()
		switch bounds := d.ranges[name]; {
		case ok && n < bounds[0]:
			d.problems.add(d.Path(name), "Must be greater than or equal to %v", bounds[0])
		case ok && n > bounds[1]:
			d.problems.add(d.Path(name), "Must be less than or equal to %v", bounds[1])
		}
	}
}

func (d *decoder) images() {
	if d.form.image != "" {
		for _, v := range d.Get(d.form.image).OneOrMany() {
			if img, ok := d.image(v, d.form.image); ok {
				d.req.References = append(d.req.References, switchyard.Reference{Image: img, Role: d.form.role})
			}
		}
	}
	for i := 1; d.row.Form == "flux-2" && i <= 8; i++ { // one SDK writes the list like this
		name := "input_image"
		if i > 1 {
			name += "_" + strconv.Itoa(i)
		}
		if img, ok := d.image(d.Get(name), name); ok {
			d.req.References = append(d.req.References, switchyard.Reference{Image: img})
		}
	}
	if d.form.mask {
		if img, ok := d.image(d.Get("mask"), "mask"); ok {
			d.req.Mask = &switchyard.Mask{Image: img, Polarity: switchyard.White}
		}
	}
}

func (d *decoder) image(v *spool.Value, name string) (switchyard.Image, bool) {
	if !v.Given() {
		return switchyard.Image{}, false
	}
	img, err := dialect.ParseLink(v)
	if err != nil || v.Kind() != spool.String || img == (switchyard.Image{}) {
		d.problems.add(d.Path(name), "Does not match format 'uri'")
		return img, false
	}
	return img, true
}

// size reads the size that the request names; if it names none, what the model makes unasked.
func (d *decoder) size() {
	ratio, class := d.Text("aspect_ratio"), ""
	if d.form.class != "" {
		class = d.Text(d.form.class)
	}
	if d.pixels || d.isCustom(ratio, class) {
		d.req.Size = d.edges()
	}
	d.req.Resolution = resolution(class)
	d.shape(ratio)
	if def := d.row.Default.Resolution; d.req.Resolution == "" && d.req.Size == (switchyard.Size{}) && def != "1K" { // which all others make unasked
		d.req.Resolution = def
	}
}

// isCustom reports whether the app says that width and height count.
func (d *decoder) isCustom(ratio, class string) bool {
	switch d.custom {
	case "":
		return false
	case "size":
		return class == "custom"
	}
	return ratio == "custom"
}

// edges returns width and height. One that is not given is the model's own. If that is not known, or they are not plausible, it returns
// zero, and they stay among the extras.
func (d *decoder) edges() switchyard.Size {
	s := d.row.Default.Size
	for name, edge := range map[string]*int{"width": &s.Width, "height": &s.Height} {
		if n := d.Int(name); n != nil {
			*edge = *n
		}
	}
	if min(s.Width, s.Height) > 0 && max(s.Width, s.Height) <= 1<<16 {
		return s
	}
	d.Leave("width")
	d.Leave("height")
	return switchyard.Size{}
}

// resolution returns the canonical name of a class from a field's word.
func resolution(word string) string {
	if word == "custom" || word == "None" {
		return ""
	}
	return cmp.Or(classes[word], strings.ToUpper(word))
}

// shape reads the ratio: the request's, or that of its picture, or the model's default.
func (d *decoder) shape(ratio string) {
	r, def := d.req, d.row.Default
	refers := len(r.References) > 0
	switch {
	case ratio == "custom":
	case refers && (d.shapes || ratio == "match_input_image" || ratio == "" && def.Aspect == switchyard.Aspect{} && !d.pixels):
		r.MatchInput = true
	case ratio == "" || ratio == "match_input_image":
		if r.Size == (switchyard.Size{}) {
			r.Size, r.Aspect = def.Size, def.Aspect
		}
	default:
		a, err := switchyard.ParseAspect(ratio)
		if err != nil || len(d.row.Can.Aspects) > 0 && !slices.Contains(d.row.Can.Aspects, a) {
			d.problems.add(d.Path("aspect_ratio"), "aspect_ratio must be one of the following: %s", list(d.row.Can.Aspects))
		}
		r.Aspect = a
	}
}

func list[T fmt.Stringer](choices []T) string {
	quoted := make([]string, len(choices))
	for i, c := range choices {
		quoted[i] = strconv.Quote(c.String())
	}
	return strings.Join(quoted, ", ")
}

// words reads the settings that are words, or yes or no. A default format is filled in only if we could make it from
// any other: an app that did not ask for webp, flux's default, does not miss it.
func (d *decoder) words() {
	r := d.req
	if d.jpeg != "" {
		r.Format = strings.Replace(d.Text("output_format"), "jpg", "jpeg", 1)
	}
	if def := d.row.Default.Format; r.Format == "" && def != "webp" {
		r.Format = def
	}
	if d.moderation {
		for name, into := range map[string]*string{"quality": &r.Quality, "background": &r.Background} {
			if text := d.Text(name); text != "auto" {
				*into = text
			}
		}
		r.User = d.Text("user_id")
	}
	if d.styled {
		r.Style = d.Text("style")
	}
	if d.enhance != "" {
		r.Enhance = d.Bool(d.enhance)
	}
	if d.pixels {
		r.Watermark = d.Bool("apply_watermark")
	}
}

func (d *decoder) numbers() {
	r := d.req
	if n, ok := d.Get("seed").Int(); !ok || n >= 0 { // -1 means any, in other programs
		r.Seed = d.Uint("seed")
	}
	r.Steps = d.Int("num_inference_steps")
	if d.guidance != "" {
		r.Guidance = d.Float(d.guidance)
	}
	if d.strength != "" {
		r.Strength = d.Float(d.strength)
	}
	if d.quality != "" {
		r.Compression = d.Int(d.quality)
	}
	if d.count == "" {
		return
	}
	n := d.Int(d.count)
	if d.count == "max_images" && d.Text("sequential_image_generation") != "auto" {
		return // it counts only then
	}
	if n != nil {
		r.Images = max(*n, 1)
	}
}

func (d *decoder) safety() {
	r := d.req
	if d.checker {
		if off := d.Bool("disable_safety_checker"); off != nil && *off {
			r.Safety = switchyard.SafetyOff
		}
	}
	if d.tolerance > 0 {
		if n := d.Int("safety_tolerance"); n != nil {
			r.Safety = levelOf(*n)
		}
	}
	if d.filter {
		r.Safety = d.word("safety_filter_level", filters)
	}
	if d.moderation {
		r.Safety = d.word("moderation", map[string]string{"auto": "", "low": switchyard.SafetyRelaxed})
	}
}

// word returns what a word means. One that is new to us stays among the extras.
func (d *decoder) word(name string, means map[string]string) string {
	text := d.Text(name)
	meaning, ok := means[text]
	if text != "" && !ok {
		d.Leave(name)
	}
	return meaning
}
