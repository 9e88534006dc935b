package router

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"switchyard"
)

// Plan is who may serve one request, in what order, and under which of the route's policies.
type Plan struct {
	Route      *Route
	Variant    string      // the arm that the request counts for; empty outside of experiments
	Arm        string      // the target that is to serve, of an experiment: also for whoever counts for none
	Candidates []Candidate // in the order in which they are tried; may be empty
	Passed     []Passed    // who may not, and why; for people
	Errs       []error     // of rules on the way
}

// Candidate is a target with the request as it can be told it.
type Candidate struct {
	Target *switchyard.Target
	*Fitted
	Rank float64 // what the route picks by: dollars, seconds, …; the lower the sooner
}

// Passed is a target that was passed over.
type Passed struct {
	Target string
	Reason string
	Kind   switchyard.Kind // what the app could change about it: Unsupported or NoKey; empty: nothing
}

// Refusal is the error of a plan without candidates. Its kind is what the app could change, if that is the same for all who
// were passed over; else nobody is to be had.
func (p *Plan) Refusal() *switchyard.Error {
	if len(p.Passed) == 0 {
		return &switchyard.Error{Kind: switchyard.Unavailable, Err: fmt.Errorf("route %q has no targets", p.Route.Name)}
	}
	kind := cmp.Or(p.Passed[0].Kind, switchyard.Unavailable)
	reasons := make([]string, len(p.Passed))
	for i, o := range p.Passed {
		if reasons[i] = o.Target + ": " + o.Reason; o.Kind != kind {
			kind = switchyard.Unavailable
		}
	}
	return &switchyard.Error{Kind: kind, Err: errors.New("no target can serve it: " + strings.Join(reasons, "; "))}
}

// RuleError is a rule that could not be worked out for a request, and so did not match it.
type RuleError struct {
	Of  string // whose rule it is: a route or an experiment, by name
	Err error
}

// OfRoute is what a RuleError is of, if it is the rule of a route.
func OfRoute(name string) string { return "route " + strconv.Quote(name) }

// OfExperiment is the same for the unit of an experiment.
func OfExperiment(name string) string { return "experiment " + strconv.Quote(name) }

func (e *RuleError) Error() string { return e.Of + ": " + e.Err.Error() }

// Unwrap is what went wrong.
func (e *RuleError) Unwrap() error { return e.Err }
