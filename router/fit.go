package router

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"switchyard"
)

// Fitted is a request in the form that one target can be told.
type Fitted struct {
	Request  *switchyard.Request // what is said to the target; nothing that its row cannot
	Fidelity switchyard.Fidelity // how that differs from what the app asked for
	Forward  bool                // the app's own bytes can go, with the model's name changed
	Calls    int                 // how many requests side by side; 1 unless fanned out
	Format   string              // what the pictures are converted to when they come; empty to leave them
}

// Unfit says why a target cannot take a request at all.
type Unfit struct{ Reason string }

func (u *Unfit) Error() string { return u.Reason }

func unfit(format string, args ...any) error { return &Unfit{fmt.Sprintf(format, args...)} }

// Fit makes of req what t can be told: what t cannot do is emulated where that is exact, else rounded or dropped, with a
// note for each. asked is the row of the model that the app named, nil if that is in no table. An *Unfit error means that t
// must be passed over: a reference image or a mask is never dropped, a prompt never cut.
func Fit(req *switchyard.Request, asked *switchyard.Model, t *switchyard.Target) (*Fitted, error) {
	f := &fitter{Fitted: &Fitted{Request: req, Calls: 1}, asked: asked, row: t.Row}
	for _, name := range req.Dropped {
		f.drop(name)
	}
	own := t.Dialect == req.Dialect
	if own && (t.Model == req.Model || asked != nil && asked == t.Row) {
		f.Forward = true // what the app's bytes mean is the provider's business then
		return f.Fitted, nil
	}
	if owner := keptElsewhere(req, t.Dialect); owner != "" {
		return nil, unfit("has no image that is kept at %s", owner)
	}
	f.Request = req.Clone()
	if f.row == nil {
		if !own {
			f.dropExtra()
		}
		return f.Fitted, nil
	}
	f.can = &f.row.Can
	if err := f.mustTake(); err != nil {
		return nil, err
	}
	f.count()
	f.size()
	f.format()
	f.words()
	f.numbers()
	sameForm := own && asked != nil && asked.Form == f.row.Form
	f.Forward = sameForm && !f.asksTooMuch(req) && len(f.Fidelity) == len(req.Dropped)
	if !f.Forward && !(sameForm && req.Restores) {
		f.dropExtra()
	}
	return f.Fitted, nil
}

// keptElsewhere returns the dialect whose provider alone has one of the request's images; empty if a provider of the given dialect has
// them all.
func keptElsewhere(req *switchyard.Request, dialect string) string {
	images := []*switchyard.Image{req.Markup}
	if req.Mask != nil {
		images = append(images, &req.Mask.Image)
	}
	for i := range req.References {
		images = append(images, &req.References[i].Image)
	}
	for _, img := range images {
		if img != nil && img.Kept != "" && img.Kept != dialect {
			return img.Kept
		}
	}
	return ""
}

type fitter struct {
	*Fitted
	asked, row *switchyard.Model
	can        *switchyard.Abilities
}

func (f *fitter) drop(field string) { f.Fidelity.Add(switchyard.Dropped, field) }

func (f *fitter) round(field, from, to string) {
	f.Fidelity.Add(switchyard.Rounded, field+":"+from+">"+to)
}

// mustTake checks what may be neither dropped nor rounded.
func (f *fitter) mustTake() error {
	r := f.Request
	switch n := len(r.References); {
	case n > f.can.References && f.can.References == 0:
		return unfit("takes no reference images")
	case n > f.can.References:
		return unfit("takes at most %d reference images, not %d", f.can.References, n)
	case n == 0 && f.can.MustRefer:
		return unfit("needs a reference image")
	case r.Mask != nil && !f.can.Mask:
		return unfit("takes no mask")
	case r.Mask != nil && n == 0:
		return unfit("takes no mask without a picture")
	case r.Markup != nil && !f.can.Has("markup"):
		return unfit("takes no markup")
	case f.can.Prompt > 0 && len([]rune(r.Prompt)) > f.can.Prompt:
		return unfit("takes prompts of at most %d characters", f.can.Prompt)
	}
	for i, ref := range r.References {
		if format := ref.Format(); format != "" && !f.can.Reads(format) {
			return unfit("takes no reference images of type %s", format)
		}
		if ref.Role != switchyard.RoleEdit && !slices.Contains(f.can.Roles, ref.Role) {
			f.Request.References[i].Role = switchyard.RoleEdit
			f.round("role", string(ref.Role), "edit")
		}
	}
	if slices.ContainsFunc(r.References, func(ref switchyard.Reference) bool { return ref.Description != "" }) {
		f.drop("description") // which no dialect but the app's has a place for
	}
	return nil
}

