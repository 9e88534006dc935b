package dialect

import (
	"crypto/ed25519"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"switchyard"
	"switchyard/spool"
)

// Ticketer is a front whose protocol hands out tickets: the app comes back for its result.
type Ticketer interface {
	NewTicket(random [20]byte) string // an id that looks like the provider's, made of at least 120 of those bits

	// TicketOf returns what a request of Op Ticket is about.
	TicketOf(method, path string) TicketCall

	// Describe writes the answer that says how a ticket stands: when it is created, and whenever the app asks; Request.Path says what it
	// asks.
	Describe(*switchyard.Request, *State) (*Reply, error)

	Hooker
}

// TicketCall is a request about a ticket, or about all of them.
type TicketCall struct {
	ID     string
	Cancel bool // it is not wanted any more
	Stream bool // the answer is events: one at once, one at each change, until it is over
	List   bool // all tickets, newest first, in pages; only for a Lister
}

// State is how a ticket stands.
type State struct {
	ID        string
	Created   time.Time
	Started   time.Time          // zero if it has not
	Completed time.Time          // zero if it is not over
	Result    *switchyard.Result // if it is over, and went well
	Removed   bool               // with Result: its images are kept no longer, so that it has none
	Err       *switchyard.Error  // if it did not
	Said      *Said              // with Err: the provider's own words, where the app may have them; nil if it may not
	Damaged   bool               // with Err: how it went is not known, since its record cannot be read
	Canceled  bool
	Fresh     bool // the answer is that to its creation
}

// Said is what a provider of the app's own dialect has answered instead of a picture: a refusal in its own words, or an output of another
// kind.
type Said struct {
	Status int             `json:"status"`
	Header http.Header     `json:"header,omitempty"`
	Body   json.RawMessage `json:"body"`
}

// Reply returns it as an answer to the app, which the caller may change.
func (s *Said) Reply() *Reply {
	return &Reply{Status: s.Status, Header: s.Header.Clone(), Body: spool.Bytes(s.Body)}
}

// Over reports whether nothing will happen to the ticket any more.
func (s *State) Over() bool { return s.Canceled || !s.Completed.IsZero() }

// Hooker is a front that calls its apps back, at the address in Request.Hook.
type Hooker interface {
	// Notice returns the body that notifies an app of an event, as it will be signed. Images are given by their addresses.
	Notice(*switchyard.Request, *State, switchyard.Event) ([]byte, error)

	// Sign returns the headers by which the app knows that a notice came from us, and which notice it is: one that is sent again has the
	// same id.
	Sign(HookKeys, Notice, time.Time) http.Header
}

// Notice is what an app is sent.
type Notice struct {
	Ticket string
	Event  switchyard.Event
	Body   []byte
}

// HookKeys are what notices are signed with.
type HookKeys struct {
	Private ed25519.PrivateKey // of this Switchyard
	Shared  []byte             // with one tenant: nobody else's notices can be forged with it
}

// Lister is a Ticketer whose apps may ask for all their tickets.
type Lister interface {
	// Span returns the time in which the tickets that an app asks for were created: from then on, and before to. Either is zero if there
	// is no such bound. The error is that of DecodeRequest.
	Span(query url.Values) (from, to time.Time, err error)

	// List writes them in their order. next is the query that asks for the next page, nil if this is the last.
	List(req *switchyard.Request, page []Listed, next url.Values) (*Reply, error)
}

// Listed is one of several tickets.
type Listed struct {
	Request *switchyard.Request
	State   *State
}

// Pager is a front that can answer some of its provider's pages itself.
type Pager interface {
	// Page returns the answer; nil if the provider must be asked after all.
	Page(PageCall) *Reply
}

// PageCall is a request of Op Page.
type PageCall struct {
	Method, Path string
	Keys         HookKeys // of the caller's tenant
}
