// Package dialect says what a provider's wire format must be able to do. Each one has a folder below: front.go faces
// the app, back.go the provider, models.yaml is what its models can do, cost and how long they live.
//
// A dialect is pure: it turns messages into canonical values and back, and does no I/O. Package attempt sends what a
// back says and comes back with what arrived, for as many steps as it takes.
package dialect

import (
	"errors"
	"net/http"
	"net/url"

	"switchyard"
	"switchyard/spool"
)

// A Dialect is one provider's wire format. It holds no state; many requests share it. More powers (such as Ticketer) are
// optional interfaces.
type Dialect interface {
	Name() string   // as written in config.yaml; also its folder
	Models() *Table // what is known of its models
	Addresses
	Keys
	Front
	Back
	Forwarder
}

// Addresses are where apps call the dialect.
type Addresses interface {
	// Places returns the prefixes and host names that certainly mean this dialect.
	Places() []Place

	// Claims reports whether a request whose path has no prefix can only mean this dialect, by the path
	// ("/v1beta/models/x:predict") or by where it has its credential. The first dialect in the list that claims it gets it.
	Claims(path string, h http.Header, query url.Values) bool
}

// Place is an address at which apps call a dialect.
type Place struct {
	Prefix string   // e.g. "/fal/run"; what follows is the provider's path
	Hosts  []string // the provider's own names, for apps that are led to us by DNS
	Base   string   // which of the provider's base URLs is meant: key in Target.Bases

	// Header names a request header that holds the provider's address in full, when the app calls one address for
	// everything. It must be https and one of Hosts of this dialect's places.
	Header string
}

// Keys are how a credential travels.
type Keys interface {
	// TakeKey returns the app's credential, wherever this dialect may carry it; empty if there is none. It removes it from
	// header and query, along with everything else there that authenticates (except cookies, which nothing forwards).
	TakeKey(http.Header, url.Values) switchyard.Secret

	// PutKey puts a credential where the provider wants it.
	PutKey(http.Header, switchyard.Secret)

	// Passes reports whether a request header of the app means something to this dialect's providers, so that it goes
	// along when the app's bytes do. own tells that they go with the app's own key: a header that names an account of the
	// app's goes along with no other. name is canonical (http.CanonicalHeaderKey).
	Passes(name string, own bool) bool
}

// Along returns the headers of an app's request that go to a target along with the app's bytes.
func Along(k Keys, t *switchyard.Target, h http.Header) http.Header {
	out := http.Header{}
	for name, values := range h {
		if k.Passes(name, t.Key.IsZero()) {
			out[name] = values
		}
	}
	return out
}

// Bearer is put before an OAuth token in a dialect that also has API keys, so that it is sent on as a token.
const Bearer = "bearer "

// ErrNotGeneration is DecodeRequest's error for a request whose body turns out not to ask for images, such as one for another
// kind of model on the same path: it is passed through.
var ErrNotGeneration = errors.New("dialect: not a generation")

// Op is what an app's request asks for.
type Op uint8

const (
	Other    Op = iota // no generation: models lists, chat; passed through
	Generate           // asks for images
	Ticket             // asks for a ticket's state or result, for its cancellation, or for all of them; only of a Ticketer
	Page               // asks for what the front itself can answer; only of a Pager
	Files              // brings files, or asks for them; only of a Storer
)

// Front faces the app.
type Front interface {
	// Route returns what a request asks for, by the base that it came to, its method, and its decoded path without our prefix.
	Route(base, method, path string) Op

	// DecodeRequest reads what the app sent. What the canonical form cannot say is kept in Request.Extra. An error is a
	// *switchyard.Error of a kind that is the app's fault, its Detail in this provider's own words.
	DecodeRequest(*spool.Message) (*switchyard.Request, error)

	// EncodeResult writes the answer with the result, in the form of the app's request. Images with a URL are given by that, the
	// others inline.
	EncodeResult(*switchyard.Request, *switchyard.Result) (*Reply, error)

	// EncodeError writes the answer that there is no picture, with the status and body that the app's SDK turns into the right
	// typed error. If the request could not be decoded, only Dialect, Path and what the path says are set in it.
	EncodeError(*switchyard.Request, *switchyard.Error) *Reply
}

