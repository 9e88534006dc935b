package alert

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"switchyard"
	"switchyard/rule"
)

// Config is an entry of "alerts:" in config.yaml.
type Config struct {
	Name   string        `yaml:"name"`
	When   string        `yaml:"when"`   // CEL
	For    time.Duration `yaml:"for"`    // how long the condition must hold before anybody is told
	Window time.Duration `yaml:"window"` // that its numbers are of
	By     string        `yaml:"by"`     // provider, target or budget: each of them by itself; empty: all together
	Notify []string      `yaml:"notify"` // whom to tell
	Off    bool          `yaml:"off"`    // there is no such alert: for built-in ones
}

// What an alert may be by. In its condition, a variable of the same name holds the one that it is about.
const (
	ByProvider = "provider"
	ByTarget   = "target"
	ByBudget   = "budget"
)

// DefaultWindow is what an alert's numbers are of if it does not say.
const DefaultWindow = 5 * time.Minute

// MaxWindow is a little less than the time for which sums of minutes are kept.
const MaxWindow = 7 * 24 * time.Hour

// SetDefaults sets what an alert has that does not say otherwise.
func (c *Config) SetDefaults() { c.Window = DefaultWindow }

// Names become labels of metrics and parts of file formats.
var plainName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,100}$`)

// Validate names every fault by its path from the alert on. Whether the names in notify exist is for the caller to
// check.
func (c *Config) Validate() error {
	var errs []error
	if !plainName.MatchString(c.Name) {
		errs = append(errs, fmt.Errorf("name: want 1 to 100 letters, digits, -, _ and ., got %q", c.Name))
	}
	if c.Off {
		return errors.Join(errs...)
	}
	if !slices.Contains([]string{"", ByProvider, ByTarget, ByBudget}, c.By) {
		errs = append(errs, fmt.Errorf("by: want provider, target or budget, got %q", c.By))
	} else if _, err := rule.CompileAlert(c.When, c.By); err != nil {
		errs = append(errs, fmt.Errorf("when: %w", err))
	}
	if c.For < 0 {
		errs = append(errs, fmt.Errorf("for: must not be negative, got %v", c.For))
	}
	if c.Window < time.Minute || c.Window > MaxWindow || c.Window%time.Minute != 0 {
		errs = append(errs, fmt.Errorf("window: want whole minutes, from 1m to %dd, got %v", MaxWindow/(24*time.Hour), c.Window))
	}
	return errors.Join(errs...)
}

// The forms of a Message.
const (
	Slack = "slack"
	JSON  = "json"
)

// Receiver is an entry of "notify:" in config.yaml: where messages go.
type Receiver struct {
	Webhook switchyard.Secret `yaml:"webhook"` // empty: nobody is told
	Format  string            `yaml:"format"`
}

// SetDefaults sets what a receiver has that does not say otherwise.
func (r *Receiver) SetDefaults() { r.Format = JSON }

// Validate names every fault by its path from the receiver on.
func (r *Receiver) Validate() error {
	if r.Format != Slack && r.Format != JSON {
		return fmt.Errorf("format: want slack or json, got %q", r.Format)
	}
	return nil
}

// Rule is an alert in force.
type Rule struct {
	Config
	cond func() *rule.Alert
}

// Compile makes a Rule of a Config. It errs if the condition is not valid.
func Compile(c Config) (*Rule, error) {
	cond, err := rule.CompileAlert(c.When, c.By)
	if err != nil {
		return nil, fmt.Errorf("alert %q: %w", c.Name, err)
	}
	c.Window = cmp.Or(c.Window, DefaultWindow)
	return &Rule{c, func() *rule.Alert { return cond }}, nil
}

// Names returns the names that the condition spells out as arguments of a function: see rule.Alert.
func (r *Rule) Names(function string) []string { return r.cond().Names(function) }

// Reads reports whether the condition uses one of these variables.
func (r *Rule) Reads(variables ...string) bool { return r.cond().Reads(variables...) }

// PromQL writes the condition for Prometheus.
func (r *Rule) PromQL(p rule.PromQL) (string, error) { return r.cond().PromQL(p) }

// Judge evaluates the condition.
func (r *Rule) Judge(readings *rule.Readings) (rule.Verdict, error) { return r.cond().Judge(readings) }
