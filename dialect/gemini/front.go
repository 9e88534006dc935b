package gemini

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"switchyard"
	"switchyard/dialect"
	"switchyard/spool"
)

// DecodeRequest reads a predict or a generateContent. A generateContent for a model that makes no images is no
// generation.
func (Dialect) DecodeRequest(m *spool.Message) (*switchyard.Request, error) {
	call, _ := parsePath(m.Path)
	req := &switchyard.Request{
		Form:     call.form(),
		Model:    strings.TrimPrefix(call.model, "models/"),
		Images:   1,
		Delivery: switchyard.DeliverInline,
		Memo:     map[string]string{},
	}
	if strings.ContainsAny(req.Model, "?&") || strings.Contains(req.Model, "..") {
		return nil, switchyard.Invalid("", "Request contains an invalid argument.")
	}
	root, err := m.JSON()
	if err != nil || root.Kind() != spool.Object {
		return nil, switchyard.Invalid("", "Invalid JSON payload received. Unexpected token.")
	}
	r := spool.Read(root, "")
	r.AsText = true // as in all of protobuf's JSON
	if req.Form == Predict {
		err = decodePredict(r, req)
	} else {
		if req.Stream = call.method == "streamGenerateContent"; req.Stream && m.Query.Get("alt") != "sse" {
			req.Memo[memoArray] = "true"
		}
		err = decodeContent(r, req)
	}
	if err != nil {
		return nil, err
	}
	if req.Prompt == "" && len(req.References) == 0 {
		return nil, switchyard.Invalid("", "Request contains an invalid argument.")
	}
	if len(req.Extra) == 0 {
		req.Extra = nil
	}
	return req, nil
}

// What must be remembered for the answer.
const (
	memoArray  = "array"  // a stream as one JSON array, as the method answers without alt=sse
	memoReason = "reason" // includeRaiReason
	memoSafety = "safety" // includeSafetyAttributes
	memoText   = "text"   // text may come beside the image
)

// imageModel reports whether a model makes images, by its row or its name.
func imageModel(id string) bool {
	if table().Find(id) != nil {
		return true
	}
	return strings.Contains(id, "-image") || strings.Contains(id, "nano-banana") || strings.HasPrefix(id, "imagen")
}

// key returns the spelling of a member that is there: Google's API accepts camelCase and snake_case alike.
func key(r *spool.Reader, camel string) string {
	if snake := snakeCase(camel); r.Get(camel).Kind() == spool.Missing && r.Get(snake).Kind() != spool.Missing {
		return snake
	}
	return camel
}

func snakeCase(camel string) string {
	var b strings.Builder
	for _, c := range camel {
		if c >= 'A' && c <= 'Z' {
			b.WriteByte('_')
			c += 'a' - 'A'
		}
		b.WriteRune(c)
	}
	return b.String()
}

// wrongType returns the first of the readers' complaints, in Google's words.
func wrongType(rs ...*spool.Reader) error {
	for _, r := range rs {
		if errs := r.Errs(); len(errs) > 0 {
			return switchyard.Invalid("", "Invalid value at '%s': expected %s, got %s", errs[0].Path, errs[0].Want, errs[0].Got.Kind())
		}
	}
	return nil
}

// decodeContent reads a generateContent. A conversation becomes its texts and pictures; the extras say that it was one.
//
// Google's API accepts a lone element in place of a list, and Google's own samples send that:
// {"contents":{"parts":{"text":"…"}}}; so do apps: {"responseModalities":"IMAGE"}.
func decodeContent(r *spool.Reader, req *switchyard.Request) error {
	config := r.Object(key(r, "generationConfig"))
	asked := config.Get(key(config, "responseModalities")).OneOrMany()
	wantsImage, wantsText := modalities(asked)
	if !wantsImage && (len(asked) > 0 || !imageModel(req.Model)) {
		return dialect.ErrNotGeneration
	}
	if wantsText {
		req.Memo[memoText] = "true"
	}
	var texts []string
	turns := r.Get("contents").OneOrMany()
	for _, turn := range turns {
		for _, p := range turn.Get("parts").OneOrMany() {
			text, err := decodePart(p, req)
			if err != nil {
				return err
			}
			if text != "" && turn.Get("role").Text() != "model" {
				texts = append(texts, text)
			}
		}
	}
	req.Prompt = strings.Join(texts, "\n")
	about := append(decodeConfig(config, req), r, config)
	if err := wrongType(about...); err != nil {
		return err
	}
	r.Get("model")
	decodeSafety(r, req)
	if req.Extra = rest(about...); len(turns) > 1 {
		req.Extra["conversation"] = json.RawMessage("true")
	}
	return nil
}

