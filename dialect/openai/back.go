package openai

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"switchyard"
	"switchyard/dialect"
	"switchyard/spool"
)

// Needs asks for the bytes of every image that OpenAI does not keep itself, since an edit carries them, and for the mask in its
// sense.
func (Dialect) Needs(_ *switchyard.Target, req *switchyard.Request) []dialect.Need {
	var needs []dialect.Need
	for i := range req.References {
		if img := &req.References[i].Image; img.Kept == "" {
			needs = append(needs, dialect.Need{Image: img})
		}
	}
	if req.Mask != nil && req.Mask.Kept == "" {
		needs = append(needs, dialect.Need{Image: &req.Mask.Image, Mask: switchyard.Transparent})
	}
	if req.Markup != nil {
		needs = append(needs, dialect.Need{Image: req.Markup})
	}
	return needs
}

// field is an option of a request, as text and as JSON.
type field struct {
	name string
	json json.RawMessage
}

// Encode writes a generation as JSON, or an edit if there are images: as a form, which carries files as they are, unless one is
// known by its id alone, which a form has no place for.
func (Dialect) Encode(t *switchyard.Target, req *switchyard.Request, s dialect.Supply) (*dialect.Outgoing, error) {
	fields := encodeFields(t, req)
	kept := func(r switchyard.Reference) bool { return r.Kept != "" }
	switch {
	case slices.ContainsFunc(req.References, kept), req.Mask != nil && req.Mask.Kept != "":
		return encodeKept(req, fields, s)
	case len(req.References) > 0:
		return encodeEdit(req, fields, s), nil
	}
	body := json.RawMessage("{")
	for i, f := range fields {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(append(strconv.AppendQuote(body, f.name), ':'), f.json...)
	}
	return post(generations, "application/json", spool.Bytes(append(body, '}'))), nil
}

// post is a request for images.
func post(form, contentType string, body switchyard.Blob) *dialect.Outgoing {
	return &dialect.Outgoing{
		Method: http.MethodPost,
		Path:   "/v1/images/" + form,
		Header: http.Header{"Content-Type": {contentType}, "Accept": {"application/json"}},
		Body:   body,
	}
}

func encodeFields(t *switchyard.Target, req *switchyard.Request) []field {
	var fields []field
	add := func(name string, given bool, value any) {
		if text, err := encodeJSON(value); given && err == nil {
			fields = append(fields, field{name, text})
		}
	}
	number := func(p *int) int {
		if p == nil {
			return 0
		}
		return *p
	}
	add("model", true, t.Model)
	add("prompt", true, req.Prompt)
	add("n", req.Images != 1, req.Images)
	add("size", req.Size != switchyard.Size{}, req.Size.String())
	add("quality", req.Quality != "", req.Quality)
	add("background", req.Background != "", req.Background)
	add("output_format", req.Format != "", req.Format)
	add("output_compression", req.Compression != nil && req.Format != "png" && req.Format != "", number(req.Compression))
	add("moderation", req.Safety == switchyard.SafetyRelaxed || req.Safety == switchyard.SafetyOff, "low")
	add("input_fidelity", req.KeepInput != "", req.KeepInput)
	add("safety_identifier", req.User != "", req.User)
	for _, name := range slices.Sorted(maps.Keys(t.Params)) {
		fields = slices.DeleteFunc(fields, func(f field) bool { return f.name == name })
		fields = append(fields, field{name, t.Params[name]})
	}
	return fields
}

func encodeJSON(v any) (json.RawMessage, error) {
	b, err := (&spool.Composer{}).JSON(v)
	if err != nil {
		return nil, err
	}
	return json.RawMessage(b.(spool.Bytes)), nil
}

func encodeEdit(req *switchyard.Request, fields []field, s dialect.Supply) *dialect.Outgoing {
	form := &spool.FormWriter{}
	for _, f := range fields {
		form.Field(f.name, fieldText(f.json))
	}
	if req.Mask != nil {
		addFile(form, "mask", s.Of(&req.Mask.Image), 0)
	}
	if req.Markup != nil {
		addFile(form, "markup", s.Of(req.Markup), 0)
	}
	name := "image"
	if len(req.References) > 1 {
		name = "image[]"
	}
	for i := range req.References {
		addFile(form, name, s.Of(&req.References[i].Image), i)
	}
	body, contentType := form.Body()
	return post(edits, contentType, body)
}

// encodeKept writes an edit of images some of which OpenAI keeps.
func encodeKept(req *switchyard.Request, fields []field, s dialect.Supply) (*dialect.Outgoing, error) {
	c, doc := &spool.Composer{}, &dialect.Fields{}
	for _, f := range fields {
		doc.Set(f.name, f.json)
	}
	encode := func(img *switchyard.Image) map[string]string {
		if img.Kept != "" {
			return map[string]string{"file_id": img.URL}
		}
		ready := s.Of(img)
		return map[string]string{"image_url": c.Inline("data:"+cmp.Or(ready.MIME, "image/png")+";base64,", ready.Blob)}
	}
	var images []map[string]string
	for i := range req.References {
		images = append(images, encode(&req.References[i].Image))
	}
	doc.Set("images", images)
	if req.Mask != nil {
		doc.Set("mask", encode(&req.Mask.Image))
	}
	body, err := c.JSON(doc)
	if err != nil {
		return nil, err
	}
	return post(edits, "application/json", body), nil
}

