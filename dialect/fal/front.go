package fal

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"switchyard"
	"switchyard/dialect"
	"switchyard/spool"
)

// DecodeRequest reads the input of an app that makes images. If an app is in no row, only its id and its input show
// what it makes: without a prompt, or with a word in its id that means another kind of work, the request is no
// generation. Neither is one with an archive of pictures, which no other app could be told.
func (Dialect) DecodeRequest(m *spool.Message) (*switchyard.Request, error) {
	a, _ := parseApp(m.Path)
	row := table().Find(a.id())
	root, err := m.JSON()
	if err != nil || root.Kind() != spool.Object {
		return nil, switchyard.Invalid("", "%s", badJSON)
	}
	if row == nil && (otherTrade(a.id()) || root.Get("prompt").Kind() != spool.String) || root.Get("image_archive_url").Given() {
		return nil, dialect.ErrNotGeneration
	}
	req := &switchyard.Request{Dialect: "fal", Model: a.id(), Images: 1, Delivery: switchyard.DeliverURL, Async: m.Base == queue}
	if address := m.Query.Get(webhookQuery); address != "" && req.Async {
		req.Hook = &switchyard.Hook{URL: address, Events: []switchyard.Event{switchyard.EventCompleted}}
	}
	r := spool.Read(root, "")
	r.AsText = true
	if req.Prompt = r.Text("prompt"); !root.Get("prompt").Given() {
		return nil, switchyard.Invalid("prompt", "%s", missing)
	}
	for _, decode := range []func(*spool.Reader, *switchyard.Model, *switchyard.Request) error{
		decodeImages, decodeCount, decodeSize, decodeWords, decodeNumbers, decodeSafety,
	} {
		if err := decode(r, row, req); err != nil {
			return nil, err
		}
	}
	if errs := r.Errs(); len(errs) > 0 {
		return nil, switchyard.Invalid(errs[0].Path, "%s", wrongTypes[errs[0].Want])
	}
	req.Extra = r.Rest()
	req.Restores = len(req.Extra) > 0
	return req, nil
}

// otherTrades are words in the ids of apps that make something else than pictures from a prompt.
var otherTrades = []string{
	"video", "audio", "speech", "tts", "stt", "music", "sound", "voice", "song", "lyria", "llm", "chat", "vlm", "vision",
	"veo", "veo2", "veo3", "kling", "sora", "wan", "ltx", "pika", "pixverse", "vidu", "mochi", "luma", "ray", "hailuo",
	"seedance", "minimax", "runway", "cogvideox", "animatediff", "whisper", "transcribe", "lipsync", "avatar",
	"3d", "trellis", "hunyuan3d", "meshy", "tripo", "rodin", "training", "trainer", "caption", "moderation",
}

// otherTrade reports whether one of the id's words is among them.
func otherTrade(id string) bool {
	id = strings.ToLower(id)
	words := strings.FieldsFunc(id, func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) })
	return strings.Contains(id, "video") || strings.Contains(id, "audio") ||
		slices.ContainsFunc(words, func(w string) bool { return slices.Contains(otherTrades, w) })
}

// imageFields are the fields in which apps take pictures, and what each picture is for.
var imageFields = []struct {
	name string
	role switchyard.Role
}{
	{imageURL, switchyard.RoleEdit},
	{imageURLs, switchyard.RoleEdit},
	{"reference_image_url", switchyard.RoleFace},
	{"reference_images", switchyard.RoleFace},
	{"face_image_url", switchyard.RoleFace},
	{"control_image_url", switchyard.RoleControl},
}

// roles are for the forms in which image_url is not the picture to change.
var roles = map[string]switchyard.Role{"ultra": switchyard.RoleStyle, "sticker": switchyard.RoleFace}

func decodeImages(r *spool.Reader, row *switchyard.Model, req *switchyard.Request) error {
	for _, field := range imageFields {
		role := field.role
		if row != nil && field.name == imageURL {
			role = cmp.Or(roles[row.Form], role)
		}
		if err := decodeReferences(r.Get(field.name), field.name, role, req); err != nil {
			return err
		}
	}
	if v := r.Get("mask_url"); v.Given() {
		img, err := decodeImage(v, "mask_url")
		if err != nil {
			return err
		}
		req.Mask = &switchyard.Mask{Image: img, Polarity: switchyard.White}
	}
	if row != nil && row.Can.MustRefer && len(req.References) == 0 {
		f := formOf(row)
		return switchyard.Invalid(cmp.Or(f.image, f.images), "%s", missing)
	}
	return nil
}

// decodeReferences reads the pictures of one field: one or a list, each an address or an object with one.
func decodeReferences(v *spool.Value, field string, role switchyard.Role, req *switchyard.Request) error {
	for _, v := range v.OneOrMany() {
		if v.Kind() == spool.Object {
			v = v.Get(imageURL)
		}
		if !v.Given() {
			continue
		}
		img, err := decodeImage(v, field)
		if err != nil {
			return err
		}
		req.References = append(req.References, switchyard.Reference{Image: img, Role: role})
	}
	return nil
}

func decodeImage(v *spool.Value, name string) (switchyard.Image, error) {
	img, err := dialect.ParseLink(v)
	switch {
	case v.Kind() != spool.String:
		return img, switchyard.Invalid(name, "%s", wrongTypes["a string"])
	case err != nil || img == (switchyard.Image{}):
		return img, switchyard.Invalid(name, "%s", badImage)
	}
	return img, nil
}

// maxImages bounds the images of apps in no row: each of them may become a call of its own elsewhere.
const maxImages = 16

func decodeCount(r *spool.Reader, row *switchyard.Model, req *switchyard.Request) error {
	most := maxImages
	if row != nil {
		most = row.Can.Images
	}
	n := r.Int("num_images")
	switch {
	case n == nil:
	case *n < 1:
		return switchyard.Invalid("num_images", "Input should be greater than or equal to 1")
	case *n > most:
		return switchyard.Invalid("num_images", "Input should be less than or equal to %d", most)
	default:
		req.Images = *n
	}
	return nil
}
