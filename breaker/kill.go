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
)

// Scope is what a Kill stops.
type Scope string

const (
	Provider Scope = "provider"
	Target   Scope = "target"
	Route    Scope = "route"
	All      Scope = "all"
)

// A Kill stops a thing by hand, at once and for new attempts.
type Kill struct {
	Scope  Scope
	Name   string    // of the provider, target or route; empty for All
	Reason string    // for people
	Until  time.Time // when it lifts itself; zero: never
	Bypass bool      // of All only: do not stop, but hand every request to the app's own provider
	Abort  bool      // cut attempts in flight too
}

// Validate refuses what could be misread.
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

func (k Kill) live(now time.Time) bool { return k.Until.IsZero() || now.Before(k.Until) }

// A Keeper makes kills outlive the process. SaveKills gets all that are in force, one call at a time.
type Keeper interface {
	SaveKills([]Kill) error
}

// Switches are the kills in force. The zero value has none and keeps them in memory only. Reading is one atomic load,
// so that every attempt can afford it; all methods may be called at once.
type Switches struct {
	Keeper Keeper // told of each change; nil: a restart forgets. Set before use

	mu   sync.Mutex                 // taken by writers, one at a time
	snap atomic.Pointer[switchView] // nil: none, and nobody waits for a change
}

// switchView is immutable but for its channel, which is closed when another takes its place.
type switchView struct {
	kills   map[place]Kill
	changed chan struct{}
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
	s.swap(next)
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
	s.swap(next)
	return s.save()
}

// Lift takes a kill back, and reports whether there was one. For All the name is empty.
func (s *Switches) Lift(scope Scope, name string) (lifted bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.current()
	if _, lifted = next[place{scope, name}]; !lifted {
		return false, nil
	}
	delete(next, place{scope, name})
	s.swap(next)
	return true, s.save()
}

// List is every kill in force, in a steady order.
func (s *Switches) List() []Kill {
	s.mu.Lock()
	defer s.mu.Unlock()
	kills := slices.Collect(maps.Values(s.current()))
	slices.SortFunc(kills, func(a, b Kill) int {
		return cmp.Or(cmp.Compare(a.Scope, b.Scope), cmp.Compare(a.Name, b.Name))
	})
	return kills
}

// Killed looks up one kill, stopping or bypassing.
func (s *Switches) Killed(scope Scope, name string) (Kill, bool) {
	v := s.snap.Load()
	if v == nil || len(v.kills) == 0 {
		return Kill{}, false
	}
	k, ok := v.kills[place{scope, name}]
	if !ok || !k.live(time.Now()) {
		return Kill{}, false
	}
	return k, true
}

// Stopped returns the widest kill that stops an attempt at this place; empty names match none. A bypass does not stop.
func (s *Switches) Stopped(route, provider, target string) (Kill, bool) {
	if v := s.snap.Load(); v == nil || len(v.kills) == 0 {
		return Kill{}, false // the usual case, once per attempt
	}
	for _, p := range [...]place{{All, ""}, {Route, route}, {Provider, provider}, {Target, target}} {
		if k, ok := s.Killed(p.scope, p.name); ok && !k.Bypass {
			return k, true
		}
	}
	return Kill{}, false
}

// Bypassed reports whether every request goes past us, to its app's own provider.
func (s *Switches) Bypassed() bool {
	k, ok := s.Killed(All, "")
	return ok && k.Bypass
}

// Changed is closed when a kill is next set or lifted (not when one expires), so that an attempt in flight can see
// whether it is to abort. Take it before looking, or a change in between is missed.
func (s *Switches) Changed() <-chan struct{} {
	if v := s.snap.Load(); v != nil {
		return v.changed
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.snap.Load() == nil {
		s.swap(nil)
	}
	return s.snap.Load().changed
}

// current is a copy of the kills that have not expired. Requires mu.
func (s *Switches) current() map[place]Kill {
	now, next := time.Now(), make(map[place]Kill)
	if v := s.snap.Load(); v != nil {
		maps.Copy(next, v.kills)
	}
	maps.DeleteFunc(next, func(_ place, k Kill) bool { return !k.live(now) })
	return next
}

// swap puts kills in force and wakes whoever waits for a change. Requires mu.
func (s *Switches) swap(kills map[place]Kill) {
	old := s.snap.Swap(&switchView{kills, make(chan struct{})})
	if old != nil {
		close(old.changed)
	}
}

// save tells the Keeper, if there is one. Requires mu.
func (s *Switches) save() error {
	if s.Keeper == nil {
		return nil
	}
	if err := s.Keeper.SaveKills(slices.Collect(maps.Values(s.snap.Load().kills))); err != nil {
		return fmt.Errorf("kill switch is in force, but would not survive a restart: %w", err)
	}
	return nil
}