func addFile(form *spool.FormWriter, name string, img switchyard.Image, i int) {
	mime := cmp.Or(img.MIME, "image/png")
	form.File(name, fmt.Sprintf("%s%d.%s", strings.TrimSuffix(name, "[]"), i, strings.TrimPrefix(mime, "image/")), mime, img.Blob)
}

// Forward sends the app's own body, with the target's model and params in it. What the app has left open is left open for
// its own provider alone.
func (d Dialect) Forward(t *switchyard.Target, req *switchyard.Request, m *spool.Message) (*dialect.Outgoing, error) {
	out := &dialect.Outgoing{Method: m.Method, Path: "/v1/images/" + req.Form, Header: dialect.Along(d, t, m.Header)}
	set := map[string]json.RawMessage{}
	maps.Copy(set, t.Params)
	if t.Model != req.Model || !t.Native {
		set["model"], _ = encodeJSON(t.Model)
	}
	edited := dialect.Edited
	if m.IsForm() {
		edited = editedForm
	}
	body, err := edited(m, set)
	out.Body = body
	return out, err
}

// editedForm is an app's form with set in the place of its own fields.
func editedForm(m *spool.Message, set map[string]json.RawMessage) (switchyard.Blob, error) {
	form, err := m.Form()
	if err != nil {
		return nil, err
	}
	edit := spool.NewEdit(m.Body)
	for _, name := range slices.Sorted(maps.Keys(set)) {
		edit.SetField(form, name, fieldText(set[name]))
	}
	return edit.Blob(), nil
}

// fieldText is a value as a form has it: without a text's quotation marks.
func fieldText(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) != nil {
		return string(value)
	}
	return text
}

// Decode reads an answer: images inline or by address, or a refusal.
func (Dialect) Decode(x *dialect.Exchange) (dialect.Step, error) {
	root, err := x.Reply.JSON()
	if x.Reply.Status >= 300 {
		return dialect.Step{}, decodeError(x.Reply, root)
	}
	if err != nil {
		return dialect.Step{}, &switchyard.Error{Outcome: switchyard.BadReply, Err: err}
	}
	r := spool.Read(root, "")
	res := &switchyard.Result{
		Model:      x.Target.Model,
		Background: r.Text("background"),
		Format:     r.Text("output_format"),
		Quality:    r.Text("quality"),
		Usage:      decodeUsage(root.Get("usage")),
	}
	if created, ok := root.Get("created").Int(); ok {
		res.Created = time.Unix(created, 0)
	}
	res.Size, _ = switchyard.ParseSize(r.Text("size"))
	data, withheld := root.Get("data"), false
	for _, item := range data.Items() {
		img, err := decodeOutput(item)
		if err != nil {
			return dialect.Step{}, &switchyard.Error{Outcome: switchyard.BadReply, Err: err}
		}
		switch passed := item.Get("respect_moderation"); { // xAI's: what does not is withheld
		case passed.Given() && !passed.Truth():
			withheld = true
		case img.Blob != nil || img.URL != "":
			img.RevisedPrompt = item.Get("revised_prompt").Text()
			res.Images = append(res.Images, img)
		}
	}
	switch {
	case len(res.Images) > 0:
		return dialect.Step{Result: res}, nil
	case withheld:
		return dialect.Step{}, &switchyard.Error{Outcome: switchyard.Filtered, Output: true, Usage: res.Usage, Err: errors.New("all images moderated")}
	}
	return dialect.Step{}, &switchyard.Error{
		Outcome: switchyard.BadReply, Usage: res.Usage, Err: errors.New("no image in the answer"),
		Declined: data.Kind() == spool.Array && len(data.Items()) == 0, // xAI's moderation leaves that, too
	}
}

// decodeOutput is an image inline or by its address, for which gateways send a data: URI, too. Of the two fields they leave the
// other one empty, where OpenAI leaves it out.
func decodeOutput(item *spool.Value) (img switchyard.Image, err error) {
	if b64 := item.Get("b64_json"); b64.Given() && b64.Len() > 0 {
		img.Blob, err = b64.Base64(0)
		return img, err
	}
	return dialect.ParseLink(item.Get("url"))
}

var _ dialect.Counter = Dialect{}

// Counts is what a whole answer calls it, too.
func (Dialect) Counts() string { return "usage" }

// Counted goes by the event of a picture. Whether that counts one picture or all of them is documented nowhere, so with several
// pictures nobody knows.
func (Dialect) Counted(event *spool.Value, n int) *switchyard.Usage {
	if n != 1 || !strings.HasSuffix(event.Get("type").Text(), ".completed") {
		return nil
	}
	return decodeUsage(event.Get("usage"))
}

// decodeUsage: without details of the output all of it counts as image, as OpenAI's own pages say.
func decodeUsage(v *spool.Value) *switchyard.Usage {
	if !v.Given() {
		return nil
	}
	at := func(keys ...string) int64 { n, _ := v.Get(keys...).Int(); return n }
	u := &switchyard.Usage{
		TextIn:   at("input_tokens_details", "text_tokens"),
		ImageIn:  at("input_tokens_details", "image_tokens"),
		TextOut:  at("output_tokens_details", "text_tokens"),
		ImageOut: at("output_tokens_details", "image_tokens"),
	}
	if u.TextIn+u.ImageIn == 0 { // compatible services do not always say of what
		u.TextIn = at("input_tokens")
	}
	if u.TextOut+u.ImageOut == 0 {
		u.ImageOut = at("output_tokens")
	}
	return u
}
