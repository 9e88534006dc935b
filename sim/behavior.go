package sim

import (
	"path"
	"strings"
	"time"
)

// Behavior is how a provider acts from now on. The zero Behavior answers every good request, at once.
type Behavior struct {
	// Latency is how long a generation takes, before Config.Speed divides it. Delay, if set, wins over it.
	Latency Latency
	Delay   func(model string, images int) time.Duration

	FailRatio     float64       // share of generations that end in the provider's overload error, unbilled
	Fault         Fault         // what happens to each request that makes pictures
	Times         int           // how many requests Fault strikes before it is gone; 0 means all
	PollFault     Fault         // what happens to polls of a job and to questions for its result: transport faults only
	DeliveryFault Fault         // what happens when a hosted file is fetched: transport faults, NotImage and Empty
	RetryAfter    time.Duration // hint of RateLimit; 0 means the recorded one
	MaxInFlight   int           // more generations at once get the rate limit error; 0 means any number

	Bytes int      // pad PNG and JPEG pictures to this length, if they are shorter; 0 means as they come
	Gone  []string // model ids that have been shut down; patterns of path.Match, so "*" is all
	Alive []string // ids (patterns) that work though the real ones are dead

	Polls  int // how many reads of a job's state find it unfinished, however quick it is
	Quirks Quirks
}

// Latency is the range of what most generations take: a log-normal distribution, clipped to that range. The zero
// Latency is none.
type Latency struct{ Min, Max time.Duration }

// Quirks are oddities of the real services that a proxy must live with.
type Quirks struct {
	TextOnly    bool // google: generateContent answers STOP with words and no image
	Drafts      bool // google: drafts with thought:true come first, on every model
	NoDetails   bool // google, openai: usage without the split by kind
	Quiet       bool // fal: leaves out seed, timings, has_nsfw_concepts and prompt, width and height
	BigSeed     bool // fal: the seed in the answer exceeds an int64
	WaitRunsOut bool // replicate: Prefer: wait is answered at once, unfinished, as if the time had run out
	Processing  bool // replicate: Prefer: wait is answered with status processing and outputs as data URIs
	DataURI     bool // replicate: every output is a data URI
	Aborted     bool // replicate: a cancelled prediction ends as aborted
}

// Fault is one way to fail. Those up to ResetLate are faults of the transport, the rest concern the picture.
type Fault string

const (
	None         Fault = ""
	Refuse       Fault = "refuse"       // every call of any kind gets the provider's overload error
	RateLimit    Fault = "rate_limit"   // 429 with the provider's own hint when to come back
	Quota        Fault = "quota"        // the account is empty, in the provider's own words
	Unauthorized Fault = "unauthorized" // the answer to a wrong key
	Stall        Fault = "stall"        // the request is taken and never answered; not billed
	Reset        Fault = "reset"        // the connection is reset before an answer; not billed
	HTML         Fault = "html"         // 502 with a page of the edge; not billed
	Cut          Fault = "cut"          // billed, then the connection ends in the middle of the body
	Hang         Fault = "hang"         // billed, then half the body, and silence
	Garbage      Fault = "garbage"      // billed, then 200 with broken JSON
	ResetLate    Fault = "reset_late"   // billed, then reset before the first byte of the answer

	Empty        Fault = "empty"         // 200 without an image and without a reason
	Filter       Fault = "filter"        // the prompt is refused for safety
	FilterOutput Fault = "filter_output" // every picture is withheld for safety
	FilterSome   Fault = "filter_some"   // the last picture is withheld; of one alone, that one
	NotImage     Fault = "not_image"     // billed, but the bytes are no image
	Fail         Fault = "fail"          // the model fails: an asynchronous job ends as failed, other requests get a 500
	Stuck        Fault = "stuck"         // an asynchronous job never ends; other requests stall
)

// Faults returns all of them except None.
func Faults() []Fault {
	return []Fault{
		Refuse, RateLimit, Quota, Unauthorized, Stall, Reset, HTML, Cut, Hang, Garbage, ResetLate,
		Empty, Filter, FilterOutput, FilterSome, NotImage, Fail, Stuck,
	}
}

// Typical returns how each provider behaves on an ordinary day: with its latency, and without failures.
func Typical() map[string]Behavior {
	return map[string]Behavior{
		"google":    {Latency: Latency{10 * time.Second, 15 * time.Second}},
		"openai":    {Latency: Latency{9 * time.Second, 30 * time.Second}},
		"fal":       {Latency: Latency{1500 * time.Millisecond, 4 * time.Second}},
		"replicate": {Latency: Latency{2 * time.Second, 6 * time.Second}},
	}
}

func matches(patterns []string, id string) bool {
	for _, p := range patterns {
		if p == id {
			return true
		}
		if ok, err := path.Match(p, id); err == nil && ok || p == "*" {
			return true
		}
	}
	return false
}

// prompted applies what the prompt itself orders: "[sim:filter]" is Fault Filter for this request alone;
// "[sim:poll:cut]" sets PollFault, "[sim:delivery:cut]" DeliveryFault.
func (b Behavior) prompted(prompt string) Behavior {
	for {
		_, rest, ok := strings.Cut(prompt, "[sim:")
		if !ok {
			return b
		}
		order, rest, ok := strings.Cut(rest, "]")
		if !ok {
			return b
		}
		prompt = rest
		switch kind, fault, ok := strings.Cut(order, ":"); {
		case !ok:
			b.Fault = Fault(order)
		case kind == "poll":
			b.PollFault = Fault(fault)
		case kind == "delivery":
			b.DeliveryFault = Fault(fault)
		}
	}
}
