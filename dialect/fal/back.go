package fal

import (
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"switchyard"
	"switchyard/dialect"
	"switchyard/spool"
)

// Needs asks for the bytes of what fal could not fetch itself, and for a white mask.
func (Dialect) Needs(_ *switchyard.Target, req *switchyard.Request) []dialect.Need {
	return dialect.LinkNeeds(req, switchyard.White)
}

// Encode writes a synchronous run, or a job for the queue. The queue is for slow models, since it lets requests wait
// where a run would be refused, and for tickets, since a job can be found again after a crash.
func (Dialect) Encode(t *switchyard.Target, req *switchyard.Request, s dialect.Supply) (*dialect.Outgoing, error) {
	c := &spool.Composer{}
	out := &dialect.Fields{}
	f := formOf(t.Row)
	out.Set("prompt", req.Prompt)
	encodeImages(c, out, f, req, s)
	encodeSize(out, f, req)
	encodeOptions(out, f, req)
	if req.Dialect == "fal" {
		if err := out.Restore(req.Extra); err != nil {
			return nil, err
		}
	}
	out.Merge(t.Params)
	body, err := c.JSON(out)
	if err != nil {
		return nil, err
	}
	return &dialect.Outgoing{
		Base:   baseFor(t, req),
		Method: http.MethodPost,
		Path:   appPath(endpoint(t, req)),
		Header: http.Header{"Content-Type": {jsonType}, "Accept": {jsonType}},
		Body:   body,
	}, nil
}

func baseFor(t *switchyard.Target, req *switchyard.Request) string {
	if req.Async || t.Row != nil && t.Row.Can.Has("queue") {
		return queue
	}
	return ""
}

func appPath(id string) string { return (&url.URL{Path: "/" + id}).EscapedPath() }

// endpoint returns the id under which the model takes such a request.
func endpoint(t *switchyard.Target, req *switchyard.Request) string {
	kind := "text"
	switch n := len(req.References); {
	case req.Mask != nil:
		kind = "mask"
	case n > 1:
		kind = "multi"
	case n == 1:
		kind = "edit"
	}
	if t.Row == nil {
		return t.Model
	}
	if id, ok := t.Row.Endpoints[kind]; ok {
		return id
	}
	if id, ok := t.Row.Endpoints["edit"]; ok && kind == "multi" {
		return id
	}
	return t.Model
}

func encodeImages(c *spool.Composer, out *dialect.Fields, f form, req *switchyard.Request, s dialect.Supply) {
	links := make([]any, len(req.References))
	for i := range req.References {
		link := dialect.Link(c, s.Of(&req.References[i].Image))
		if links[i] = link; f.faces {
			links[i] = map[string]string{imageURL: link}
		}
	}
	switch n := len(links); {
	case n == 0:
	case f.image != "" && (n == 1 || f.images == ""):
		out.Set(f.image, links[0])
	default:
		out.Set(f.images, links)
	}
	if req.Mask != nil {
		out.Set("mask_url", dialect.Link(c, s.Of(&req.Mask.Image)))
	}
	out.SetIf(len(links) > 0 && req.Strength != nil, "strength", req.Strength)
}

func encodeSize(out *dialect.Fields, f form, req *switchyard.Request) {
	given := req.Size != switchyard.Size{}
	preset := presetOf(req.Size)
	switch {
	case f.size == sizeRatio:
		out.SetIf(req.Aspect != switchyard.Aspect{}, "aspect_ratio", req.Aspect)
		class := req.Resolution
		if class == "512" {
			class = "0.5K"
		}
		out.SetIf(class != "", "resolution", class)
	case f.size == sizeNothing:
	case given && f.size == sizeText:
		out.Set("image_size", req.Size)
	case given && f.size == sizePreset && preset != "":
		out.Set("image_size", preset)
	case !given:
		out.SetIf(f.auto && req.MatchInput && len(req.References) > 0, "image_size", "auto")
	default:
		out.Set("image_size", map[string]int{"width": req.Size.Width, "height": req.Size.Height})
	}
}

func encodeOptions(out *dialect.Fields, f form, req *switchyard.Request) {
	out.SetIf(req.NegativePrompt != "", "negative_prompt", req.NegativePrompt)
	out.SetIf(req.Images > 1 && !f.single, "num_images", req.Images)
	out.SetIf(req.Seed != nil, "seed", req.Seed)
	out.SetIf(req.Guidance != nil, "guidance_scale", req.Guidance)
	if req.Steps != nil {
		out.SetIf(!f.steps, "num_inference_steps", req.Steps)
		out.SetIf(f.steps, "num_inference_steps", strconv.Itoa(quickSteps(*req.Steps)))
	}
	out.SetIf(req.Format != "" && f.format != "", f.format, req.Format)
	out.SetIf(req.Quality != "", "quality", req.Quality)
	out.SetIf(req.Background != "", "background", req.Background)
	out.SetIf(f.vectors && req.Format == "svg", "style", vectorStyle)
	out.SetIf(req.Style != "", "style", req.Style)
	out.SetIf(req.Enhance != nil && f.enhance != "", f.enhance, req.Enhance)
	if req.Safety == "" {
		return
	}
	out.SetIf(f.checker, "enable_safety_checker", req.Safety != switchyard.SafetyOff)
	tolerance := map[string]string{switchyard.SafetyStrict: "1", switchyard.SafetyRelaxed: "5", switchyard.SafetyOff: f.tolerance}[req.Safety]
	out.SetIf(f.tolerance != "" && tolerance != "", "safety_tolerance", tolerance)
}

// quickSteps returns the nearest of the step counts that a distilled model was made for; the lower one of two.
func quickSteps(n int) int {
	best := 1
	for _, have := range []int{2, 4, 8} {
		if have-n < n-best {
			best = have
		}
	}
	return best
}

// Forward sends the app's own body to the app that the target names.
func (d Dialect) Forward(t *switchyard.Target, req *switchyard.Request, m *spool.Message) (*dialect.Outgoing, error) {
	id := strings.TrimPrefix(m.Path, "/")
	if t.Model != req.Model {
		id = endpoint(t, req)
	}
	out := &dialect.Outgoing{Base: baseFor(t, req), Method: m.Method, Path: appPath(id), Query: maps.Clone(m.Query), Header: dialect.Along(d, t, m.Header)}
	delete(out.Query, webhookQuery) // we notify the app ourselves
	delete(out.Query, lengthQuery)  // it is about our queue, which has no maximum length
	body, err := dialect.Edited(m, t.Params)
	out.Body = body
	return out, err
}
