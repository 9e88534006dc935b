package sim

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"switchyard"
)

// Provider is one simulated service. Its methods may be called while it serves requests.
type Provider struct {
	Name string // "google", "openai", "fal" or "replicate"
	URL  string // of the API, without version: http://127.0.0.1:port; fal's synchronous host

	CloudURL string // google only: Vertex AI, without version
	QueueURL string // fal only
	RestURL  string // fal only

	world *World
	voice voice
	keys  []string

	mu       sync.Mutex
	behavior Behavior
	dice     *rand.Rand
	bill     []Charge
	calls    []*Call // the last maxCalls
	inFlight int
	peak     int
}

// voice answers in a provider's own words the refusals that are the same for every request.
type voice interface {
	overloaded(*exchange)
	limited(*exchange)
	denied(*exchange) // wrong key
	broke(*exchange)  // no credit
	failed(*exchange) // the model failed
}

// Charge is one line of a provider's bill: what a generation was charged.
type Charge struct {
	Time      time.Time
	Model     string
	Images    int
	Amount    switchyard.Money
	Prompt    string // SHA-256 of the prompt, in hexadecimal; PromptMark is its first 32 bits
	RequestID string // X-Request-Id of the request, if it had one
}

const (
	maxCalls   = 20_000
	maxCharges = 200_000
)

func newProvider(w *World, cfg Config, name string) *Provider {
	keys := cfg.Keys[name]
	if len(keys) == 0 {
		keys = []string{DefaultKey(name)}
	}
	return &Provider{
		Name: name, world: w, keys: keys, behavior: cfg.Behaviors[name],
		dice: rand.New(rand.NewPCG(cfg.Seed, uint64(providerNumber(name)))),
	}
}

// Set replaces the behaviour, for requests that arrive from now on.
func (p *Provider) Set(b Behavior) { p.Update(func(old *Behavior) { *old = b }) }

// Update changes the behaviour in one step. f must not call the provider.
func (p *Provider) Update(f func(*Behavior)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.behavior
	b.Gone, b.Alive = slices.Clone(b.Gone), slices.Clone(b.Alive)
	f(&b)
	p.behavior = b
}

// Behavior returns the one in force.
func (p *Provider) Behavior() Behavior {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.behavior
}

// Key returns a key that the provider accepts.
func (p *Provider) Key() string { return p.keys[0] }

// Bill returns what has been charged since the start or the last Reset, oldest first.
func (p *Provider) Bill() []Charge {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.bill)
}

// Total returns the sum of the bill.
func (p *Provider) Total() (sum switchyard.Money) {
	for _, c := range p.Bill() {
		sum += c.Amount
	}
	return sum
}

// InFlight returns how many generations are under way now, and the most there have been at once since the start or
// Reset. A queued job counts while it is being made.
func (p *Provider) InFlight() (now, peak int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.inFlight, p.peak
}

// Reset forgets bill, calls and peak. The behaviour and running jobs stay.
func (p *Provider) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bill, p.calls, p.peak = nil, nil, p.inFlight
}

// enter counts a generation in, and is true, unless there are as many as b allows. After each true call leave once.
func (p *Provider) enter(b Behavior) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if b.MaxInFlight > 0 && p.inFlight >= b.MaxInFlight {
		return false
	}
	p.inFlight++
	p.peak = max(p.peak, p.inFlight)
	return true
}

func (p *Provider) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inFlight--
}

// charge books a generation. If nothing was made, it books nothing.
func (p *Provider) charge(model string, images int, amount switchyard.Money, prompt string, h http.Header) {
	if amount == 0 {
		return
	}
	sum := sha256.Sum256([]byte(prompt))
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.bill) < maxCharges {
		p.bill = append(p.bill, Charge{time.Now(), model, images, amount, hex.EncodeToString(sum[:]), h.Get("X-Request-Id")})
	}
}

// roll decides by chance, for one generation, how long it takes in real time and whether it fails.
func (p *Provider) roll(b Behavior, model string, images int) (time.Duration, bool) {
	p.mu.Lock()
	z, u := p.dice.NormFloat64(), p.dice.Float64()
	p.mu.Unlock()
	d := b.Latency.at(z)
	if b.Delay != nil {
		d = b.Delay(model, images)
	}
	if p.world.speed <= 0 {
		d = 0
	} else {
		d = time.Duration(float64(d) / p.world.speed)
	}
	return d, u < b.FailRatio
}

// at returns the latency z standard deviations from the median; the ends of the range are two away.
func (l Latency) at(z float64) time.Duration {
	low, high := float64(max(l.Min, 1)), float64(max(l.Max, l.Min, 1))
	mid, sigma := (math.Log(low)+math.Log(high))/2, (math.Log(high)-math.Log(low))/4
	return time.Duration(min(max(math.Exp(mid+sigma*z), low), high))
}

// random returns a number below n, from the same source of chance.
func (p *Provider) random(n int64) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dice.Int64N(n)
}

// spend counts one request against Behavior.Times, and returns b; without its fault once that is used up.
func (p *Provider) spend(b Behavior) Behavior {
	if b.Times == 0 || b.Fault == None {
		return b
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.behavior.Fault != b.Fault || p.behavior.Times == 0 {
		b.Fault = None // other requests have used it up
		return b
	}
	if p.behavior.Times--; p.behavior.Times == 0 {
		p.behavior.Fault = None
	}
	return b
}
