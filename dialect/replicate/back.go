package replicate

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"switchyard"
	"switchyard/dialect"
	"switchyard/spool"
)

// Needs asks for the bytes of what Replicate could not fetch itself, and for a white mask.
func (Dialect) Needs(_ *switchyard.Target, req *switchyard.Request) []dialect.Need {
	return dialect.LinkNeeds(req, switchyard.White)
}

// Encode creates a prediction. The request waits for it as long as Replicate allows; after that it is polled.
func (Dialect) Encode(t *switchyard.Target, req *switchyard.Request, s dialect.Supply) (*dialect.Outgoing, error) {
	at := locate(t)
	c := &spool.Composer{}
	e := &encoder{form: formOf(at.row), row: at.row, req: req}
	e.Set("prompt", req.Prompt)
	e.images(c, s)
	e.size()
	e.options()
	e.safety()
	if req.Dialect == "replicate" {
		if err := e.Restore(req.Extra, ours...); err != nil { // the members in ours are not input
			return nil, err
		}
	}
	e.Merge(t.Params)
	out := &dialect.Fields{}
	out.SetIf(at.version != "", "version", at.version)
	out.Set("input", &e.Fields)
	body, err := c.JSON(out)
	if err != nil {
		return nil, err
	}
	header := http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}}
	preferWait(header, req)
	return &dialect.Outgoing{Method: http.MethodPost, Path: at.path, Header: header, Body: body}, nil
}

// longest is the longest wait that Replicate allows.
const longest = "wait=60"

// preferWait saves polls if the app waits for the answer. For a ticket the prediction's id is needed first, and at once:
// by it the work is found again after a crash.
func preferWait(h http.Header, req *switchyard.Request) {
	h.Del("Prefer")
	if !req.Async {
		h.Set("Prefer", longest)
	}
}

// location is where a model's predictions are created.
type location struct {
	path    string
	version string // for models that are run by version
	row     *switchyard.Model
}

// locate reads a target's model: "owner/name", which is run by its name unless its row has a version, "owner/name:hash",
// or a hash.
func locate(t *switchyard.Target) location {
	name, version, _ := strings.Cut(t.Model, ":")
	row := t.Row
	if row == nil {
		row = table().Find(name)
	}
	switch {
	case version != "":
	case hash.MatchString(name):
		version = name
	case row != nil && row.ID == name && len(row.Aliases) > 0 && hash.MatchString(row.Aliases[0]):
		version = row.Aliases[0]
	default:
		owner, model, _ := strings.Cut(name, "/")
		return location{path: "/v1/models/" + url.PathEscape(owner) + "/" + url.PathEscape(model) + "/predictions", row: row}
	}
	return location{path: "/v1/predictions", version: version, row: row}
}

// encoder writes the input of one model.
type encoder struct {
	dialect.Fields
	form
	row *switchyard.Model
	req *switchyard.Request
}

func (e *encoder) images(c *spool.Composer, s dialect.Supply) {
	links := make([]string, len(e.req.References))
	for i := range e.req.References {
		links[i] = dialect.Link(c, s.Of(&e.req.References[i].Image))
	}
	switch {
	case len(links) == 0:
	case e.list:
		e.Set(e.image, links)
	default:
		e.Set(e.image, links[0])
	}
	if e.req.Mask != nil {
		e.Set("mask", dialect.Link(c, s.Of(&e.req.Mask.Image)))
	}
	e.SetIf(len(links) > 0 && e.req.Strength != nil && e.strength != "", e.strength, e.req.Strength)
}

func (e *encoder) size() {
	r := e.req
	switch {
	case r.Size == switchyard.Size{} || !e.pixels && e.custom == "":
		e.SetIf(r.Aspect != switchyard.Aspect{} && !e.pixels, "aspect_ratio", r.Aspect)
		e.SetIf(r.MatchInput && len(r.References) > 0 && e.match, "aspect_ratio", "match_input_image")
		word := classWord(e.form, r.Resolution)
		e.SetIf(r.Resolution != "" && e.class != "" && word != "", e.class, word)
		return
	case e.custom != "":
		e.Set(e.custom, "custom")
	}
	e.Set("width", r.Size.Width)
	e.Set("height", r.Size.Height)
}

