package router

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"switchyard"
	"switchyard/config"
)

// Route is an entry of "routes:" in config.yaml: which requests it is for, who serves them, and what happens when
// somebody fails.
type Route struct {
	Name        string               `yaml:"name"`
	When        string               `yaml:"when"`          // CEL; empty matches everything
	Targets     []string             `yaml:"targets"`       // names, or Native
	Pick        string               `yaml:"pick"`          // the order of the targets; only PickOrder yet
	FallbackOn  []switchyard.Outcome `yaml:"fallback_on"`   // after which outcomes the next target is asked
	PayTwice    string               `yaml:"pay_twice"`     // "allow", or "never": not after an attempt that may have been charged
	WhenAllOpen string               `yaml:"when_all_open"` // "fail", or "try": one at a time goes through
	Patience    time.Duration        `yaml:"patience"`      // how long to wait for a limit before the next target
	Fidelity    string               `yaml:"fidelity"`      // "report", or "strict": whoever cannot say it all is passed over
	Rejoin      string               `yaml:"rejoin"`        // "on": a request that was left is taken over by the same one; or "off"

	Experiment config.Later `yaml:"experiment"`
	Fallback   config.Later `yaml:"fallback"`
	Require    config.Later `yaml:"require"`
	Hedge      config.Later `yaml:"hedge"`
	Cache      config.Later `yaml:"cache"`
}

// Native as a route's target is whoever the app asked for, with the model it asked for.
const Native = "native"

// SetDefaults is what a route has that does not say.
func (r *Route) SetDefaults() {
	*r = Route{
		Targets: []string{Native},
		Pick:    "order",
		FallbackOn: []switchyard.Outcome{
			switchyard.RateLimited, switchyard.Overloaded, switchyard.Timeout,
			switchyard.Unreachable, switchyard.BadReply, switchyard.Unauthorized,
		},
		PayTwice:    "allow",
		WhenAllOpen: "fail",
		Patience:    2 * time.Second,
		Fidelity:    "report",
		Rejoin:      "on",
	}
}

// Validate names every fault by its path from the route on.
func (r *Route) Validate() error {
	var errs []error
	oneOf := func(path, got string, want ...string) {
		if !slices.Contains(want, got) {
			errs = append(errs, fmt.Errorf("%s: want one of %q, got %q", path, want, got))
		}
	}
	if r.Name == "" {
		errs = append(errs, errors.New("name: a route needs one"))
	}
	if len(r.Targets) == 0 {
		errs = append(errs, errors.New("targets: a route needs at least one"))
	}
	switch r.Pick {
	case "order":
	case "cost", "latency", "quality", "load", "weight":
		errs = append(errs, fmt.Errorf("pick: %q: not yet", r.Pick))
	default:
		oneOf("pick", r.Pick, "order", "cost", "latency", "quality", "load", "weight")
	}
	oneOf("pay_twice", r.PayTwice, "allow", "never")
	oneOf("when_all_open", r.WhenAllOpen, "fail", "try")
	oneOf("fidelity", r.Fidelity, "report", "strict")
	oneOf("rejoin", r.Rejoin, "on", "off")
	for i, o := range r.FallbackOn {
		if !slices.Contains(switchyard.Outcomes(), o) {
			errs = append(errs, fmt.Errorf("fallback_on[%d]: want one of %q, got %q", i, switchyard.Outcomes(), o))
		}
	}
	if r.Patience < 0 {
		errs = append(errs, fmt.Errorf("patience: must not be negative, got %v", r.Patience))
	}
	return errors.Join(errs...)
}

// TryWhenOpen reports whether a request goes through even when every breaker is open.
func (r *Route) TryWhenOpen() bool { return r.WhenAllOpen == "try" }

// PayOnce reports whether the request ends after an attempt that may have been charged.
func (r *Route) PayOnce() bool { return r.PayTwice == "never" }

// Strict reports whether targets that cannot say the whole request are passed over.
func (r *Route) Strict() bool { return r.Fidelity == "strict" }

// Rejoins reports whether a request takes over the same one that its app has left.
func (r *Route) Rejoins() bool { return r.Rejoin == "on" }
