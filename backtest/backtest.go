package backtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"switchyard"
	"switchyard/ledger"
	"switchyard/router"
	"switchyard/rule"
)

// Books are what a backtest reads; ledger.Reports has it.
type Books interface {
	EachGeneration(ctx context.Context, span ledger.Span, tell func(switchyard.Generation) error) error
	EachRow(ctx context.Context, span ledger.Span, tell func(ledger.Row) error) error
}

// Config says what to try, and on what.
type Config struct {
	Books  Books
	Span   ledger.Span
	Router *router.Router                     // of the config that is tried
	Key    func(name string) (rule.Key, bool) // a virtual key of that config; false if it has none of this name
	Rounds int                                // of the bootstrap; 0: 200
	Most   int                                // generations whose outcome is drawn, at most; 0: 20,000. If there are more, an even choice
	Seed   uint64                             // of the draws
}

const (
	defaultRounds = 200
	defaultMost   = 20_000
)

// ErrNothing says that the span of time has no generation that could be tried.
var ErrNothing = errors.New("no recorded generation to try the config on: they are recorded with their shape since this version")

// trial is a recorded generation, and what the tried config would do with it.
type trial struct {
	real   switchyard.Generation
	asked  string // the target that was asked first; empty if none was
	class  uint8
	route  string
	params *router.Route
	steps  []step // targets in the order in which they would be asked
}

// step is one target that would be asked.
type step struct {
	target string
	cost   switchyard.Cost // if all goes well, by the prices of the tried config
}

// Run tries the config.
func Run(ctx context.Context, c Config) (*Report, error) {
	seen := newSightings()
	trials, unshaped, err := c.trials(ctx, seen)
	if err != nil {
		return nil, err
	}
	if len(trials) == 0 {
		return nil, ErrNothing
	}
	chron := &chronicler{classes: map[string]uint8{}, under: map[string][]part{}}
	for _, t := range trials {
		chron.classes[t.real.ID] = t.class
	}
	if err := c.Books.EachRow(ctx, c.Span, func(r ledger.Row) error { chron.note(r); return nil }); err != nil {
		return nil, fmt.Errorf("read attempts: %w", err)
	}
	if c.Rounds <= 0 {
		c.Rounds = defaultRounds
	}
	if c.Most <= 0 {
		c.Most = defaultMost
	}
	for i := range trials {
		if parts := chron.under[trials[i].real.ID]; len(parts) > 0 {
			trials[i].asked = parts[0].target
		}
	}
	d := &drawer{history: chron.history(), config: &c}
	report := d.report(trials)
	report.Unshaped, report.Unseen = unshaped, seen.missing(c.Router.Mentions())
	return report, nil
}

// trials makes the tried config's plans for what was recorded. unshaped counts generations that an older version
// recorded, or that were answered from a cache.
func (c *Config) trials(ctx context.Context, seen *sightings) (trials []trial, unshaped int, err error) {
	err = c.Books.EachGeneration(ctx, c.Span, func(g switchyard.Generation) error {
		var shape router.Shape
		switch {
		case g.Cost.Basis == switchyard.BasisCached || g.Outcome == switchyard.Canceled || g.Outcome == switchyard.Lost:
			return nil // no target would have been asked, or the outcome cannot be known
		case json.Unmarshal([]byte(g.Shape), &shape) != nil:
			unshaped++
			return nil
		}
		seen.add(&shape)
		trials = append(trials, c.trial(g, &shape))
		return nil
	})
	if err != nil {
		return nil, 0, fmt.Errorf("read generations: %w", err)
	}
	return trials, unshaped, nil
}

func (c *Config) trial(g switchyard.Generation, shape *router.Shape) trial {
	facts := shape.Facts()
	facts.Request.Dialect, facts.Request.Path, facts.Request.Model = g.Dialect, g.Path, g.Model
	facts.Key = rule.Key{Name: g.Key, Tenant: g.Tenant, Labels: map[string]string{"tier": g.Tier}}
	if c.Key != nil {
		if key, ok := c.Key(g.Key); ok {
			facts.Key = key
		}
	}
	match := c.Router.Match(facts)
	plan := match.Plan(shape.Own, g.Started)
	t := trial{real: g, class: router.SizeClass(facts.Request), route: plan.Route.Name, params: plan.Route}
	for i := range plan.Candidates {
		cand := &plan.Candidates[i]
		t.steps = append(t.steps, step{cand.Target.Name, cand.Estimate(cand.Request)})
	}
	return t
}

// moved reports whether the target that would be asked first, and would mostly answer, is another than before.
func (t *trial) moved() bool { return t.first() != t.asked }

func (t *trial) first() string {
	if len(t.steps) == 0 {
		return ""
	}
	return t.steps[0].target
}

// happened returns what the generation really came to.
func (t *trial) happened() outcome {
	return outcome{
		ok: t.real.Outcome == switchyard.OK, latency: t.real.Latency, cost: t.real.Cost.Amount,
		unknown: t.real.Cost.Basis == switchyard.BasisUnknown,
	}
}

// outcome is what a generation came to, or would have.
type outcome struct {
	ok      bool
	latency time.Duration
	cost    switchyard.Money
	unknown bool // the cost is unknown
	untried bool // a target had no records to draw from: ok and latency mean nothing
}