// rest returns all members that the readers were not asked for.
func rest(rs ...*spool.Reader) map[string]json.RawMessage {
	all := map[string]json.RawMessage{}
	for _, r := range rs {
		maps.Copy(all, r.Rest())
	}
	return all
}

func modalities(items []*spool.Value) (image, text bool) {
	for _, m := range items {
		image = image || strings.EqualFold(m.Text(), "IMAGE")
		text = text || strings.EqualFold(m.Text(), "TEXT")
	}
	return image, text || len(items) == 0
}

// filesAt begins the addresses of files that apps have uploaded to Google. Only the key of that account can read them.
const filesAt = "https://generativelanguage.googleapis.com/"

func decodePart(v *spool.Value, req *switchyard.Request) (text string, err error) {
	if v.Get("thought").Truth() {
		return "", nil // a draft that a chat sends back
	}
	p := spool.Read(v, "part")
	if inline := p.Object(key(p, "inlineData")); p.Get(key(p, "inlineData")).Given() {
		data, err := inline.Get("data").Base64(0)
		if err != nil {
			return "", switchyard.Invalid("", "Request contains an invalid argument.")
		}
		req.References = append(req.References, switchyard.Reference{Image: switchyard.Image{Blob: data, MIME: inline.Text(key(inline, "mimeType"))}})
	}
	if file := p.Object(key(p, "fileData")); p.Get(key(p, "fileData")).Given() {
		img := switchyard.Image{URL: file.Text(key(file, "fileUri")), MIME: file.Text(key(file, "mimeType"))}
		if strings.HasPrefix(img.URL, filesAt) {
			img.Kept = "gemini"
		}
		req.References = append(req.References, switchyard.Reference{Image: img})
	}
	return p.Text("text"), wrongType(p)
}

// seed reads a seed, which may be a negative int32 here: its bits are taken.
func seed(r *spool.Reader) *uint64 {
	if n, ok := r.Get("seed").Int(); ok && n < 0 {
		return new(uint64(uint32(n)))
	}
	return r.Uint("seed")
}

var people = map[string]string{
	"dont_allow": "none", "allow_none": "none", "allow_adult": "adult", "allow_all": "all",
}

var thresholds = map[string]string{
	"block_low_and_above": switchyard.SafetyStrict, "block_medium_and_above": switchyard.SafetyDefault,
	"block_only_high": switchyard.SafetyRelaxed, "block_none": switchyard.SafetyOff, "off": switchyard.SafetyOff,
}

// decodeSafety takes the strictest threshold for all categories: the canonical form has only one level. If they differ, or one is new
// to us, the settings stay among the extras, too.
func decodeSafety(r *spool.Reader, req *switchyard.Request) {
	name, alike := key(r, "safetySettings"), true
	for i, v := range r.Get(name).OneOrMany() {
		s := spool.Read(v, name)
		level := word(s, "threshold", thresholds)
		alike = alike && (i == 0 || level == req.Safety) && len(s.Errs()) == 0 && v.Kind() == spool.Object && s.Rest()["threshold"] == nil
		if level != "" && (req.Safety == "" || stricter(level, req.Safety)) {
			req.Safety = level
		}
	}
	if !alike {
		r.Leave(name)
	}
}

// stricter reports whether level a is stricter than b.
func stricter(a, b string) bool {
	return slices.Index(switchyard.SafetyLevels, a) < slices.Index(switchyard.SafetyLevels, b)
}
