package fal

import (
	"cmp"
	"net/http"
	"strings"

	"switchyard"
	"switchyard/dialect"
	"switchyard/spool"
)

const jsonType = "application/json"

type image struct {
	URL         string `json:"url"`
	Width       int    `json:"width,omitempty"`
	Height      int    `json:"height,omitempty"`
	ContentType string `json:"content_type,omitempty"`
}

type timings struct {
	Inference float64 `json:"inference,omitempty"`
}

// EncodeResult answers as the app that was called does. No member is ever null: a widely used SDK would reject the
// whole answer.
func (Dialect) EncodeResult(req *switchyard.Request, res *switchyard.Result) (*dialect.Reply, error) {
	c := &spool.Composer{}
	images := make([]image, len(res.Images))
	for i, img := range res.Images {
		images[i] = image{dialect.Link(c, img), img.Size.Width, img.Size.Height, img.MIME}
	}
	out := &dialect.Fields{}
	seed := cmp.Or(res.Seed, res.Images[0].Seed, req.Seed)
	shape := formOf(table().Find(req.Model)).answer
	if shape == answerSingle {
		out.Set("image", images[0])
	} else {
		out.Set("images", images)
	}
	if shape == answerFull {
		out.Set("timings", timings{res.Compute.Seconds()})
	}
	if shape == answerSticker {
		out.Set("sticker_image", images[0])
	}
	out.SetIf(seed != nil && shape != answerDescription && shape != answerImages, "seed", seed)
	switch shape {
	case answerFull:
		out.Set("has_nsfw_concepts", make([]bool, len(images)))
		out.Set("prompt", req.Prompt)
	case answerSticker:
		out.Set("has_nsfw_concepts", struct{}{})
	case answerDescription:
		out.Set("description", res.Text)
	}
	body, err := c.JSON(out)
	if err != nil {
		return nil, err
	}
	return withID(req, dialect.JSON(http.StatusOK, jsonType, body)), nil
}

// withID sets the header from which the JavaScript client takes its requestId.
func withID(req *switchyard.Request, r *dialect.Reply) *dialect.Reply {
	if req.ID != "" {
		r.Header.Set("X-Fal-Request-Id", strings.ToLower(req.ID))
	}
	return r
}

// Texts for an app's own mistakes. They come with the types of a list's items.
const (
	missing    = "field required"
	badJSON    = "Expecting value: line 1 column 1 (char 0)"
	badImage   = "Failed to load the image. Please ensure the image file is not corrupted and is in a supported format."
	noDownload = "Failed to download the file. Please check if the URL is accessible and try again."
	flagged    = "The content could not be processed because it contained material flagged by a content checker."
	unable     = "This feature is not supported by any configured model."
	refused    = "The input was not accepted."
	conflict   = "The idempotency key was used with another request."
)

// wrongTypes are the texts for values of another type than spool's readers want.
var wrongTypes = map[string]string{
	"a string":               "str type expected",
	"a shorter string":       "ensure this value has at most 1048576 characters",
	"an integer":             "value is not a valid integer",
	"a non-negative integer": "value is not a valid integer",
	"a number":               "value is not a valid float",
	"a boolean":              "value could not be parsed to a boolean",
	"an array":               "value is not a valid list",
	"an object":              "value is not a valid dict",
}

// types finds an item's type by how its text begins; for others it is "value_error".
var types = []struct{ text, kind string }{
	{missing, "value_error.missing"},
	{"Expecting value", "value_error.jsondecode"},
	{"str type expected", "type_error.str"},
	{"value is not a valid integer", "type_error.integer"},
	{"value is not a valid float", "type_error.float"},
	{"value could not be parsed to a boolean", "type_error.bool"},
	{"value is not a valid list", "type_error.list"},
	{"value is not a valid dict", "type_error.dict"},
	{"unexpected value", "one_of"},
	{"Input should be greater than or equal", "greater_than_equal"},
	{"Input should be greater than", "greater_than"},
	{"Input should be less than or equal", "less_than_equal"},
	{badImage, "image_load_error"},
	{noDownload, "file_download_error"},
	{unable, "feature_not_supported"},
	{flagged, "content_policy_violation"},
}

// item is one complaint of the list form. Its loc has only strings: SDKs cannot read anything else.
type item struct {
	Loc  []string `json:"loc"`
	Msg  string   `json:"msg"`
	Type string   `json:"type"`
	URL  string   `json:"url,omitempty"`
}

func newItem(param, text string) item {
	it := item{Loc: []string{"body"}, Msg: text, Type: "value_error"}
	if param != "" {
		it.Loc = append(it.Loc, strings.Split(param, ".")...)
	}
	for _, t := range types {
		if strings.HasPrefix(text, t.text) {
			it.Type = t.kind
			break
		}
	}
	if !strings.Contains(it.Type, "_error") || it.Type == "image_load_error" || it.Type == "file_download_error" { // fal's own, not its framework's
		it.URL = "https://docs.fal.ai/errors/#" + it.Type
	}
	return it
}
