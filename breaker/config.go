package breaker

import (
	"errors"
	"fmt"
	"time"
)

// Config is the "breaker:" part of a provider in config.yaml. The zero Config is "breaker: off": nothing ever opens it,
// though a provider's Retry-After is still kept.
type Config struct {
	Failures    uint32        `yaml:"failures"`     // in a row that open it; 0: a row alone never does
	Ratio       float64       `yaml:"ratio"`        // of failures in the window that opens it, above 0 to 1; 0: never
	MinRequests uint32        `yaml:"min_requests"` // that must have ended in the window before Ratio counts
	Window      time.Duration `yaml:"window"`       // how far back outcomes count
	Cooldown    time.Duration `yaml:"cooldown"`     // how long it stays open before a probe
}

// DefaultConfig is the breaker of a provider whose config.yaml says nothing about it.
func DefaultConfig() Config {
	return Config{Failures: 5, Ratio: 0.5, MinRequests: 10, Window: time.Minute, Cooldown: 30 * time.Second}
}

// Validate names every fault by its path from "breaker" on.
func (c Config) Validate() error {
	if c.off() {
		return nil
	}
	var errs []error
	bad := func(field, format string, args ...any) {
		errs = append(errs, fmt.Errorf("breaker."+field+": "+format, args...))
	}
	if !(c.Ratio >= 0 && c.Ratio <= 1) { // so that NaN is refused too
		bad("ratio", "must be from 0 to 1, got %v", c.Ratio)
	}
	if c.Ratio > 0 && c.MinRequests == 0 {
		bad("min_requests", "must be at least 1 where ratio is set")
	}
	if c.Window < time.Second {
		bad("window", "must be at least 1s, got %v", c.Window)
	}
	if c.Cooldown <= 0 {
		bad("cooldown", "must be positive, got %v", c.Cooldown)
	}
	return errors.Join(errs...)
}

func (c Config) off() bool { return c == Config{} }

// trips reports whether a breaker must open, by what has ended in its window: row is how many failures in a row came
// last.
func (c Config) trips(row, failed, ended uint32) bool {
	if c.Failures > 0 && row >= c.Failures {
		return true
	}
	return c.Ratio > 0 && ended >= c.MinRequests && float64(failed) >= c.Ratio*float64(ended)
}