// count splits more images than the target makes in one call over several.
func (f *fitter) count() {
	most := max(f.can.Images, 1)
	if f.Request.Images > most {
		f.Calls = (f.Request.Images + most - 1) / most
		f.Fidelity.Add(switchyard.Emulated, "n")
	}
}

// format asks for the wanted type of file, or for one that we can convert.
func (f *fitter) format() {
	r, formats := f.Request, f.can.Formats
	if r.Compression != nil {
		n := int(f.bound("compression", float64(*r.Compression), [2]float64{0, 100}))
		r.Compression = &n
	}
	if r.Format == "" && r.Compression != nil && !(f.can.Has("compression") && f.unasked() != "png") {
		if *r.Compression < 100 || f.unasked() != "png" { // at 100 a PNG is as it was meant
			f.drop("compression")
		}
		r.Compression = nil
	}
	if r.Format == "" || len(formats) == 0 {
		return
	}
	made := slices.Contains(formats, r.Format) && !f.can.AnyFormat
	switch {
	case made && (r.Compression == nil || f.can.Has("compression")):
	case made && r.Format != "jpeg": // we write JPEG ourselves, as small as the app wants it
		f.drop("compression")
		r.Compression = nil
	case f.convert(r.Format):
	default:
		f.round("format", r.Format, formats[0])
		r.Format, r.Compression = formats[0], nil
		if f.can.AnyFormat {
			f.Format = formats[0]
		}
	}
}

// unasked returns the format that the target makes if none is asked for; empty if the table does not say.
func (f *fitter) unasked() string {
	if f.row.Default.Format == "" && len(f.can.Formats) > 0 {
		return f.can.Formats[0]
	}
	return f.row.Default.Format
}

// convert arranges that we make format of what the target makes; false if we cannot write it.
func (f *fitter) convert(format string) bool {
	if format != "png" && format != "jpeg" {
		return false
	}
	f.Format = format
	f.Fidelity.Add(switchyard.Emulated, "format")
	f.Request.Compression = nil // we compress, not the target
	// Prefer a format without loss as the source, if there is one.
	f.Request.Format = f.can.Formats[0]
	if slices.Contains(f.can.Formats, "png") {
		f.Request.Format = "png"
	}
	return true
}

func (f *fitter) dropField(field string, given bool) bool {
	if !given || f.can.Has(field) {
		return false
	}
	f.drop(field)
	return true
}

// words fits the settings that are words. A quality between two choices is rounded down, since the next one up costs more.
func (f *fitter) words() {
	r := f.Request
	if q := r.Quality; q != "" && !slices.Contains(f.can.Qualities, q) {
		if len(f.can.Qualities) == 0 {
			f.drop("quality")
			r.Quality = ""
		} else {
			r.Quality = nearest(switchyard.Qualities, f.can.Qualities, q)
			f.round("quality", q, r.Quality)
		}
	}
	if r.Background != "" && !slices.Contains(f.can.Backgrounds, r.Background) {
		if r.Background != "opaque" { // every target paints an opaque one
			f.drop("background")
		}
		r.Background = ""
	}
	f.safety()
	for _, w := range []struct {
		field string
		value *string
	}{
		{"negative_prompt", &r.NegativePrompt},
		{"safety", &r.Safety},
		{"people", &r.People},
		{"language", &r.Language},
		{"keep_input", &r.KeepInput},
		{"user", &r.User},
	} {
		if f.dropField(w.field, *w.value != "") {
			*w.value = ""
		}
	}
	if r.Style != "" && !(f.can.Has("style") && f.sameFamily()) {
		f.drop("style")
		r.Style = ""
	}
}

