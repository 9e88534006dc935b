package router

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"switchyard/config"
	"switchyard/rule"
)

// Experiment is an entry of "experiments:" in config.yaml: targets that share the requests of a route by their weights,
// so that it can be told which one does better.
type Experiment struct {
	Unit string              `yaml:"unit"` // CEL that gives a text: whoever it is the same for keeps its arm
	Arms config.Map[float64] `yaml:"arms"` // :: target → weight; the first serves whoever has an empty unit
	Goal string              `yaml:"goal"` // what decides: one of the Goal constants
	Stop Stop                `yaml:"stop"`
}

// Stop is when an experiment has told enough.
type Stop struct {
	Confidence float64 `yaml:"confidence"` // that a winner which it names is one, however often somebody looks
}

// What an experiment may be about.
const (
	GoalSatisfaction = "satisfaction" // the app's thumbs
	GoalSuccess      = "success"      // pictures made
	GoalLatency      = "latency"      // until they were there
	GoalCost         = "cost"         // per picture
)

// goals are all of them.
var goals = []string{GoalSatisfaction, GoalSuccess, GoalLatency, GoalCost}

// SetDefaults sets what an experiment has that does not say otherwise.
func (e *Experiment) SetDefaults() {
	*e = Experiment{Goal: GoalSatisfaction, Stop: Stop{Confidence: 0.95}}
}

// Validate names every fault by its path from the experiment on. New checks that its arms are targets and that its unit
// gives a text.
func (e *Experiment) Validate() error {
	var errs []error
	fault := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if e.Unit == "" {
		fault(`unit: is missing: what keeps its arm, such as headers["x-user-id"]`)
	}
	if len(e.Arms) < 2 {
		fault("arms: an experiment needs two or more, got %d", len(e.Arms))
	}
	sum := 0.0
	for _, arm := range e.Arms {
		if w := arm.Value; w < 0 || math.IsInf(w, 0) || math.IsNaN(w) {
			fault("%s: want a weight of 0 or more, got %v", config.Key("arms", arm.Name), w)
		}
		sum += arm.Value
	}
	if len(e.Arms) >= 2 && sum <= 0 {
		fault("arms: the weights sum to %v: one of them must be over zero", sum)
	}
	if !slices.Contains(goals, e.Goal) {
		fault("goal: want one of %q, got %q", goals, e.Goal)
	}
	if c := e.Stop.Confidence; !(c >= 0.5 && c < 1) {
		fault("stop.confidence: want 0.5 or more and less than 1, got %v", c)
	}
	return errors.Join(errs...)
}

// Variant returns the name of an arm of an experiment for the ledger and the app. No two experiments share one, since the
// name of an experiment has no colon.
func Variant(experiment, arm string) string { return experiment + ":" + arm }

// assigned is a compiled experiment.
type assigned struct {
	Experiment
	name string
	unit *rule.Text
}

// compileExperiments checks and compiles those of the config; the errors name their paths in the file.
func (r *Router) compileExperiments() (errs []error) {
	r.experiments = map[string]*assigned{}
	for _, e := range r.cfg.Experiments {
		path := config.Key("experiments", e.Name)
		if strings.Contains(e.Name, ":") {
			errs = append(errs, fmt.Errorf("%s: the name of an experiment has no colon", path))
		}
		a := &assigned{Experiment: e.Value, name: e.Name}
		if e.Value.Unit != "" {
			var err error
			if a.unit, err = rule.CompileText(e.Value.Unit); err != nil {
				errs = append(errs, fmt.Errorf("%s.unit: %w", path, err))
			} else {
				errs = append(errs, r.note(path+".unit", a.unit.Mentions())...)
			}
			r.estimate = r.estimate || strings.Contains(e.Value.Unit, "estimate_usd")
		}
		for _, arm := range e.Value.Arms {
			at := config.Key(path+".arms", arm.Name)
			switch {
			case arm.Name == Native:
				errs = append(errs, fmt.Errorf("%s: native is no target of its own: who it is depends on the request", at))
			case r.cfg.Targets[arm.Name] == nil:
				errs = append(errs, fmt.Errorf("%s: no target %q%s", at, arm.Name, config.Suggest(arm.Name, r.names())))
			}
		}
		r.experiments[e.Name] = a
	}
	return errs
}

// Assign returns the arm of a unit. It depends only on the experiment's name, its arms and their weights, so a unit has the
// same arm in each process, on each machine, for ever; the order of the arms does not matter.
//
// Each arm draws a time from an exponential distribution whose rate is its weight; the earliest wins (weighted rendezvous
// hashing: Schindelhauer and Schomaker, Weighted distributed hash tables, 2005). When the weights of two arms change, no
// other way to assign keeps more units where they are; for more arms, no way is the best for every change (Moulton and
// Jiang, Maximally consistent sampling and the Jaccard index of probability distributions, 2018). Only the ratio of the
// weights matters.
func (e *Experiment) Assign(name, unit string) (arm string) {
	first := math.Inf(1)
	for _, a := range e.Arms {
		if a.Value <= 0 {
			continue
		}
		if t := -math.Log(draw(name, a.Name, unit)) / a.Value; t < first {
			arm, first = a.Name, t
		}
	}
	return cmp.Or(arm, e.Arms[0].Name) // Validate has made sure that some weight is above 0
}

// draw returns a number between 0 and 1, both excluded, that depends on the texts alone. This must never change: every unit
// of every experiment would get another arm.
func draw(texts ...string) float64 {
	var buf [256]byte // on the stack; longer units are rare
	msg := buf[:0]
	for _, s := range texts {
		msg = binary.BigEndian.AppendUint64(msg, uint64(len(s))) // else "ab", "c" would be the same as "a", "bc"
		msg = append(msg, s...)
	}
	sum := sha256.Sum256(msg)
	return (float64(binary.BigEndian.Uint64(sum[:])>>11) + 0.5) / (1 << 53)
}

// experiment adds the arm of the request's unit, and the fallback in case that cannot serve. A request without a unit gets
// the first arm, and stays out of the statistics: all such requests together would be one unit. If the unit errs there is
// none.
func (d *decision) experiment() {
	route := d.plan.Route
	e := d.experiments[route.Experiment]
	unit, err := e.unit.Eval(d.facts)
	arm := e.Arms[0].Name
	if err == nil && unit != "" {
		arm = e.Assign(e.name, unit)
		d.plan.Variant = Variant(e.name, arm)
	}
	d.plan.Arm = arm
	for _, name := range append([]string{arm}, route.Fallback...) {
		d.named(name)
	}
	if err != nil {
		d.plan.Errs = append(d.plan.Errs, &RuleError{OfExperiment(e.name), err})
	}
}
