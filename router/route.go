package router

import (
	"errors"
	"fmt"
	"maps"
	"math"
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
	Targets     []string             `yaml:"targets"`       // names, or Native, which is what there is without any
	Experiment  string               `yaml:"experiment"`    // in the place of targets: the arm of the request's unit serves
	Fallback    []string             `yaml:"fallback"`      // who does if that arm cannot
	Pick        string               `yaml:"pick"`          // the order of the targets: one of the Pick constants
	Weights     map[string]float64   `yaml:"weights"`       // for PickWeight :: target → its share
	Require     Require              `yaml:"require"`       // whoever does not meet it is passed over
	FallbackOn  []switchyard.Outcome `yaml:"fallback_on"`   // after which outcomes the next target is asked
	PayTwice    string               `yaml:"pay_twice"`     // "allow", or "never": not after an attempt that may have been charged
	WhenAllOpen string               `yaml:"when_all_open"` // "fail", or "try": one at a time goes through
	Patience    time.Duration        `yaml:"patience"`      // how long to wait for a limit before the next target
	Fidelity    string               `yaml:"fidelity"`      // "report", or "strict": whoever cannot say it all is passed over
	Rejoin      string               `yaml:"rejoin"`        // "on": a request that was left is taken over by the same one; or "off"

	Hedge *Hedge `yaml:"hedge"` // when a second target races the first; nil: never
	Cache *Cache `yaml:"cache"` // whether the same request is answered from memory; nil: never
}

// Cache is "cache:" of a route: an answer that is given again to whoever asks the same.
type Cache struct {
	TTL      time.Duration `yaml:"ttl"`      // how long
	Unseeded bool          `yaml:"unseeded"` // also requests without a seed, whose pictures would be others each time
}

// SetDefaults sets what a cache has that does not say otherwise.
func (c *Cache) SetDefaults() { *c = Cache{TTL: 10 * time.Minute} }

// Default is the name of the last route: a request takes it if no other route matches. A route of the file may have the name
// if it matches everything, for then no request gets past it.
const Default = "default"

// SetDefaults sets what a route has that does not say otherwise.
func (r *Route) SetDefaults() {
	*r = Route{
		Pick: PickOrder,
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
	switch {
	case r.Name == "":
		errs = append(errs, errors.New("name: a route needs one"))
	case r.Name == Default && r.When != "": // kills, budgets and sums go by the name, and would take the two for one
		errs = append(errs, fmt.Errorf("name: %q is what requests are under that no route matches; "+
			"a route of that name is for all of them, and has no when", Default))
	}
	errs = append(errs, r.checkTargets()...)
	oneOf("pick", r.Pick, picks...)
	errs = append(errs, r.checkWeights()...)
	if err := r.Require.Validate(); err != nil {
		errs = append(errs, prefixed("require.", err)...)
	}
	errs = append(errs, r.checkHedge()...)
	if r.Cache != nil && r.Cache.TTL <= 0 {
		errs = append(errs, fmt.Errorf("cache.ttl: must be positive, got %v", r.Cache.TTL))
	}
	oneOf("pay_twice", r.PayTwice, Choices("pay_twice")...)
	oneOf("when_all_open", r.WhenAllOpen, Choices("when_all_open")...)
	oneOf("fidelity", r.Fidelity, Choices("fidelity")...)
	oneOf("rejoin", r.Rejoin, Choices("rejoin")...)
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

// Rejoins reports whether a request takes over an answer to the same request whose app has left.
func (r *Route) Rejoins() bool { return r.Rejoin == "on" }

// Shares returns for how long the answer to a request is given to others that ask the same; 0 if it is not.
func (r *Route) Shares(req *switchyard.Request) time.Duration {
	if r.Cache == nil || req.Seed == nil && !r.Cache.Unseeded {
		return 0
	}
	return r.Cache.TTL
}

// targets returns who serves, except the arms of an experiment.
func (r *Route) targets() []string {
	if r.Targets == nil && r.Experiment == "" {
		return []string{Native}
	}
	return r.Targets
}

// checkTargets checks that a route says who serves, and in one way only.
func (r *Route) checkTargets() (errs []error) {
	switch {
	case r.Experiment != "" && r.Targets != nil:
		errs = append(errs, errors.New("targets: mean nothing with an experiment, whose arms serve; what stands behind them is fallback"))
	case r.Experiment == "" && len(r.targets()) == 0:
		errs = append(errs, errors.New("targets: a route needs at least one"))
	}
	if r.Experiment == "" && len(r.Fallback) > 0 {
		errs = append(errs, errors.New("fallback: means nothing without an experiment; put them behind the others in targets"))
	}
	if r.Experiment != "" && r.Pick != PickOrder {
		errs = append(errs, fmt.Errorf("pick: %s means nothing with an experiment: its arm comes first, then fallback", r.Pick))
	}
	return errs
}

// checkWeights checks that there are weights where targets are picked by chance.
func (r *Route) checkWeights() (errs []error) {
	sum := 0.0
	for _, name := range slices.Sorted(maps.Keys(r.Weights)) {
		w, path := r.Weights[name], config.Key("weights", name)
		if sum += w; !(w >= 0) || math.IsInf(w, 1) { // refuses NaN, too
			errs = append(errs, fmt.Errorf("%s: must not be negative or infinite, got %v", path, w))
		}
		if !slices.Contains(r.targets(), name) {
			errs = append(errs, fmt.Errorf("%s: the route has no such target", path))
		}
	}
	switch {
	case r.Pick == PickWeight && sum <= 0:
		errs = append(errs, errors.New("weights: pick: weight needs some that are over zero"))
	case r.Pick != PickWeight && len(r.Weights) > 0:
		errs = append(errs, fmt.Errorf("weights: mean nothing with pick: %s", r.Pick))
	}
	return errs
}

// checkHedge checks the conditions for a second target to race the first.
func (r *Route) checkHedge() (errs []error) {
	if r.Hedge == nil {
		return nil
	}
	if err := r.Hedge.Validate(); err != nil {
		errs = append(errs, prefixed("hedge.", err)...)
	}
	if r.PayOnce() {
		errs = append(errs, errors.New("hedge: pays twice now and then, which pay_twice: never forbids"))
	}
	return errs
}

// prefixed puts a path in front of each of the joined errors.
func prefixed(path string, err error) (errs []error) {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{fmt.Errorf("%s%w", path, err)}
	}
	for _, e := range joined.Unwrap() {
		errs = append(errs, fmt.Errorf("%s%w", path, e))
	}
	return errs
}
