package router

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"switchyard"
)

// Require is what a target must be like to serve a route's requests. A zero field demands nothing.
type Require struct {
	MaxLatency   time.Duration    `yaml:"max_latency"`  // of the 95th percentile lately; a target of which nothing is known passes
	MaxCost      switchyard.Money `yaml:"max_cost"`     // dollars for this very request; a target without a price does not pass
	MinQuality   int              `yaml:"min_quality"`  // as configured
	Capabilities []string         `yaml:"capabilities"` // what its model must be able to do; of a model in no table that is not known
}

// Validate names every fault by its path from "require" on.
func (r *Require) Validate() error {
	var errs []error
	if r.MaxLatency < 0 {
		errs = append(errs, fmt.Errorf("max_latency: must not be negative, got %v", r.MaxLatency))
	}
	if r.MaxCost < 0 {
		errs = append(errs, fmt.Errorf("max_cost: must not be negative, got %v", r.MaxCost))
	}
	for i, name := range r.Capabilities {
		if !slices.Contains(capabilities, name) {
			errs = append(errs, fmt.Errorf("capabilities[%d]: want one of %q, got %q", i, capabilities, name))
		}
	}
	return errors.Join(errs...)
}

// capabilities are what may be required.
var capabilities = []string{
	"references", "mask", "stream", "seed", "negative_prompt", "guidance", "steps", "strength", "style", "safety", "transparent",
}

func canDo(can *switchyard.Abilities, name string) bool {
	switch name {
	case "references":
		return can.References > 0
	case "mask":
		return can.Mask
	case "stream":
		return can.Stream
	case "transparent":
		return slices.Contains(can.Backgrounds, "transparent")
	}
	return can.Has(name)
}

// misses returns what a candidate lacks; empty if nothing.
func (d *decision) misses(c *Candidate) string {
	r := &d.plan.Route.Require
	if r.MinQuality > 0 && c.Target.Quality < r.MinQuality {
		return fmt.Sprintf("its quality is %d, the route wants %d", c.Target.Quality, r.MinQuality)
	}
	for _, name := range r.Capabilities {
		if c.Target.Row == nil || !canDo(&c.Target.Row.Can, name) {
			return "it is not known to do " + name
		}
	}
	if r.MaxCost > 0 {
		switch cost := c.Estimate(c.Request); {
		case cost.Basis == switchyard.BasisUnknown:
			return "its price is not known, and the route has a max_cost"
		case cost.Amount > r.MaxCost:
			return fmt.Sprintf("it costs $%v, the route allows $%v", cost.Amount, r.MaxCost)
		}
	}
	if r.MaxLatency > 0 {
		_, p95, known := d.cfg.Statistics.Latency(c.Target.Name, d.facts.Request, d.now)
		if known && p95 > r.MaxLatency {
			return fmt.Sprintf("its 95th percentile is %v, the route allows %v", p95.Round(time.Millisecond), r.MaxLatency)
		}
	}
	return ""
}
