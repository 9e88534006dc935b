package openai

import (
	"fmt"
	"path"
	"strings"

	"switchyard"
	"switchyard/spool"
)

// defaultModel serves requests that name none. The provider's own default has died twice.
const defaultModel = "gpt-image-2"

const maxImages = 10

// DecodeRequest reads a generation or an edit. Spellings that hand-written apps use are taken, too: numbers as text,
// options of DALL·E on other models, repeated and numbered names of files. A word that is new to us is for the provider to
// judge, which may have learned it yesterday, or may be another that speaks this format.
func (Dialect) DecodeRequest(m *spool.Message) (*switchyard.Request, error) {
	req := &switchyard.Request{Form: path.Base(m.Path), Images: 1}
	root, err := fields(m, req)
	if err != nil {
		return nil, err
	}
	r := spool.Read(root, "")
	r.AsText = true
	if err := decodeFields(r, req); err != nil {
		return nil, err
	}
	if req.Form == edits && !m.IsForm() {
		if err := decodeImages(r, req); err != nil {
			return nil, err
		}
	}
	req.Extra = r.Rest()
	if errs := r.Errs(); len(errs) > 0 {
		e := errs[0]
		return nil, switchyard.Invalid(e.Path, "Invalid type for '%s': expected %s, but got %s instead.", e.Path, e.Want, e.Got.Kind())
	}
	switch {
	case req.Prompt == "":
		return nil, switchyard.Invalid("prompt", "Missing required parameter: 'prompt'.")
	case req.Form == edits && len(req.References) == 0:
		name := "images"
		if m.IsForm() {
			name = "image"
		}
		return nil, switchyard.Invalid(name, "Missing required parameter: '%s'.", name)
	}
	return req, nil
}

// fields is the body as one object. The files of a form become the request's images.
func fields(m *spool.Message, req *switchyard.Request) (*spool.Value, error) {
	if m.IsForm() {
		form, err := m.Form()
		if err != nil {
			return nil, switchyard.Invalid("", "Could not parse multipart form")
		}
		decodeFiles(form, req)
		return form.Object(), nil
	}
	if ct := m.Header.Get("Content-Type"); ct != "" && !strings.Contains(strings.ToLower(ct), "json") {
		return nil, switchyard.Invalid("", "Unsupported content type: '%s'. This API method only accepts 'application/json' requests, but you specified the header 'Content-Type: %s'. Please try again with a supported content type.", ct, ct)
	}
	root, err := m.JSON()
	if err != nil || root.Kind() != spool.Object {
		return nil, switchyard.Invalid("", "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON.)")
	}
	return root, nil
}

func decodeFiles(form *spool.Form, req *switchyard.Request) {
	for _, p := range form.Parts {
		if p.FileName == "" {
			continue
		}
		// Types and names of files are often wrong ("blob", "application/octet-stream"): their bytes tell.
		img := switchyard.Image{Blob: p.Blob(), MIME: switchyard.Sniff([]byte(p.Prefix(32)))}
		switch name, _, _ := strings.Cut(p.Name, "["); name {
		case "image":
			req.References = append(req.References, switchyard.Reference{Image: img})
		case "mask":
			req.Mask = &switchyard.Mask{Image: img, Polarity: switchyard.Transparent}
		case "markup":
			req.Markup = &img
		}
	}
}

func decodeFields(r *spool.Reader, req *switchyard.Request) error {
	req.Model = r.Text("model")
	if req.Model == "" {
		req.Model = defaultModel
	}
	req.Prompt = r.Text("prompt")
	if n := r.Int("n"); n != nil {
		switch req.Images = *n; {
		case *n > maxImages:
			return switchyard.Invalid("n", "Invalid 'n': integer above maximum value. Expected a value <= %d, but got %d instead.", maxImages, *n)
		case *n < 1:
			return switchyard.Invalid("n", "Invalid 'n': integer below minimum value. Expected a value >= 1, but got %d instead.", *n)
		}
	}
	if row := table().Find(req.Model); row != nil && row.Form == formDallE {
		req.Size = row.Default.Size // the GPT models choose for themselves
	}
	if size := r.Text("size"); size != "" && size != "auto" {
		var err error
		if req.Size, err = switchyard.ParseSize(size); err != nil {
			r.Leave("size")
		}
	}
	words := []struct {
		field string
		into  *string
		means map[string]string
	}{
		{"quality", &req.Quality, qualities},
		{"background", &req.Background, map[string]string{"auto": "", "transparent": "transparent", "opaque": "opaque"}},
		{"moderation", &req.Safety, map[string]string{"auto": "", "low": switchyard.SafetyRelaxed}},
		{"input_fidelity", &req.KeepInput, map[string]string{"low": "low", "high": "high"}},
	}
	for _, w := range words {
		text := r.Text(w.field)
		means, ok := w.means[text]
		if text != "" && !ok {
			r.Leave(w.field)
		}
		*w.into = means
	}
	req.Format = r.Text("output_format") // any: what nobody can make is rounded
	req.Compression = r.Int("output_compression")
	if b := r.Bool("stream"); b != nil {
		req.Stream = *b
	}
	req.Style = r.Text("style")
	if req.User = r.Text("safety_identifier"); req.User == "" {
		req.User = r.Text("user")
	} else {
		r.Get("user")
	}
	decodeDelivery(r, req)
	return nil
}

// decodeDelivery: only DALL·E answered with addresses, and did so unasked. Events have no place for one.
func decodeDelivery(r *spool.Reader, req *switchyard.Request) {
	wants := r.Text("response_format")
	if wants != "" && wants != "url" && wants != "b64_json" {
		r.Leave("response_format")
	}
	row := table().Find(req.Model)
	switch {
	case req.Stream:
		req.Delivery = switchyard.DeliverInline
	case row == nil && wants == "url", row != nil && row.Form == formDallE && wants != "b64_json":
		req.Delivery = switchyard.DeliverURL
	default:
		req.Delivery = switchyard.DeliverInline
	}
}

// decodeImages reads the JSON form of an edit.
func decodeImages(r *spool.Reader, req *switchyard.Request) error {
	for i, item := range r.Items("images") {
		img, err := decodeImage(item, fmt.Sprintf("images[%d]", i))
		if err != nil {
			return err
		}
		req.References = append(req.References, switchyard.Reference{Image: img})
	}
	if mask := r.Get("mask"); mask.Given() {
		img, err := decodeImage(mask, "mask")
		if err != nil {
			return err
		}
		req.Mask = &switchyard.Mask{Image: img, Polarity: switchyard.Transparent}
	}
	return nil
}

func decodeImage(v *spool.Value, at string) (switchyard.Image, error) {
	if id := v.Get("file_id").Text(); id != "" {
		return switchyard.Image{URL: id, Kept: "openai"}, nil
	}
	link := v.Get("image_url")
	mime, blob, isData, err := spool.DataURI(link)
	switch {
	case link.Kind() != spool.String:
		return switchyard.Image{}, switchyard.Invalid(at, "Missing required parameter: '%s.image_url'.", at)
	case err != nil:
		return switchyard.Image{}, switchyard.Invalid(at, "Invalid base64 image_url.")
	case isData:
		return switchyard.Image{Blob: blob, MIME: mime}, nil
	}
	return switchyard.Image{URL: link.Text()}, nil
}

var qualities = map[string]string{
	"auto": "", "standard": switchyard.QualityMedium, "hd": switchyard.QualityHigh,
	"low": switchyard.QualityLow, "medium": switchyard.QualityMedium, "high": switchyard.QualityHigh,
	"xhigh": switchyard.QualityXHigh, "max": switchyard.QualityMax,
}
