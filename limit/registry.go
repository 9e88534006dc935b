package limit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"switchyard"
)

// ErrLimited is wrapped by the error of an Acquire that a limit refused.
var ErrLimited = errors.New("limit reached")

// unknownWait is the advice when every place is taken: nobody knows how long a picture takes.
const unknownWait = time.Second

// Scope is what a limit belongs to. Places are taken in this order, from narrow to wide. Whoever waits for a wide one holds only
// narrower places of its own: so one key's queue never leaves a provider idle, and no two callers wait for each other.
type Scope uint8

const (
	Key      Scope = iota // a virtual key, by its name
	Target                // a target, likewise
	Provider              // a provider, likewise
)

func (s Scope) String() string { return [...]string{"key", "target", "provider"}[min(s, Provider)] }

// Name is one limit.
type Name struct {
	Scope Scope
	Name  string
}

func (n Name) String() string { return fmt.Sprintf("%s %q", n.Scope, n.Name) }

// Load is how busy a name is.
type Load struct {
	InFlight int // places taken, with or without a limit
	Waiting  int // callers in line for a place
}

// A Registry holds the limits and outlives reloads: a kept name keeps its tokens, places and line. The zero Registry is
// ready and limits nothing, but counts. All methods may be called at once.
type Registry struct {
	mu    sync.Mutex // guards all below, the gates' insides too
	gates map[Name]*gate
}

// Configure makes limits the ones in force, in place. A lowered concurrency cuts nobody off: it waits until enough have
// left. A name that is gone is no longer limited.
func (r *Registry) Configure(limits map[Name]Config) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	for name := range limits {
		r.gate(name)
	}
	for name, g := range r.gates {
		g.configure(limits[name], now)
		r.drop(name, g)
	}
}

// Acquire takes a place and the tokens of one request for n images at every name, or nothing at all. It waits at most
// for patience, in line. If err is nil, the caller must call release when the request is over; more calls do nothing.
// Otherwise err is a *switchyard.Error of kind Throttled that wraps ErrLimited, with the time after which it is worth
// trying again; or, if ctx ended first, that of ctx.
func (r *Registry) Acquire(ctx context.Context, names []Name, n int, patience time.Duration) (release func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	names = order(names)
	deadline := time.Now().Add(patience)
	held := make([]*gate, 0, len(names))
	giveBack := func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		for i, g := range held {
			g.leave()
			r.drop(names[i], g)
		}
	}
	for _, name := range names {
		g, err := r.enter(ctx, name, deadline)
		if err != nil {
			giveBack()
			return nil, err
		}
		held = append(held, g)
	}
	if err := r.spend(ctx, names, n, deadline); err != nil {
		giveBack()
		return nil, err
	}
	return sync.OnceFunc(giveBack), nil
}

// TakeImages takes the tokens of n images at once, or none. It is for a caller that has a place at name, and has learned only
// after that how many images it wants. The error is that of an Acquire without patience.
func (r *Registry) TakeImages(name Name, n int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	g, now := r.gate(name), time.Now()
	defer r.drop(name, g)
	wait, undo := g.images.reserve(n, now)
	if wait <= 0 {
		return nil
	}
	undo(now)
	return throttled(name, wait, "over its rate")
}

// Load returns how busy one name is, for picks by load.
func (r *Registry) Load(name Name) Load {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.gates[name].load()
}

// Loads returns how busy all names are, for metrics. A name that is neither configured nor busy is left out.
func (r *Registry) Loads() map[Name]Load {
	r.mu.Lock()
	defer r.mu.Unlock()
	loads := make(map[Name]Load, len(r.gates))
	for name, g := range r.gates {
		loads[name] = g.load()
	}
	return loads
}

// order returns the names from narrow to wide, each once: to take the same place twice would mean to wait for oneself.
func order(names []Name) []Name {
	names = slices.Clone(names)
	slices.SortFunc(names, func(a, b Name) int {
		return cmp.Or(cmp.Compare(a.Scope, b.Scope), cmp.Compare(a.Name, b.Name))
	})
	return slices.Compact(names)
}

// enter takes a place at one name, in line if it must.
func (r *Registry) enter(ctx context.Context, name Name, deadline time.Time) (*gate, error) {
	r.mu.Lock()
	g := r.gate(name)
	turn := g.enter()
	r.mu.Unlock()
	if turn == nil {
		return g, nil
	}
	err := wait(ctx, turn, time.Until(deadline))
	r.mu.Lock()
	defer r.mu.Unlock()
	if !g.withdraw(turn) { // the place came, if only in the moment that the wait ended, and is ours to use
		return g, nil
	}
	if errors.Is(err, errPatience) {
		return nil, throttled(name, unknownWait, "all places are taken")
	}
	return nil, err
}

// spend takes tokens at every name at one instant, then waits for the slowest. If it cannot use them in time it gives them back
// at that same instant, so that a refused request costs nothing.
func (r *Registry) spend(ctx context.Context, names []Name, n int, deadline time.Time) error {
	r.mu.Lock()
	now := time.Now()
	var slowest Name
	var delay time.Duration
	var undos []func(time.Time)
	for _, name := range names {
		d, undo := r.gates[name].reserve(n, now)
		undos = append(undos, undo)
		if d > delay {
			slowest, delay = name, d
		}
	}
	undo := func(at time.Time) {
		for _, u := range undos {
			u(at)
		}
	}
	if delay > 0 && now.Add(delay).After(deadline) {
		undo(now)
		r.mu.Unlock()
		return throttled(slowest, delay, "over its rate")
	}
	r.mu.Unlock()
	if delay == 0 {
		return nil
	}
	if err := wait(ctx, nil, delay); !errors.Is(err, errPatience) {
		r.mu.Lock()
		undo(time.Now())
		r.mu.Unlock()
		return err
	}
	return nil
}

// gate is name's, made if it is new. Requires mu.
func (r *Registry) gate(name Name) *gate {
	g := r.gates[name]
	if g == nil {
		if r.gates == nil {
			r.gates = make(map[Name]*gate)
		}
		g = &gate{}
		r.gates[name] = g
	}
	return g
}

// drop forgets a gate that neither limits nor counts anything, lest names that come and go pile up. Requires mu.
func (r *Registry) drop(name Name, g *gate) {
	if g.idle() && r.gates[name] == g {
		delete(r.gates, name)
	}
}

var errPatience = errors.New("patience is at an end")

// wait waits for turn, and errs after d or when ctx ends.
func wait(ctx context.Context, turn <-chan struct{}, d time.Duration) error {
	timer := time.NewTimer(max(d, 0))
	defer timer.Stop()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return errPatience
	}
}

func throttled(name Name, after time.Duration, why string) *switchyard.Error {
	return &switchyard.Error{
		Kind: switchyard.Throttled, Stage: switchyard.Unsent, RetryAfter: after,
		Err: fmt.Errorf("%w: %s: %s", ErrLimited, name, why),
	}
}
