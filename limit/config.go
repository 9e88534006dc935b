package limit

import (
	"errors"
	"fmt"
	"math"

	"switchyard"
)

// Config is a "limit:" part of config.yaml: of a provider, a target or a key. The zero Config is no limit.
type Config struct {
	Rate       switchyard.Rate `yaml:"rate"`       // requests
	Images     switchyard.Rate `yaml:"images"`     // images asked for
	Burst      int             `yaml:"burst"`      // of either, at once after a pause; 0: a second's worth, at least 1
	Concurrent int             `yaml:"concurrent"` // requests under way; 0: any number
}

// Validate names every fault by its path from "limit" on.
func (c Config) Validate() error {
	var errs []error
	if c.Burst < 0 || c.Burst > math.MaxInt32 {
		errs = append(errs, fmt.Errorf("limit.burst: must be from 0 to %d, got %d", math.MaxInt32, c.Burst))
	}
	if c.Burst > 0 && c.Rate == (switchyard.Rate{}) && c.Images == (switchyard.Rate{}) {
		errs = append(errs, errors.New("limit.burst: means nothing without rate or images"))
	}
	if c.Concurrent < 0 {
		errs = append(errs, fmt.Errorf("limit.concurrent: must not be negative, got %d", c.Concurrent))
	}
	return errors.Join(errs...)
}

// burst is how many may go at once at rate r.
func (c Config) burst(r switchyard.Rate) int {
	if c.Burst > 0 {
		return c.Burst
	}
	return max(1, int(math.Ceil(r.PerSecond())))
}
