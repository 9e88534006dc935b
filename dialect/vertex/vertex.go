// Package vertex speaks Google's formats as Vertex AI has them: the bodies are those of package gemini, and what Google Cloud adds
// to them; the addresses name a project and a location; the credential is an OAuth token, or a key.
package vertex

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"switchyard"
	"switchyard/dialect"
	"switchyard/dialect/gemini"
)

// Dialect is the format. The zero value is ready. Its models are those of the Gemini API, whose table also has the ones that only Vertex
// AI had.
type Dialect struct{ gemini.Dialect }

var (
	_ dialect.Dialect = Dialect{}
	_ dialect.Locator = Dialect{}
	_ dialect.Counter = Dialect{}
)

// Name is vertex.
func (Dialect) Name() string { return "vertex" }

// Places are the base addresses that the SDKs are given, and the address of each location, whose name is also that of its base.
func (Dialect) Places() []dialect.Place { return places }

var places = func() []dialect.Place {
	list := []dialect.Place{{Prefix: "/vertex"}, {Hosts: []string{"aiplatform.googleapis.com"}}}
	for _, several := range []string{"us", "eu"} {
		list = append(list, dialect.Place{Hosts: []string{"aiplatform." + several + ".rep.googleapis.com"}, Base: several})
	}
	for _, region := range regions {
		list = append(list, dialect.Place{Hosts: []string{region + "-aiplatform.googleapis.com"}, Base: region})
	}
	return list
}()

// regions have an address each. They are a list, for an app's path must not decide which host gets its token. A location that is not in
// the list is called at the global address.
//
// Source: Google's list of the API's regional service endpoints, from memory, November 2026.
var regions = []string{
	"africa-south1", "asia-east1", "asia-east2", "asia-northeast1", "asia-northeast2", "asia-northeast3", "asia-south1",
	"asia-southeast1", "asia-southeast2", "australia-southeast1", "australia-southeast2", "europe-central2", "europe-north1",
	"europe-southwest1", "europe-west1", "europe-west2", "europe-west3", "europe-west4", "europe-west6", "europe-west8",
	"europe-west9", "europe-west12", "me-central1", "me-central2", "me-west1", "northamerica-northeast1",
	"northamerica-northeast2", "southamerica-east1", "southamerica-west1", "us-central1", "us-east1", "us-east4", "us-east5",
	"us-south1", "us-west1", "us-west2", "us-west3", "us-west4",
}

// Claims takes the paths that name a project or a publisher, which nobody else has.
func (Dialect) Claims(path string, _ http.Header, _ url.Values) bool {
	_, resource, ok := version(path)
	return ok && (strings.HasPrefix(resource, "projects/") || strings.HasPrefix(resource, publishers))
}

// Passes also lets the headers through in which a project says by which throughput it wants to be served: what it has bought, or what all
// share, at one price or another. They go with the app's own key alone: who pays decides.
func (d Dialect) Passes(name string, own bool) bool {
	return d.Dialect.Passes(name, own) || own && strings.HasPrefix(name, "X-Vertex-Ai-Llm-")
}

// Route recognizes the methods of Google's own models that can make images. Models of other publishers, and a project's own endpoints,
// pass through.
func (d Dialect) Route(base, method, path string) dialect.Op {
	if !strings.Contains(path, "/"+models) {
		return dialect.Other
	}
	return d.Dialect.Route(base, method, path)
}

// What paths are made of.
const (
	publishers = "publishers/"
	models     = publishers + "google/models/"
)

// version splits a path into its API version and the resource that it names.
func version(path string) (v, resource string, ok bool) {
	v, resource, ok = strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return v, resource, ok && slices.Contains([]string{"v1", "v1beta1", "v1alpha1"}, v)
}

// account splits a resource into the project and location that it belongs to, and the rest. The first is empty in what Google calls
// express mode.
func account(resource string) (home, rest string) {
	parts := strings.SplitN(resource, "/", 5)
	if len(parts) < 5 || parts[0] != "projects" || parts[2] != "locations" {
		return "", resource
	}
	return strings.Join(parts[:4], "/"), parts[4]
}

// Locate sends requests for models to the target's own project and location, or to none if the target has only a key. Everything else
// goes where the app says, and so do requests for models under the app's own credential.
func (Dialect) Locate(t *switchyard.Target, path string) (base, there string) {
	v, resource, ok := version(path)
	if !ok {
		return "", path
	}
	home, rest := account(resource)
	spelled, _ := url.PathUnescape(rest)
	if !t.Key.IsZero() && strings.HasPrefix(rest, publishers) && (home != "" || strings.Contains(spelled, ":")) { // lists belong to no project
		home = t.Home
	}
	if location := home[strings.LastIndexByte(home, '/')+1:]; t.Bases[location] != "" {
		base = location
	}
	if home == "" {
		return base, "/" + v + "/" + rest
	}
	return base, "/" + v + "/" + home + "/" + rest
}
