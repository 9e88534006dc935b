package breaker

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"switchyard"
)

// Scope is what a Kill stops.
type Scope string

// The scopes. A Kill names one thing of its scope, except All.
const (
	Provider Scope = "provider"
	Target   Scope = "target"
	Route    Scope = "route"
	All      Scope = "all"
)

// ErrKilled is why an attempt is not made, or was cut: an operator has stopped its place.
var ErrKilled = errors.New("stopped by hand")

// ErrNotKept says that a change is in force, but only until the process ends: the Keeper could not save it.
var ErrNotKept = errors.New("in force, but it would not survive a restart")

// A Kill stops a thing by hand, at once and for new attempts.
type Kill struct {
	Scope  Scope     `json:"scope"`
	Name   string    `json:"name"`   // of the provider, target or route; empty for All
	Reason string    `json:"reason"` // for people
	Until  time.Time `json:"until,omitzero"`
	Bypass bool      `json:"bypass"` // for All only: do not stop, but hand every request to the app's own provider
	Abort  bool      `json:"abort"`  // cut attempts in flight too
	Since  time.Time `json:"since,omitzero"`
	By     string    `json:"by"` // who set it, for people
}

// String names the kill for people: what it stops, and why.
func (k Kill) String() string {
	s := string(k.Scope)
	if k.Scope != All {
		s = fmt.Sprintf("%s %q", k.Scope, k.Name)
	}
	if k.Reason != "" {
		s += ": " + k.Reason
	}
	return s
}

// Refusal returns the error of an attempt at a place that k stops. It wraps ErrKilled. If k expires, it says when it is
// worth coming back.
func (k Kill) Refusal() *switchyard.Error {
	e := &switchyard.Error{Kind: switchyard.Unavailable, Stage: switchyard.Unsent, Err: fmt.Errorf("%w: %s", ErrKilled, k)}
	if !k.Until.IsZero() {
		e.RetryAfter = max(time.Until(k.Until), time.Nanosecond)
	}
	return e
}

// Validate refuses a kill that could be misunderstood.
func (k Kill) Validate() error {
	switch {
	case !slices.Contains([]Scope{Provider, Target, Route, All}, k.Scope):
		return fmt.Errorf("kill: scope %q: want provider, target, route or all", k.Scope)
	case k.Scope == All && k.Name != "":
		return fmt.Errorf("kill: scope all takes no name, got %q", k.Name)
	case k.Scope != All && k.Name == "":
		return fmt.Errorf("kill: scope %s needs a name", k.Scope)
	case k.Bypass && k.Scope != All:
		return errors.New("kill: bypass is for scope all")
	case k.Bypass && k.Abort:
		return errors.New("kill: bypass and abort exclude each other")
	}
	return nil
}

// Stops reports whether k, as long as it has not expired, stops attempts at this place. A bypass does not stop any.
func (k Kill) Stops(route, provider, target string) bool {
	switch k.Scope {
	case Route:
		return k.Name == route
	case Provider:
		return k.Name == provider
	case Target:
		return k.Name == target
	}
	return !k.Bypass
}

func (k Kill) live(now time.Time) bool { return k.Until.IsZero() || now.Before(k.Until) }

// A Keeper makes kills outlive the process. SaveKills gets all that are in force; there is one call at a time.
type Keeper interface {
	SaveKills([]Kill) error
}

// Switches are the kills in force. The zero value has none, and keeps them in memory only. A nil *Switches can be asked,
// and has none. To ask is one atomic load, cheap enough for every attempt. All methods may be called at once.
type Switches struct {
	Keeper Keeper // gets each change; nil: a restart forgets them. Set before use

	mu   sync.Mutex // held by a writer until the Keeper has saved; who only asks goes by snap
	snap atomic.Pointer[map[place]Kill]

	flights flights // what an abort cuts
}

type place struct {
	scope Scope
	name  string
}

// Restore puts saved kills in force at start, without telling the Keeper.
func (s *Switches) Restore(kills []Kill) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := make(map[place]Kill, len(kills))
	for _, k := range kills {
		if err := k.Validate(); err != nil {
			return err
		}
		next[place{k.Scope, k.Name}] = k
	}
	s.snap.Store(&next)
	return nil
}

// Set puts k in force, in place of an earlier one of the same scope and name. An error of the Keeper is returned, but k
// is in force all the same: whoever pulls the switch in an emergency must not be stopped by a full disk.
func (s *Switches) Set(k Kill) error {
	if err := k.Validate(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.current()
	next[place{k.Scope, k.Name}] = k
	s.snap.Store(&next)
	if k.Abort {
		s.flights.cut(k) // do not wait for the disk first
	}
	return s.save()
}

// Lift takes a kill back, and reports whether there was one. For All the name is empty. An error of the Keeper is
// returned, but the kill is lifted all the same.
func (s *Switches) Lift(scope Scope, name string) (lifted bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.current()
	if _, lifted = next[place{scope, name}]; !lifted {
		return false, nil
	}
	delete(next, place{scope, name})
	s.snap.Store(&next)
	return true, s.save()
}

// List returns every kill in force, in a steady order.
func (s *Switches) List() []Kill {
	return slices.SortedFunc(maps.Values(s.current()), func(a, b Kill) int {
		return cmp.Or(cmp.Compare(a.Scope, b.Scope), cmp.Compare(a.Name, b.Name))
	})
}

// killed looks up one kill, stopping or bypassing.
func (s *Switches) killed(scope Scope, name string) (Kill, bool) {
	k, ok := s.view()[place{scope, name}]
	if !ok || !k.live(time.Now()) {
		return Kill{}, false
	}
	return k, true
}

// Stopped returns the widest kill that stops an attempt at this place; empty names match none. A bypass does not stop.
func (s *Switches) Stopped(route, provider, target string) (Kill, bool) {
	if len(s.view()) == 0 {
		return Kill{}, false // the usual case, once per attempt
	}
	for _, p := range [...]place{{All, ""}, {Route, route}, {Provider, provider}, {Target, target}} {
		if k, ok := s.killed(p.scope, p.name); ok && !k.Bypass {
			return k, true
		}
	}
	return Kill{}, false
}

// view returns the kills, among them some that have expired. Nobody may change the map.
func (s *Switches) view() map[place]Kill {
	if s == nil {
		return nil
	}
	if kills := s.snap.Load(); kills != nil {
		return *kills
	}
	return nil
}

// Bypassed reports whether every request goes past us, to its app's own provider.
func (s *Switches) Bypassed() bool {
	k, ok := s.killed(All, "")
	return ok && k.Bypass
}

// current returns a copy of the kills that have not expired. Whoever puts a changed one in force requires mu.
func (s *Switches) current() map[place]Kill {
	now, next := time.Now(), make(map[place]Kill)
	maps.Copy(next, s.view())
	maps.DeleteFunc(next, func(_ place, k Kill) bool { return !k.live(now) })
	return next
}

// save gives the kills to the Keeper, if there is one. Requires mu.
func (s *Switches) save() error {
	if s.Keeper == nil {
		return nil
	}
	if err := s.Keeper.SaveKills(slices.Collect(maps.Values(s.view()))); err != nil {
		return fmt.Errorf("kill switch: %w: %w", ErrNotKept, err)
	}
	return nil
}
