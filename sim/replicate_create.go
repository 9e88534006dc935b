package sim

import (
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"switchyard"
)

var (
	preferWait  = regexp.MustCompile(`^wait(=([1-9]|[1-5][0-9]|60))?$`)
	cancelAfter = regexp.MustCompile(`^[1-9][0-9]{0,5}(s|m|h)$`)
	eventNames  = []string{"start", "output", "logs", "completed"}
)

// order is a checked request for a prediction.
type order struct {
	m       replicateModel
	input   obj // as sent
	in      obj // with defaults
	prompt  string
	n       int
	size    switchyard.Size
	format  string
	refs    int
	pixels  []int64 // of the images that came with it
	mask    bool
	hook    string
	filter  []string // events of the webhook; nil means output and completed
	wait    time.Duration
	applied string        // Preference-Applied
	limit   time.Duration // Cancel-After; 0 if there is none
	header  http.Header
}

// createByVersion takes a version, owner/name:version, or owner/name of an official model; a model key is refused.
func (s *replicate) createByVersion(x *exchange) {
	body, ok := s.body(x, true)
	if !ok {
		return
	}
	v, _ := body["version"].(string)
	if _, after, ok := strings.Cut(v, ":"); ok {
		v = after
	}
	for _, m := range replicateModels {
		if m.version != "" && m.version == v || m.version == "" && m.name == v {
			s.create(x, m, body)
			return
		}
	}
	x.json(http.StatusUnprocessableEntity, problemJSON, obj{
		"title": "Invalid version or not permitted", "status": http.StatusUnprocessableEntity,
		"detail": "The specified version does not exist (or perhaps you don't have permission to use it?)",
	})
}

// createByName is only for official models, and for deployments, which here have the names of their models.
func (s *replicate) createByName(x *exchange, name string, deployment bool) {
	m, ok := s.modelNamed(x.b, name)
	if !ok || m.version != "" && !deployment {
		s.notFound(x)
		return
	}
	if body, ok := s.body(x, false); ok {
		s.create(x, m, body)
	}
}

// body checks the keys beside the input.
func (s *replicate) body(x *exchange, version bool) (obj, bool) {
	body, err := x.object()
	if err != nil {
		s.problem(x, http.StatusBadRequest, "Bad request", "The request body is not valid JSON.")
		return nil, false
	}
	var bad []invalidField
	if v, there := body["version"]; version && !there {
		bad = append(bad, invalidField{"required", "", "version is required"})
	} else if _, ok := v.(string); version && !ok {
		bad = append(bad, invalidField{"invalid_type", "version", wrongType("string", v)})
	}
	if v, there := body["input"]; !there {
		bad = append(bad, invalidField{"required", "", "input is required"})
	} else if _, ok := v.(obj); !ok {
		bad = append(bad, invalidField{"invalid_type", "input", wrongType("object", v)})
	}
	for _, k := range sortedKeys(body) {
		switch k {
		case "input", "webhook", "webhook_events_filter", "stream":
			continue
		case "version":
			if version {
				continue
			}
		}
		bad = append(bad, invalidField{"additional_property_not_allowed", "", "Additional property " + k + " is not allowed"})
	}
	if len(bad) > 0 {
		s.invalid(x, bad)
	}
	return body, len(bad) == 0
}

func (s *replicate) create(x *exchange, m replicateModel, body obj) {
	o, ok := s.read(x, m, body)
	if !ok || x.struck(x.b.Fault) {
		return
	}
	if _, fails := s.p.roll(x.b, m.name, o.n); fails {
		s.overloaded(x)
		return
	}
	x.w.Header().Set("Ratelimit-Remaining", "599")
	j := s.accept(x, o)
	s.p.world.work(func() { s.run(x.b, j) })
	if o.limit > 0 {
		s.p.world.work(func() { s.expire(j) })
	}
	x.made = true
	if o.applied == "" {
		x.json(http.StatusCreated, plainJSON, s.view(j))
		return
	}
	x.w.Header().Set("Preference-Applied", o.applied)
	s.await(x, j, o)
}

// await answers when the prediction is over. If the wait ends first, it answers with the status starting: clients take
// any other status for final.
func (s *replicate) await(x *exchange, j *prediction, o *order) {
	t := time.NewTimer(o.wait)
	defer t.Stop()
	over := false
	if !x.b.Quirks.WaitRunsOut {
		select {
		case <-j.done:
			over = true
		case <-t.C:
		case <-x.r.Context().Done():
			panic(http.ErrAbortHandler) // the app left; the prediction goes on
		}
	}
	v := s.view(j)
	switch {
	case !over:
		s.unfinished(v, "starting")
		x.json(http.StatusAccepted, plainJSON, v)
	case x.b.Quirks.Processing && v["status"] == "succeeded":
		output := v["output"]
		s.unfinished(v, "processing")
		v["output"] = output
		x.json(http.StatusCreated, plainJSON, v)
	default:
		x.json(http.StatusCreated, plainJSON, v)
	}
}

// unfinished removes from v what it says of the end.
func (s *replicate) unfinished(v obj, status string) {
	v["status"], v["output"], v["error"] = status, nil, nil
	for _, k := range []string{"started_at", "completed_at", "metrics"} {
		delete(v, k)
	}
}

