package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"time"

	"switchyard"
)

// ErrNotFound says that there is no such generation, or that it is another tenant's.
var ErrNotFound = errors.New("no such generation")

// Store is a database that an Applier fills. Each lives in a folder named for its technology.
// An error means that nothing was changed, and that the same call may succeed later.
type Store interface {
	// Applied returns the index up to which the records of the journal have been applied; 0 if none have.
	Applied(ctx context.Context, journal string) (uint64, error)

	// Apply carries out a batch in one transaction. Applying a record twice is the same as applying it once: an Opened or a
	// Begun does nothing if there is a row already, the others overwrite what they hold.
	Apply(ctx context.Context, b Batch) error

	// Unfinished lists the generations that have not ended, or that have an attempt which has not ended, and that nobody works
	// on any more: those of other epochs of the same journal, and those whose epoch names no journal (see JournalOf). The
	// process of another journal may be alive, so of its rows only those are listed that started before the given time.
	Unfinished(ctx context.Context, epoch string, before time.Time) ([]Account, error)
}

// Batch is consecutive records of a journal.
type Batch struct {
	Journal string // its id
	Last    uint64 // index of the last record
	Records []Record
}

// Final yields the records that a store must carry out for the batch to have its effect. Each record holds all that is known of
// its subject, so an Opened can be left out whose Settled is in the batch, too, and a Begun whose Ended is. That does not go
// for records of different processes: a row has the epoch of the process that opened it.
func (b Batch) Final() iter.Seq[*Record] {
	type subject struct {
		kind      Kind
		id, epoch string
	}
	later := make(map[subject]struct{}, len(b.Records)/2)
	for i := range b.Records {
		switch r := &b.Records[i]; r.Kind {
		case Settled:
			later[subject{Opened, r.Attempt.ID, r.Epoch}] = struct{}{}
		case Ended:
			later[subject{Begun, r.Generation.ID, r.Epoch}] = struct{}{}
		}
	}
	return func(yield func(*Record) bool) {
		for i := range b.Records {
			r := &b.Records[i]
			id := r.Attempt.ID
			if r.Kind == Begun {
				id = r.Generation.ID
			}
			if _, told := later[subject{r.Kind, id, r.Epoch}]; !told && !yield(r) {
				return
			}
		}
	}
}

// Account is a generation with its attempts, in the order tried. An attempt whose outcome is empty is under way.
type Account struct {
	Generation switchyard.Generation
	Attempts   []switchyard.Attempt
	Rating     string // the app's; empty if it gave none
}

// End returns what is to be recorded if nobody goes on with a generation: attempts under way are lost, and the generation ends
// as o. If it had ended before, some attempt has outlived it, and only its cost changes. There is nothing to record if the
// account is empty, or if everything in it has ended.
func (a Account) End(o switchyard.Outcome) []Record {
	var records []Record
	costs, images := make([]switchyard.Cost, len(a.Attempts)), 0
	for i, at := range a.Attempts {
		if at.Outcome == "" {
			at = at.Lost()
			records = append(records, SettleRecord(at))
		}
		costs[i] = at.Cost
		images += at.Images
	}
	g := a.Generation
	if g.ID == "" || g.Outcome != "" && records == nil {
		return nil
	}
	g.Cost, g.Attempts = Sum(costs...), len(costs)
	if g.Outcome == "" {
		g.Outcome, g.Delivered = o, images
	}
	return append(records, EndRecord(g))
}

// Page asks for a part of a list of generations, the newest first.
type Page struct {
	Span             // what started in it
	RequestID string // only generations to which the app gave this id of its own; empty: all
	After     Cursor // last generation of the page before; zero: from the newest on
	Limit     int
}

// Cursor is the place of a generation in such a list.
type Cursor struct {
	Started time.Time
	ID      string
}

// Row is one attempt, as the ledger shows it.
type Row struct {
	ID         string
	Generation string
	RequestID  string
	At         time.Time
	Route      string
	Target     string
	Provider   string
	Model      string
	Variant    string
	Outcome    switchyard.Outcome // empty while it runs
	Cost       switchyard.Cost    // while it runs, possibly the estimate
	Images     int
	Latency    time.Duration
}

// MarshalJSON gives the row of /api/ledger. An unknown price is null, never zero; a known one is an exact decimal.
func (r Row) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		ID         string             `json:"id"`
		Generation string             `json:"generation"`
		RequestID  string             `json:"request_id"`
		At         time.Time          `json:"at"`
		Route      string             `json:"route"`
		Target     string             `json:"target"`
		Provider   string             `json:"provider"`
		Model      string             `json:"model"`
		Variant    string             `json:"variant"`
		Outcome    switchyard.Outcome `json:"outcome"`
		Charge     switchyard.Charge  `json:"charge"`
		CostUSD    *json.Number       `json:"cost_usd"`
		CostBasis  switchyard.Basis   `json:"cost_basis"`
		Images     int                `json:"images"`
		LatencyMS  int64              `json:"latency_ms"`
	}{
		r.ID, r.Generation, r.RequestID, r.At.UTC(), r.Route, r.Target, r.Provider, r.Model, r.Variant, r.Outcome,
		r.Cost.Charge, r.Cost.USD(), r.Cost.Basis, r.Images, r.Latency.Milliseconds(),
	})
}

// Total is what one provider did in a span of time.
type Total struct {
	Provider string
	Attempts int
	OK       int // attempts that ended well
	Neither  int // attempts that say nothing about the provider: see switchyard.Neither
	Images   int
	Cost     switchyard.Money // known amounts, settled and possible
	Possible switchyard.Money // the part of Cost that may not have been charged
	Unknown  int              // attempts that cost an amount that nobody knows
	Mean     time.Duration    // latency of the attempts that ended well
}

// Check says whether the ledger adds up.
type Check struct {
	Generations switchyard.Money // sum over the generations that ended with a known cost
	Attempts    switchyard.Money // sum over the attempts of the same
	Running     int              // attempts that have not ended
	Wrong       []string         // generations whose cost is not the sum of their attempts; at most 100
}

// The ratings that an app may give.
const (
	ThumbsUp   = "thumbs_up"
	ThumbsDown = "thumbs_down"
)