// Back faces the provider.
type Back interface {
	// Needs names which images of the request must be made ready before it can be written, and how.
	Needs(*switchyard.Target, *switchyard.Request) []Need

	// Encode writes the request. The router has fitted it, so it holds nothing that the target's row does not allow. Without a
	// row, write everything that the dialect has a common name for.
	Encode(*switchyard.Target, *switchyard.Request, Supply) (*Outgoing, error)

	// Decode says what an answer means: a result, or what to send next. An error is a *switchyard.Error with Outcome,
	// Unbilled, RetryAfter and Dead set as far as the answer tells. Images of a result refer to the reply's body, or to
	// a URL that is yet to be fetched.
	Decode(*Exchange) (Step, error)
}

// Attacher is a back that can find its jobs again by their id, even those that another process submitted.
type Attacher interface {
	// Attach returns the step that a job is in which was accepted at some earlier time: Next asks how the job stands, Cancel
	// cancels it.
	Attach(t *switchyard.Target, req *switchyard.Request, job string) Step
}

// Counter is a back whose streams of events say what was used.
type Counter interface {
	// Counts returns the name of the member in which an event says so.
	Counts() string

	// Counted returns what a whole stream used; nil unless the event certainly counts all of it. event is the last of the n
	// events that say what was used; long strings are empty in it.
	Counted(event *spool.Value, n int) *switchyard.Usage
}

// Forwarder sends an app's own bytes to a provider of the app's own dialect. Only the model's name, and what the
// target's params say, is edited in place; a field that nobody here has heard of survives.
type Forwarder interface {
	Forward(*switchyard.Target, *switchyard.Request, *spool.Message) (*Outgoing, error)
}

// Locator is a dialect whose paths name an account and a location, each with an address of its own.
type Locator interface {
	// Locate returns where the path (escaped) that an app asks for is at a target: the key in Target.Bases, and the path from
	// there on.
	Locate(t *switchyard.Target, path string) (base, there string)
}

// Linker is a dialect whose providers send, in headers of an answer, addresses at which an app is to go on.
type Linker interface {
	Links() []string // those headers' names, spelled as the provider spells them
}

// Reply is an answer to an app.
type Reply struct {
	Status int
	Header http.Header // Content-Type at least; never nil
	Body   switchyard.Blob
}

// JSON makes a reply of that type.
func JSON(status int, contentType string, body switchyard.Blob) *Reply {
	return &Reply{status, http.Header{"Content-Type": {contentType}}, body}
}

// Outgoing is a request to a provider, without its address and key.
type Outgoing struct {
	Base   string // key in Target.Bases
	Method string
	Path   string // escaped, as it goes on the wire, from the base on
	Query  url.Values
	Header http.Header // without the key; may be shared, so nobody changes it
	Body   switchyard.Blob
}

// Need is an image of a request whose bytes are needed, even if it has only a URL.
type Need struct {
	Image *switchyard.Image   // in the request
	Mask  switchyard.Polarity // what the mask must be, if Image is the mask's
}

// Supply is the images that were made ready, by those of the request.
type Supply map[*switchyard.Image]switchyard.Image

// Of returns img as it was made ready; img itself if it needed nothing.
func (s Supply) Of(img *switchyard.Image) switchyard.Image {
	if ready, ok := s[img]; ok {
		return ready
	}
	return *img
}

// Exchange is a request and its answer.
type Exchange struct {
	Target  *switchyard.Target
	Request *switchyard.Request
	Sent    *Outgoing
	Reply   *spool.Message
}

// Step is what comes after an answer: exactly one of Result and Next is set.
type Step struct {
	Result *switchyard.Result // done
	Next   *Outgoing          // ask again
	Poll   bool               // Next asks how the job stands: wait for a sensible time before sending it
	Job    string             // the provider's id of a job that it has accepted, and that is not known yet; noted on disk before Next is sent
	Cancel *Outgoing          // cancels that job; nil if that cannot be done
}
