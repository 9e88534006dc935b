package switchyard

import (
	"encoding/json"
	"slices"
	"time"
)

// Request is what an app asks for, in no provider's words. A front decodes it, the router fits it to a target, a back
// encodes it. The zero value of a field means that the app did not say, unless noted.
type Request struct {
	ID      string // id of the generation, for the header that has the request's id in this dialect
	Dialect string // of the front that decoded it
	Form    string // which of the dialect's forms it came in, and the answer goes out in: e.g. "predict" or "generateContent"
	Path    string // as the app called it, without our prefix; for rules and logs
	Model   string // as the app named it

	Prompt         string
	NegativePrompt string
	Images         int // how many are wanted; at least 1 once decoded

	Size       Size   // exact pixels
	Aspect     Aspect // when no exact size is given; MatchInput wins over it
	MatchInput bool   // the ratio of the first reference
	Resolution string // a class: "512", "1K", "2K", "4K"
	Quality    string // a tier: QualityLow … QualityMax
	Format     string // "png", "jpeg", "webp", "gif", "svg", or another word of the app's
	Background string // "transparent", "opaque"
	// Compression is the quality number of a lossy format, 0 (small) to 100 (best).
	Compression *int

	Seed     *uint64
	Guidance *float64 // meant for the family of the model that the request names; never passed to another family
	Steps    *int     // meant for that family, like Guidance
	Strength *float64 // 0 keeps the input, 1 ignores it
	Style    string   // a named preset, in the words of the model that the request names

	Safety    string // SafetyStrict … SafetyOff
	People    string // "none", "adult", "all"
	Language  string // of the prompt; "auto" or a code such as "en"
	Enhance   *bool  // may the provider rewrite the prompt
	Watermark *bool
	KeepInput string // how closely a reference is kept: "low", "high"
	User      string // the app's opaque id for its user

	References []Reference
	Mask       *Mask
	Markup     *Image // a drawn instruction laid over the first reference

	Delivery Delivery
	Base     string        // the address under which the app called us, prefix included; addresses in its answers begin with it
	Stream   bool          // the app wants server-sent events
	Async    bool          // the app wants a ticket at once, and asks for the result later
	Wait     time.Duration // for Async: answer with the result if it is there by then
	Hook     *Hook         // for Async: whom to tell how it goes
	Until    time.Duration // for Async: how long the app wants to wait for it; 0: as long as it takes

	// Dropped names what the app said that no target is ever told, since we do not support it yet.
	Dropped []string

	// Memo is what the front must remember to write the answer in the form that was asked for, under names of its own.
	Memo map[string]string

	// Echo is the input as a ticket protocol's answers repeat it. Long strings are cut out of it.
	Echo json.RawMessage

	// Extra is what the app said that no field above can hold, under the app's own names. Each name that a target cannot be
	// told is reported as dropped. Long strings are cut out of it.
	Extra map[string]json.RawMessage

	// Restores tells that the dialect's back can write Extra anew for another model of the same form. Other dialects can
	// pass it on only in the app's own bytes.
	Restores bool
}

// Tiers of quality, safety levels: the words of the canonical form.
const (
	QualityLow    = "low"
	QualityMedium = "medium"
	QualityHigh   = "high"
	QualityXHigh  = "xhigh"
	QualityMax    = "max"

	SafetyStrict  = "strict"
	SafetyDefault = "default"
	SafetyRelaxed = "relaxed"
	SafetyOff     = "off"
)

// Qualities are all of them, the lowest first; SafetyLevels, the strictest first.
var (
	Qualities    = []string{QualityLow, QualityMedium, QualityHigh, QualityXHigh, QualityMax}
	SafetyLevels = []string{SafetyStrict, SafetyDefault, SafetyRelaxed, SafetyOff}
)

// Delivery is how the app wants its pictures.
type Delivery uint8

const (
	DeliverAny       Delivery = iota // the front's own habit
	DeliverInline                    // bytes in the answer
	DeliverURL                       // an address to fetch them from
	DeliverSecureURL                 // an https: address, or else inline
)

// Hook is where an app wants to be told how its ticket goes.
type Hook struct {
	URL    string  `json:"url"`
	Events []Event `json:"events"`
}

// Wants reports whether the app asked for an event; it did not if h is nil.
func (h *Hook) Wants(e Event) bool { return h != nil && slices.Contains(h.Events, e) }

// Event is what an app may be told of.
type Event string

// The events, in the order in which they come.
const (
	EventStart     Event = "start"     // the work has begun
	EventOutput    Event = "output"    // there are pictures
	EventCompleted Event = "completed" // it is over, well or not
)

// TextTokens returns about how many tokens the words of the request have, by the providers' rule of thumb: four bytes each.
func (r *Request) TextTokens() int64 { return int64(len(r.Prompt)+len(r.NegativePrompt)+3) / 4 }

// Clone returns a copy whose scalar fields may be changed; images are shared.
func (r *Request) Clone() *Request {
	c := *r
	c.References = slices.Clone(r.References)
	return &c
}
