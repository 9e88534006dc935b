package sim

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// CloudToken and CloudProject are what the simulated Vertex AI accepts: an OAuth token, and the one project that it may
// use.
const (
	CloudToken   = "ya29.SIM"
	CloudProject = "sim-project"
)

const cloudSite = "vertex"

// cloud reports whether a request came to Vertex AI, not to the Gemini API.
func (x *exchange) cloud() bool { return x.site.name == cloudSite }

// publisherModel is a path of Vertex AI: with a project, or in express mode.
var publisherModel = regexp.MustCompile(`^/(v1|v1beta1)/(?:projects/([^/]+)/locations/([a-z0-9-]+)/)?publishers/google/models/([^/:]+):([A-Za-z]+)$`)

// serveCloud speaks Vertex AI: the models and the bill are those of the Gemini API.
func (g *google) serveCloud(x *exchange) {
	m := publisherModel.FindStringSubmatch(x.r.URL.Path)
	if m == nil || x.r.Method != http.MethodPost {
		x.write(http.StatusNotFound, "text/html; charset=UTF-8", []byte("<html><title>Error 404 (Not Found)!!1</title></html>\n"))
		return
	}
	project, id, method := m[2], m[4], m[5]
	if !g.admitCloud(x, project) {
		return
	}
	resource := strings.TrimSuffix(strings.TrimPrefix(x.r.URL.Path, "/"+m[1]+"/"), ":"+method)
	x.edit(func(c *Call) { c.Model = id })
	model, gone, ok := g.model(x.b, id)
	if gone || !ok || !model.serves(method) {
		g.fail(x, http.StatusNotFound, "NOT_FOUND", "Publisher Model `"+resource+"` was not found or your project does not have access to it. Please ensure you are using a valid model version. "+
			"For more information, see: https://cloud.google.com/vertex-ai/generative-ai/docs/learn/model-versions")
		return
	}
	if model.imagen {
		g.predict(x, model)
		return
	}
	g.content(x, model, method == "streamGenerateContent")
}

// admitCloud accepts a token, or, in express mode, a key.
func (g *google) admitCloud(x *exchange, project string) bool {
	key := x.r.Header.Get("x-goog-api-key")
	if key == "" {
		key = x.r.URL.Query().Get("key")
	}
	token, _ := strings.CutPrefix(x.r.Header.Get("Authorization"), "Bearer ")
	switch {
	case key != "" && !slices.Contains(g.p.keys, key):
		g.denied(x)
	case key == "" && token == "":
		g.fail(x, http.StatusUnauthorized, "UNAUTHENTICATED", "Request is missing required authentication credential. Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
			obj{"@type": typePrefix + "ErrorInfo", "reason": "CREDENTIALS_MISSING", "domain": "googleapis.com"})
	case key == "" && (token != CloudToken || project == ""):
		g.badToken(x)
	case project != "" && project != CloudProject:
		resource := "projects/" + project
		g.fail(x, http.StatusForbidden, "PERMISSION_DENIED", "Permission 'aiplatform.endpoints.predict' denied on resource '//aiplatform.googleapis.com/"+resource+"' (or it may not exist).",
			obj{"@type": typePrefix + "ErrorInfo", "reason": "IAM_PERMISSION_DENIED", "domain": "aiplatform.googleapis.com", "metadata": obj{"permission": "aiplatform.endpoints.predict", "resource": resource}})
	default:
		return true
	}
	return false
}

// cloudShape is GenerateContentRequest as Vertex AI has it.
var cloudShape = func() *shape {
	top := withFields(generateShape, map[string]*shape{"labels": anyOf, "outputConfig": message(map[string]*shape{"outputUriPrefix": aString})})
	config := top.fields["generationConfig"]
	top.fields["generationConfig"] = withFields(config, map[string]*shape{
		"imageConfig": withFields(config.fields["imageConfig"], map[string]*shape{
			"personGeneration": anEnum, "imageOutputOptions": message(map[string]*shape{"mimeType": aString, "compressionQuality": anInt}),
		}),
	})
	return top
}()
