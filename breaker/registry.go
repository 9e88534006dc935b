package breaker

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"switchyard"
)

// ErrOpen is wrapped by the error of every Allow and Force that says no.
var ErrOpen = errors.New("not now")

const (
	// MaxNotBefore clamps a provider's Retry-After: a wrong one must not take a target out for days.
	MaxNotBefore = time.Hour
	// busy is what a refusal advises to wait while a probe is under way: nobody knows when that will end, so ask again
	// soon.
	busy = time.Second
)

// Done says how an attempt ended. The caller must call it exactly once, when the answer has been read to its end; a
// second call does nothing. retryAfter is the provider's advice, 0 if it gave none.
//
// Under the app's own key, the outcomes unauthorized and rate_limited are the app's affair: pass switchyard.Canceled in
// their place.
type Done func(outcome switchyard.Outcome, retryAfter time.Duration)

// A Registry keeps one breaker per target and outlives reloads: a kept name keeps its history. The zero Registry is
// ready; a target that was never configured has DefaultConfig. All methods may be called at once.
type Registry struct {
	mu      sync.Mutex        // guards the rest
	entries map[string]*entry // :: target name → its breaker
	configs map[string]Config // :: target name → as last configured
	forced  bool              // an attempt let through by Force is under way
}

// Configure makes targets the ones in force. A name that stays keeps its state. If only thresholds change it keeps its
// counts, too. With another window or cooldown it counts afresh, but an open breaker stays open, for the new cooldown
// from now. A name that is gone is forgotten, except for a not-before time that has not passed.
func (r *Registry) Configure(targets map[string]Config) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	r.configs = maps.Clone(targets)
	for name, e := range r.entries {
		c, kept := targets[name]
		switch {
		case kept:
			e.configure(c)
		case !e.notBefore().After(now):
			delete(r.entries, name)
		}
	}
}

// Allow asks whether target may be tried. If err is nil, the caller must call done. Otherwise err is a
// *switchyard.Error that wraps ErrOpen, and whose RetryAfter is the earliest time at which the target may be tried. Its
// kind is Unavailable, or Throttled if nothing but the provider's own Retry-After stands in the way.
func (r *Registry) Allow(target string) (done Done, err error) {
	return r.entry(target).allow()
}

// Force asks whether a target may be tried whose breaker may be open, for routes with "when_all_open: try". Only one
// such attempt is under way in the whole process; a success closes the breaker, a failure leaves it as it was. The
// provider's own Retry-After is kept even so: Force overrules our guess, not its word.
func (r *Registry) Force(target string) (done Done, err error) {
	r.mu.Lock()
	if r.forced {
		r.mu.Unlock()
		return nil, refusal(target, busy, "another attempt is being forced")
	}
	r.forced = true
	r.mu.Unlock()

	inner, err := r.entry(target).force()
	if err != nil {
		r.unforce()
		return nil, err
	}
	return func(o switchyard.Outcome, retryAfter time.Duration) {
		// A second call of inner does nothing, but one of unforce would free another attempt's turn.
		if inner(o, retryAfter) {
			r.unforce()
		}
	}, nil
}

// State returns a snapshot of one target.
func (r *Registry) State(target string) State { return r.entry(target).snapshot() }

// States returns snapshots of every target configured or tried so far, by name.
func (r *Registry) States() []State {
	r.mu.Lock()
	names := slices.Collect(maps.Keys(r.entries))
	for name := range r.configs {
		if r.entries[name] == nil {
			names = append(names, name)
		}
	}
	r.mu.Unlock()
	slices.Sort(names)
	states := make([]State, len(names))
	for i, name := range names {
		states[i] = r.State(name)
	}
	return states
}

func (r *Registry) entry(target string) *entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.entries[target]
	if e == nil {
		c, ok := r.configs[target]
		if !ok {
			c = DefaultConfig()
		}
		if r.entries == nil {
			r.entries = make(map[string]*entry)
		}
		e = newEntry(target, c)
		r.entries[target] = e
	}
	return e
}

func (r *Registry) unforce() {
	r.mu.Lock()
	r.forced = false
	r.mu.Unlock()
}

// refusal makes the error with which Allow and Force say no.
func refusal(target string, wait time.Duration, why string) *switchyard.Error {
	return &switchyard.Error{
		Kind: switchyard.Unavailable, Stage: switchyard.Unsent, RetryAfter: wait, Target: target,
		Err: fmt.Errorf("%w: %s", ErrOpen, why),
	}
}
