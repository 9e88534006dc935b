package fal

import (
	"strconv"
	"strings"

	"switchyard"
	"switchyard/spool"
)

// unknown returns an error if a word is none of those listed. It is nil for an app in no row, which may know the
// word.
func unknown(r *spool.Reader, row *switchyard.Model, field, listed string) error {
	if row == nil {
		r.Leave(field)
		return nil
	}
	return switchyard.Invalid(field, "%s", listed)
}

// decodeSize reads the size that the request names; if it names none, what the model makes unasked: another model
// would make something else.
func decodeSize(r *spool.Reader, row *switchyard.Model, req *switchyard.Request) error {
	if err := decodeImageSize(r, row, req); err != nil {
		return err
	}
	switch ratio := r.Text("aspect_ratio"); ratio {
	case "":
	case "auto", "match_input_image":
		req.MatchInput = len(req.References) > 0
	default:
		a, err := switchyard.ParseAspect(ratio)
		if err != nil {
			err = unknown(r, row, "aspect_ratio", "unexpected value; the aspect ratio must be two positive numbers, w:h")
		}
		if err != nil {
			return err
		}
		req.Aspect = a
	}
	if class := strings.ToUpper(r.Text("resolution")); class == "0.5K" {
		req.Resolution = "512"
	} else if class != "AUTO" && class != "" {
		req.Resolution = class
	}
	if req.Size != (switchyard.Size{}) || req.Aspect != (switchyard.Aspect{}) || req.MatchInput || row == nil {
		return nil
	}
	switch d := row.Default; {
	case d.Size == switchyard.Size{} && d.Aspect == switchyard.Aspect{}:
		req.MatchInput = len(req.References) > 0
	case req.Resolution == "":
		req.Size, req.Aspect, req.Resolution = d.Size, d.Aspect, d.Resolution
	default: // auto_2K and its like: the class alone
		req.Aspect = d.Aspect
	}
	return nil
}

// side is the edge that an image_size has if it does not say.
const side = 512

const badSize = "unexpected value; permitted: 'square_hd', 'square', 'portrait_4_3', 'portrait_16_9', 'landscape_4_3', 'landscape_16_9'"

func decodeImageSize(r *spool.Reader, row *switchyard.Model, req *switchyard.Request) error {
	v := r.Get("image_size")
	switch v.Kind() {
	case spool.Missing, spool.Null:
		return nil
	case spool.Object:
		o := r.Object("image_size")
		s := switchyard.Size{Width: side, Height: side}
		for name, edge := range map[string]*int{"width": &s.Width, "height": &s.Height} {
			if n := o.Int(name); n != nil {
				*edge = *n
			}
			if *edge < 1 || *edge > 14142 {
				return switchyard.Invalid("image_size."+name, "Input should be greater than 0 and less than or equal to 14142")
			}
		}
		req.Size = s
		if errs := o.Errs(); len(errs) > 0 {
			return switchyard.Invalid(errs[0].Path, "%s", wrongTypes[errs[0].Want])
		}
		return nil
	case spool.String:
	default:
		return switchyard.Invalid("image_size", "%s", badSize)
	}
	text := v.Text()
	if size, ok := presets[text]; ok {
		req.Size = size
		return nil
	}
	switch text {
	case "auto":
		req.MatchInput = len(req.References) > 0
	case "auto_2K", "auto_4K":
		req.Resolution = strings.TrimPrefix(text, "auto_")
	default:
		size, err := switchyard.ParseSize(text)
		if err != nil {
			return unknown(r, row, "image_size", badSize)
		}
		req.Size = size
	}
	return nil
}

// decodeWords reads the settings that are words, or yes or no.
func decodeWords(r *spool.Reader, row *switchyard.Model, req *switchyard.Request) error {
	req.NegativePrompt = r.Text("negative_prompt")
	for _, name := range []string{outputFormat, "format"} {
		if text := r.Text(name); text != "" {
			req.Format = strings.Replace(text, "jpg", "jpeg", 1)
		}
	}
	if req.Format == "" && row != nil {
		req.Format = row.Default.Format
	}
	for name, into := range map[string]*string{"quality": &req.Quality, "background": &req.Background} {
		if text := r.Text(name); text != "auto" {
			*into = text
		}
	}
	if req.Style = r.Text("style"); formOf(row).vectors && strings.HasPrefix(req.Style, vectorStyle) {
		req.Format = "svg"
	}
	for _, name := range []string{"enhance_prompt", "expand_prompt"} {
		if wants := r.Bool(name); wants != nil {
			req.Enhance = wants
		}
	}
	if wants := r.Bool("sync_mode"); wants != nil && *wants {
		req.Delivery = switchyard.DeliverInline
	}
	return nil
}

func decodeNumbers(r *spool.Reader, _ *switchyard.Model, req *switchyard.Request) error {
	if n, ok := r.Get("seed").Int(); !ok || n >= 0 { // -1 means any, in other programs
		req.Seed = r.Uint("seed")
	}
	req.Guidance = r.Float("guidance_scale")
	req.Steps = r.Int("num_inference_steps")
	req.Strength = r.Float("strength")
	return nil
}

// decodeSafety reads the checker's switch and the tolerance. The tolerance is a text in fal's own types, and a number
// in many apps.
func decodeSafety(r *spool.Reader, row *switchyard.Model, req *switchyard.Request) error {
	if checks := r.Bool("enable_safety_checker"); checks != nil {
		req.Safety = switchyard.SafetyDefault
		if !*checks {
			req.Safety = switchyard.SafetyOff
		}
	}
	v := r.Get("safety_tolerance")
	if !v.Given() || req.Safety == switchyard.SafetyOff {
		return nil
	}
	text := v.Text()
	if n, ok := v.Int(); ok {
		text = strconv.FormatInt(n, 10)
	}
	level, ok := tolerances[text]
	if !ok {
		return unknown(r, row, "safety_tolerance", "unexpected value; permitted: '1', '2', '3', '4', '5', '6'")
	}
	if text == formOf(row).usual {
		level = switchyard.SafetyDefault
	}
	req.Safety = level
	return nil
}

var tolerances = map[string]string{
	"1": switchyard.SafetyStrict, "2": switchyard.SafetyDefault, "3": switchyard.SafetyDefault,
	"4": switchyard.SafetyRelaxed, "5": switchyard.SafetyRelaxed, "6": switchyard.SafetyOff,
}