// read checks input and headers.
func (s *replicate) read(x *exchange, m replicateModel, body obj) (*order, bool) {
	o := &order{m: m, input: asObject(body["input"]), header: x.r.Header}
	in, faults, unknown := check(m.fields, o.input, true)
	x.ignored(unknown)
	o.in, o.prompt = in, textOf(in, "prompt")
	x.about(m.name, o.prompt)
	var bad []invalidField
	for _, f := range faults {
		bad = append(bad, describeFault(f))
	}
	bad = append(bad, o.readHook(body)...)
	if len(bad) > 0 {
		s.invalid(x, bad)
		return nil, false
	}
	if p := x.r.Header.Get("Prefer"); p != "" {
		if !preferWait.MatchString(p) {
			s.problem(x, http.StatusBadRequest, "Bad request", "Invalid Prefer header: "+p)
			return nil, false
		}
		o.applied, o.wait = p, 60*time.Second
		if _, n, ok := strings.Cut(p, "="); ok {
			seconds, _ := strconv.Atoi(n)
			o.wait = time.Duration(seconds) * time.Second
		}
	}
	if c := x.r.Header.Get("Cancel-After"); c != "" {
		if !cancelAfter.MatchString(c) {
			s.problem(x, http.StatusBadRequest, "Bad request", "Invalid Cancel-After header: "+c)
			return nil, false
		}
		o.limit, _ = time.ParseDuration(c)
	}
	o.n = max(1, intOf(in, "num_outputs"), intOf(in, "number_of_images"))
	if textOf(in, "sequential_image_generation") == "auto" {
		o.n = intOf(in, "max_images")
	}
	o.format = m.format
	if f := textOf(in, "output_format"); f != "" {
		o.format = f
	}
	return o, true
}

func (o *order) readHook(body obj) (bad []invalidField) {
	if v, there := body["webhook"]; there && v != nil {
		o.hook, _ = v.(string)
		if !strings.HasPrefix(o.hook, "http") {
			bad = append(bad, invalidField{"format", "webhook", "Does not match format 'uri'"})
		}
	}
	for _, v := range asList(body["webhook_events_filter"]) {
		name, _ := v.(string)
		if f := enum("webhook_events_filter", eventNames); f.broken(name) != "" {
			bad = append(bad, describeFault(fault{f, "enum", v}))
		}
		o.filter = append(o.filter, name)
	}
	return bad
}

var errNoFace = errors.New("No image provided") // the model's own words

// resolve fetches the references and settles the size. A failure here fails the prediction, not the request.
func (s *replicate) resolve(b Behavior, o *order) error {
	x := &exchange{p: s.p, b: b}
	var first switchyard.Size
	one := func(v any) error {
		address, _ := v.(string)
		var h http.Header
		if strings.HasPrefix(address, s.p.URL+"/v1/files/") { // our own files need the account's key
			h = http.Header{"Authorization": {"Bearer " + s.p.keys[0]}}
			address += "/content"
		}
		ref, err := x.load(address, h)
		if err == nil && first == (switchyard.Size{}) {
			first = ref.size
		}
		o.pixels = append(o.pixels, ref.size.Pixels())
		return err
	}
	for _, name := range o.m.images {
		values := asList(o.in[name])
		if v, ok := o.in[name].(string); ok {
			values = list{v}
		}
		for _, v := range values {
			if err := one(v); err != nil {
				return err
			}
			o.refs++
		}
	}
	if v, ok := o.in[o.m.mask]; ok {
		if err := one(v); err != nil {
			return err
		}
		o.mask = true
	}
	if o.m.name == "fofr/face-to-many" && o.refs == 0 {
		return errNoFace
	}
	o.settle(first)
	return nil
}

func (o *order) settle(first switchyard.Size) {
	ratio := textOf(o.in, "aspect_ratio")
	width, height := intOf(o.in, "width"), intOf(o.in, "height")
	follow := first != (switchyard.Size{}) && (ratio == "match_input_image" || ratio == "")
	if o.m.name == "black-forest-labs/flux-dev" && first != (switchyard.Size{}) {
		follow = true
	}
	switch {
	case (ratio == "custom" || textOf(o.in, "size") == "custom" || o.m.sizes == nil && o.m.name != "fofr/face-to-many") && width > 0 && height > 0:
		o.size = switchyard.Size{Width: width, Height: height}
	case follow:
		o.size = within(first, 1024)
	default:
		o.size = o.m.sizes[ratio]
		if o.size == (switchyard.Size{}) {
			o.size = switchyard.Size{Width: 1024, Height: 1024}
		}
	}
	if ratio == "custom" {
		return // the model has a size of its own
	}
	switch textOf(o.in, "megapixels") + textOf(o.in, "image_size") + textOf(o.in, "size") + textOf(o.in, "resolution") {
	case "0.25":
		o.size = scaled(o.size, 1, 2)
	case "0.5 MP":
		o.size = scaled(o.size, 23, 32)
	case "2 MP":
		o.size = scaled(o.size, 45, 32)
	case "2K":
		o.size = scaled(o.size, 2, 1)
	case "4 MP":
		o.size = within(scaled(o.size, 2, 1), 2048)
	case "4K":
		o.size = scaled(o.size, 4, 1)
	}
}

func scaled(s switchyard.Size, n, of int) switchyard.Size {
	return switchyard.Size{Width: s.Width * n / of, Height: s.Height * n / of}
}

// within scales s so that its longer edge is n.
func within(s switchyard.Size, n int) switchyard.Size {
	long := max(s.Width, s.Height)
	return switchyard.Size{Width: max(1, s.Width*n/long), Height: max(1, s.Height*n/long)}
}
