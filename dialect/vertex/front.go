package vertex

import (
	"net/http"
	"strings"

	"switchyard"
	"switchyard/dialect"
	"switchyard/dialect/gemini"
	"switchyard/spool"
)

// DecodeRequest reads a predict or a generateContent. Many other requests have the same path, such as embeddings, forecasts,
// and things that only Google can do. None of these is a generation.
func (d Dialect) DecodeRequest(m *spool.Message) (*switchyard.Request, error) {
	model, method, _ := strings.Cut(m.Path[strings.LastIndexByte(m.Path, '/')+1:], ":")
	if method == "predict" && !draws(model) {
		return nil, dialect.ErrNotGeneration
	}
	if root, err := m.JSON(); err == nil && googlesOwn(root) {
		return nil, dialect.ErrNotGeneration
	}
	req, err := d.Dialect.DecodeRequest(m)
	if err != nil {
		return nil, err
	}
	for i := range req.References {
		keep(&req.References[i].Image)
	}
	if m := req.Mask; m != nil {
		if keep(&m.Image); m.URL == "" && m.Blob == nil {
			m.Kept = "vertex" // Google makes the mask, from the picture itself
		}
	}
	return req, nil
}

// draws reports whether a model of predict makes pictures from words.
func draws(model string) bool {
	row := gemini.Dialect{}.Models().Find(model)
	return row != nil && row.Form == gemini.Predict || strings.HasPrefix(model, "imagen-") && strings.Contains(model, "-generate-")
}

// googlesOwn reports whether a request is for something that only Google can do: write to the app's bucket, upscale, or keep the picture
// where the app finds it. Members of protobuf's messages may be in snake case; parameters is no such message, so its members may not.
func googlesOwn(root *spool.Value) bool {
	for _, config := range []string{"generationConfig", "generation_config"} {
		for _, format := range []string{"responseFormat", "response_format"} {
			for _, v := range root.Get(config, format).OneOrMany() {
				if strings.EqualFold(v.Get("image", "delivery").Text(), "URI") {
					return true
				}
			}
		}
	}
	return root.Get("parameters", "storageUri").Given() || strings.EqualFold(root.Get("parameters", "mode").Text(), "upscale") ||
		root.Get("outputConfig").Given() || root.Get("output_config").Given()
}

// keep marks an image that is in a bucket: only somebody with the right to read it can, that is Google under the app's
// account.
func keep(img *switchyard.Image) {
	if strings.HasPrefix(img.URL, "gs://") {
		img.Kept = "vertex"
	}
}

const (
	credentials = "Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project."
	exhausted   = "Resource exhausted. Please try again later. Please refer to https://cloud.google.com/vertex-ai/generative-ai/docs/error-code-429 for more details."
)

// EncodeError is the Gemini API's, except where Google Cloud words an error differently.
func (d Dialect) EncodeError(req *switchyard.Request, e *switchyard.Error) *dialect.Reply {
	_, resource, _ := version(req.Path)
	home, _ := account(resource)
	switch {
	case e.Kind == switchyard.Unauthenticated && home != "": // without a project it was a key, and for keys all of Google says the same
		return gemini.Refuse(http.StatusUnauthorized, "UNAUTHENTICATED", "Request had invalid authentication credentials. "+credentials)
	case e.Kind == switchyard.NoKey:
		return gemini.Refuse(http.StatusUnauthorized, "UNAUTHENTICATED", "Request is missing required authentication credential. "+credentials)
	case e.Kind == switchyard.UnknownModel:
		resource = resource[:max(strings.LastIndexByte(resource, ':'), 0)]
		return gemini.Refuse(http.StatusNotFound, "NOT_FOUND", "Publisher Model `"+resource+"` was not found or your project does not have access to it. "+
			"Please ensure you are using a valid model version. For more information, see: https://cloud.google.com/vertex-ai/generative-ai/docs/learn/model-versions")
	case e.Kind == switchyard.Throttled && e.Detail == "":
		told := *e
		told.Detail = exhausted
		e = &told
	}
	return d.Dialect.EncodeError(req, e)
}