// safety fits the level. One between two choices becomes the stricter of them. Where there are no levels all have the default.
func (f *fitter) safety() {
	r := f.Request
	switch have := f.can.Safeties; {
	case r.Safety == switchyard.SafetyDefault && !f.can.Has("safety"):
		r.Safety = ""
	case len(r.References) > 0 && f.can.Has("safe_edit") && (r.Safety == switchyard.SafetyRelaxed || r.Safety == switchyard.SafetyOff):
		f.round("safety", r.Safety, switchyard.SafetyDefault)
		r.Safety = switchyard.SafetyDefault
	case r.Safety != "" && len(have) > 0 && !slices.Contains(have, r.Safety):
		level := nearest(switchyard.SafetyLevels, have, r.Safety)
		f.round("safety", r.Safety, level)
		r.Safety = level
	}
}

// nearest returns the last of the choices that does not come after the wanted word in the order of all; the first of them if all do.
func nearest(all, have []string, want string) string {
	best := have[0]
	for _, h := range have {
		if slices.Index(all, h) <= slices.Index(all, want) {
			best = h
		}
	}
	return best
}

// sameFamily reports whether style, guidance and steps mean the same to both models: a guidance of 3.5 for flux is not a guidance of
// 7.5 for Stable Diffusion.
func (f *fitter) sameFamily() bool {
	return f.asked != nil && f.asked.Family != "" && f.asked.Family == f.row.Family
}

// numbers fits the settings that are a number, or yes or no.
func (f *fitter) numbers() {
	r := f.Request
	if f.dropField("seed", r.Seed != nil) {
		r.Seed = nil
	}
	if r.Guidance != nil && !(f.can.Has("guidance") && f.sameFamily()) {
		f.drop("guidance")
		r.Guidance = nil
	}
	if r.Guidance != nil {
		n := f.within("guidance", *r.Guidance)
		r.Guidance = &n
	}
	if r.Steps != nil && !(f.can.Has("steps") && f.sameFamily()) {
		f.drop("steps")
		r.Steps = nil
	}
	if r.Steps != nil {
		n := int(f.within("steps", float64(*r.Steps)))
		r.Steps = &n
	}
	if f.dropField("strength", r.Strength != nil) {
		r.Strength = nil
	}
	if r.Strength != nil {
		n := f.bound("strength", *r.Strength, [2]float64{0, 1})
		r.Strength = &n
	}
	if f.dropField("enhance", r.Enhance != nil) {
		r.Enhance = nil
	}
	if f.dropField("watermark", r.Watermark != nil) {
		r.Watermark = nil
	}
}

// within returns n, or the nearest number that the target takes: the same model elsewhere may have other bounds, and refuses what is
// beyond them.
func (f *fitter) within(field string, n float64) float64 {
	if bounds, ok := f.can.Ranges[field]; ok {
		return f.bound(field, n, bounds)
	}
	return n
}

func (f *fitter) bound(field string, n float64, bounds [2]float64) float64 {
	have := min(max(n, bounds[0]), bounds[1])
	if have != n {
		f.round(field, strconv.FormatFloat(n, 'g', -1, 64), strconv.FormatFloat(have, 'g', -1, 64))
	}
	return have
}

// asksTooMuch reports whether the app's own bytes use a setting that the model named by the app has, and the target has not.
func (f *fitter) asksTooMuch(req *switchyard.Request) bool {
	if req.Resolution != "" && len(f.asked.Can.Resolutions) > 0 && len(f.can.Resolutions) == 0 {
		return true
	}
	for name := range f.Request.Extra {
		if f.asked.Can.Has(name) && !f.can.Has(name) {
			return true
		}
	}
	return false
}

// dropExtra drops what can only be said in the app's own dialect, for a target of another dialect.
func (f *fitter) dropExtra() {
	for _, name := range slices.Sorted(maps.Keys(f.Request.Extra)) {
		f.drop(name)
	}
	f.Request.Extra = nil
}
