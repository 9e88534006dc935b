package limit

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"switchyard"
)

// Budget is an entry of "budgets:" in config.yaml: how much money, or how many images, may be spent in a calendar window.
type Budget struct {
	Name     string           `yaml:"name"`
	Scope    string           `yaml:"scope"`  // all; key, tenant, provider, target or route: each of them by itself; or one, as "key:web-pro"
	USD      switchyard.Money `yaml:"usd"`    // 0: any
	Images   int              `yaml:"images"` // delivered; 0: any number
	Per      string           `yaml:"per"`    // hour, day or month
	AtLimit  string           `yaml:"at_limit"`
	WarnAt   float64          `yaml:"warn_at"`  // share of the budget from which on an alert tells of it
	Unknown  string           `yaml:"unknown"`  // what happens to a target without a price: pass_over or allow
	Timezone string           `yaml:"timezone"` // whose calendar; empty: UTC
}

// What a Budget may be over, last as long as, and do.
const (
	PerHour  = "hour"
	PerDay   = "day"
	PerMonth = "month"

	Refuse   = "refuse"    // the request ends, as if the app had no credit left
	PassOver = "pass_over" // the next target is tried
	Allow    = "allow"

	overAll      = "all"
	overKey      = "key"
	overTenant   = "tenant"
	overProvider = "provider"
	overTarget   = "target"
	overRoute    = "route"
)

// SetDefaults sets what a budget has that does not say otherwise. What happens at the limit depends on the scope: see
// atLimit.
func (b *Budget) SetDefaults() { *b = Budget{Per: PerDay, WarnAt: 0.8, Unknown: PassOver} }

// Validate names every fault by its path from the budget on. That the one it is over exists is for the caller to see.
func (b *Budget) Validate() error {
	var errs []error
	fault := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if b.Name == "" {
		fault("name: is missing")
	}
	if kind, _ := b.One(); !slices.Contains([]string{overAll, overKey, overTenant, overProvider, overTarget, overRoute}, kind) {
		fault("scope: want all, key, tenant, provider, target, route, or one of them such as key:web-pro, got %q", b.Scope)
	} else if kind == overAll && b.Scope != overAll {
		fault("scope: all takes no name, got %q", b.Scope)
	} else if strings.HasSuffix(b.Scope, ":") { // a variable that is not set, for one
		fault("scope: %q names no %s; each of them by itself is %q", b.Scope, kind, kind)
	}
	switch {
	case b.USD < 0:
		fault("usd: must not be negative, got %v", b.USD)
	case b.Images < 0:
		fault("images: must not be negative, got %d", b.Images)
	case b.USD == 0 && b.Images == 0:
		fault("usd: a budget needs usd or images")
	}
	oneOf := func(path, got string, want ...string) {
		if !slices.Contains(want, got) {
			fault("%s: want one of %q, got %q", path, want, got)
		}
	}
	oneOf("per", b.Per, PerHour, PerDay, PerMonth)
	oneOf("at_limit", b.atLimit(), Refuse, PassOver)
	oneOf("unknown", b.Unknown, PassOver, Allow)
	if !(b.WarnAt > 0 && b.WarnAt <= 1) { // nor NaN
		fault("warn_at: want a share above 0, at most 1, got %v", b.WarnAt)
	}
	if _, err := time.LoadLocation(b.Timezone); err != nil {
		fault("timezone: no such zone %q", b.Timezone)
	}
	return errors.Join(errs...)
}

// One is the key, tenant, provider, target or route that the budget is over, as kind and name; the name is empty if it is
// over each of them, or over all.
func (b *Budget) One() (kind, name string) {
	kind, name, _ = strings.Cut(b.Scope, ":")
	return kind, name
}

// atLimit returns what happens at the limit. Unless the file says otherwise, a provider or a target is passed over, since
// others may serve; for all other scopes the request is refused.
func (b *Budget) atLimit() string {
	if b.AtLimit != "" {
		return b.AtLimit
	}
	if kind, _ := b.One(); kind == overProvider || kind == overTarget {
		return PassOver
	}
	return Refuse
}

// calendar returns the window that now is in.
func (b *Budget) calendar(now time.Time) (from, until time.Time) {
	zone, err := time.LoadLocation(b.Timezone)
	if err != nil { // Validate has seen to it
		zone = time.UTC
	}
	now = now.In(zone)
	y, m, d := now.Date()
	switch b.Per {
	case PerHour: // not time.Date, which knows only one of the two hours when clocks are put back
		from = now.Add(-time.Duration(now.Minute())*time.Minute - time.Duration(now.Second())*time.Second - time.Duration(now.Nanosecond()))
		return from, from.Add(time.Hour)
	case PerMonth:
		return midnight(y, m, 1, zone), midnight(y, m+1, 1, zone)
	}
	return midnight(y, m, d, zone), midnight(y, m, d+1, zone)
}

// midnight returns when a day begins. If clocks are put forward at midnight, the day begins at that moment.
func midnight(y int, m time.Month, d int, zone *time.Location) time.Time {
	t := time.Date(y, m, d, 0, 0, 0, 0, zone)
	if t.Hour() > 12 { // the evening before, by which time.Date may mean a midnight that there is not
		_, t = t.ZoneBounds()
	}
	return t
}

// Spending is one request that is about to leave: for whom, to whom, and what it costs if all goes well.
type Spending struct {
	Key, Tenant, Provider, Target, Route string
	Estimate                             switchyard.Cost
	Images                               int
}

// subject returns who spends, for a budget over kind.
func (s *Spending) subject(kind string) string {
	switch kind {
	case overKey:
		return s.Key
	case overTenant:
		return s.Tenant
	case overProvider:
		return s.Provider
	case overTarget:
		return s.Target
	case overRoute:
		return s.Route
	}
	return ""
}
