// Package ticket keeps an app's place in a queue: the app hands in a request, gets an id at once, and asks for the
// result later, perhaps after a restart.
//
// A ticket is a row, and only the row counts. It is on disk before anything is paid for. It says how far the work got,
// so that after a crash a job is found again at its provider and nothing is ever submitted twice:
//
//	accepted ──▶ sending ──▶ held ──▶ done
//	    │          │  ▲ ╰──────┼───────▲ ▲     sending: a request may be on its way, and may be charged
//	    │          ╰──╯◀───────╯       │ │     held: the provider gave us a job id, by which the work is found again
//	    ╰──────────────────────────────╯─╯     a fallback goes from sending or held to sending, with another target
//
// The work itself is done elsewhere, and so are webhooks.
package ticket

import (
	"errors"
	"time"

	"switchyard"
)

// State says how far the work for a ticket has got.
type State string

const (
	Accepted State = "accepted" // nothing has been sent
	Sending  State = "sending"  // a request is on its way, or was answered with no job id
	Held     State = "held"     // the provider works on it, under a job id that we know
	Done     State = "done"
)

// moves are the legal ones. :: from → to
var moves = map[State][]State{
	Accepted: {Sending, Done},
	Sending:  {Sending, Held, Done},
	Held:     {Sending, Done},
}

// Ticket is one promise.
type Ticket struct {
	ID         string // in the form that the dialect's ids have: see dialect.Ticketer
	Tenant     string
	Dialect    string
	Model      string // as the app named it
	Generation string
	State      State
	Owner      string    // the process that works on it
	Lease      time.Time // until when the owner counts as alive
	Target     string    // where the latest request went
	Job        string    // the provider's id there
	Created    time.Time
	Started    time.Time          // when it first left Accepted
	Completed  time.Time          // when it became Done
	Expires    time.Time          // when a ticket that is Done may be deleted
	Outcome    switchyard.Outcome // of a ticket that is Done; but see Recover
	Cancel     bool               // the app does not want it any more; the owner cancels the work
	Version    int64              // counts changes
	Request    []byte             // written and read by the front alone, such as the input that answers repeat
	Result     []byte             // written and read by the front alone; pictures are hosted elsewhere
}

// The errors of a Store.
var (
	ErrNotFound = errors.New("no such ticket") // or it is another tenant's
	ErrExists   = errors.New("ticket exists")
	ErrConflict = errors.New("ticket is in another state or another owner's")
	ErrIllegal  = errors.New("not a legal move")
	ErrWith     = errors.New("what goes with a move failed")
	ErrTooLarge = errors.New("document is too large")
	ErrCursor   = errors.New("malformed cursor")
)

// notFound returns the error for a ticket that does not exist, or that is another tenant's.
func notFound() error { return &switchyard.Error{Kind: switchyard.NotFound, Err: ErrNotFound} }