func (e *encoder) options() {
	r := e.req
	e.SetIf(r.NegativePrompt != "", "negative_prompt", r.NegativePrompt)
	if r.Images > 1 && e.count != "" {
		e.SetIf(e.count == "max_images", "sequential_image_generation", "auto")
		e.Set(e.count, r.Images)
	}
	e.SetIf(r.Seed != nil, "seed", seed32(r.Seed))
	e.SetIf(r.Guidance != nil && e.guidance != "", e.guidance, r.Guidance)
	e.SetIf(r.Steps != nil, "num_inference_steps", r.Steps)
	e.SetIf(r.Style != "", "style", r.Style)
	e.SetIf(r.Format == "jpeg" && e.jpeg != "", "output_format", e.jpeg)
	e.SetIf(r.Format != "" && r.Format != "jpeg" && e.jpeg != "", "output_format", r.Format)
	e.SetIf(r.Compression != nil && e.quality != "", e.quality, r.Compression)
	e.SetIf(r.Quality != "", "quality", r.Quality)
	e.SetIf(r.Background != "", "background", r.Background)
	e.SetIf(r.User != "", "user_id", r.User)
	e.SetIf(r.Enhance != nil && e.enhance != "", e.enhance, r.Enhance)
	e.SetIf(r.Watermark != nil && e.pixels, "apply_watermark", r.Watermark)
}

// seed32 returns a seed in the range that all models take.
func seed32(seed *uint64) uint64 {
	if seed == nil {
		return 0
	}
	return *seed % (1 << 32)
}

func (e *encoder) safety() {
	level := e.req.Safety
	e.SetIf(e.checker && level == switchyard.SafetyOff, "disable_safety_checker", true)
	if n, ok := toleranceOf(level, e.tolerance); ok && e.tolerance > 0 {
		if e.row.Can.Has("safe_edit") && len(e.req.References) > 0 {
			n = min(n, 2) // a target that is named by its version has no row, and is told the wish as it is
		}
		e.Set("safety_tolerance", n)
	}
	if e.filter {
		for word, means := range filters {
			e.SetIf(means == level, "safety_filter_level", word)
		}
		e.SetIf(level == switchyard.SafetyOff, "safety_filter_level", "block_only_high")
	}
	e.SetIf(e.moderation && (level == switchyard.SafetyRelaxed || level == switchyard.SafetyOff), "moderation", "low")
}

// Forward sends the app's own body, without the members that would make Replicate contact the app directly. If the
// target has another model than the app named, the request goes to that model's path.
func (d Dialect) Forward(t *switchyard.Target, req *switchyard.Request, m *spool.Message) (*dialect.Outgoing, error) {
	root, err := m.JSON()
	if err != nil {
		return nil, err
	}
	out := &dialect.Outgoing{Method: m.Method, Path: (&url.URL{Path: m.Path}).EscapedPath(), Header: dialect.Along(d, t, m.Header)}
	preferWait(out.Header, req)
	edit, gone := spool.NewEdit(m.Body), ours
	if t.Model != req.Model {
		at := locate(t)
		if out.Path = at.path; at.version != "" {
			edit.Set(root, "version", quote(at.version))
		} else {
			gone = append([]string{"version"}, ours...)
		}
	}
	if err := edit.Delete(root, gone...); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(t.Params)) {
		edit.Set(root.Get("input"), name, t.Params[name])
	}
	out.Body = edit.Blob()
	return out, nil
}

func quote(s string) json.RawMessage {
	b, _ := (&spool.Composer{}).JSON(s)
	return json.RawMessage(b.(spool.Bytes))
}
