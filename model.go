package switchyard

import (
	"encoding/json"
	"slices"
	"time"
)

// Model is what is known of one model of one dialect: a row of its table.
type Model struct {
	ID      string
	Aliases []string // other ids of the same thing, dated snapshots for instance
	Form    string   // which of the dialect's forms it speaks; two models of one form take the same bytes
	Family  string   // models whose guidance and steps mean the same
	Life    Life
	Can     Abilities
	Default Defaults
	// Endpoints are other ids under which the same model answers some requests: "text" those without images, if its own
	// id needs images; "edit" those with references, "multi" those with more than one, "mask" those with a mask. If a
	// kind is missing, ID answers it, too.
	Endpoints map[string]string
	Price     *Price // nil if no price is known
	Source    string // where these facts are from
	Date      string // when it was read there, YYYY-MM-DD
}

// Life is whether a model still answers.
type Life struct {
	State     LifeState
	Until     time.Time `json:",omitzero"` // the day it ends or ended; zero if no day is known
	Successor string    // the id that its provider names; empty if none
}

// LifeState is alive, deprecated (it has an end) or dead.
type LifeState string

const (
	Alive      LifeState = "alive"
	Deprecated LifeState = "deprecated"
	Dead       LifeState = "dead"
)

// DeadAt reports whether the model does not answer any more at that time: it says so, or its day has come.
func (l Life) DeadAt(t time.Time) bool {
	return l.State == Dead || l.State == Deprecated && !l.Until.IsZero() && !t.Before(l.Until)
}

// Abilities are what a model can be told and what it can make.
type Abilities struct {
	Images      int       // most in one call
	Prompt      int       // longest prompt in characters; 0 if not limited
	Sizes       []Size    // the only exact sizes there are; if empty, see Free
	Free        *FreeSize // any exact size within bounds; if nil and no Sizes, there are only aspect ratios
	Aspects     []Aspect
	Resolutions []string          // classes, smallest first
	Pixels      map[string][]Size // :: resolution class → the sizes that come out; for estimates, and for a model that takes over
	References  int               // most reference images
	Takes       []string          // types of them, such as "png"; if empty, those that can be inspected, which everybody reads
	Roles       []Role            // of references, besides RoleEdit
	MustRefer   bool              `yaml:"must_refer"` // it does nothing without a reference
	Mask        bool
	Polarity    Polarity `json:",omitzero"` // of masks
	Formats     []string // the first is what it makes unasked
	AnyFormat   bool     `yaml:"any_format"` // the model chooses one of Formats: the app cannot ask for one
	Qualities   []string // lowest first
	Backgrounds []string
	Safeties    []string              // levels of safety, if it has that field but not all of them
	Fields      []string              // of seed, negative_prompt, guidance, steps, strength, style, safety, people, language, enhance, watermark, compression, keep_input, user, markup, url, queue, string_output, and of words of a dialect's own that siblings do not know; input_ratio: beside a reference it takes no size; own_ratio: beside one it makes its default shape unasked, not the reference's; safe_edit: beside one it takes no safety laxer than its default
	Ranges      map[string][2]float64 // of guidance and steps, both ends included; if one is not there, no bounds are known
	Stream      bool                  // it can answer in server-sent events
}

// FreeSize bounds the exact sizes that a model takes.
type FreeSize struct {
	Multiple  int     // of pixels, both edges; at least 1
	MinEdge   int     `yaml:"min_edge"`   // pixels
	MaxEdge   int     `yaml:"max_edge"`   // pixels; 0 if not limited
	MinPixels int64   `yaml:"min_pixels"` // of the whole picture
	MaxPixels int64   `yaml:"max_pixels"` // likewise; 0 if not limited
	MaxRatio  float64 `yaml:"max_ratio"`  // of the longer edge to the shorter; 0 if not limited
}

// Reads reports whether the model takes reference images of a type such as "png".
func (a *Abilities) Reads(format string) bool {
	if len(a.Takes) == 0 {
		return Inspects(format)
	}
	return slices.Contains(a.Takes, format)
}

// Has reports whether the model has the field, so that it can be set.
func (a *Abilities) Has(field string) bool { return slices.Contains(a.Fields, field) }

// Defaults are what a request gets that does not say, as far as the provider documents it.
type Defaults struct {
	Images     int
	Size       Size   `json:",omitzero"`
	Aspect     Aspect `json:",omitzero"`
	Resolution string
	Format     string
	Quality    string
}

// Target is a place that we can send a request to: a provider's address and key, and one of its models. It does not
// change while a config is in force.
type Target struct {
	Name     string
	Provider string
	Dialect  string
	Model    string                     // empty for native targets until a request names it
	Row      *Model                     // of the dialect's table; nil if the model is not in it
	Off      string                     // why it may not be used; empty if it may
	Native   bool                       // made of the provider that the app itself named
	Bases    map[string]string          // base URLs by purpose; "" is the main one
	Home     string                     // "projects/NAME/locations/NAME" that the key belongs to, if the dialect's paths have one; else empty
	Key      Secret                     // ours; empty if the app's own is used
	Params   map[string]json.RawMessage // fixed parameters, by the dialect's names
	Headers  []string                   // further request headers of the app that the provider may see
	Price    *Price                     // overrides the table's; nil if neither knows one
	Quality  int                        // as configured: the higher the better; 0 if nobody said
	Retries  int                        // how often an attempt that is known to have cost nothing is tried again
	Timeouts Timeouts
}

// Is reports whether the target is a provider's model, whatever it is called.
func (t *Target) Is(provider, model string) bool { return t.Provider == provider && t.Model == model }

// Timeouts bound an attempt. Zero means not bounded.
type Timeouts struct {
	Connect   time.Duration `yaml:"connect"`    // until the connection stands
	FirstByte time.Duration `yaml:"first_byte"` // until the answer's head is there
	Idle      time.Duration `yaml:"idle"`       // for one read of an answer's body; events may be further apart
	Attempt   time.Duration `yaml:"attempt"`    // in all, polls and downloads included
}
