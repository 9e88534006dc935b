package router

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"switchyard"
)

// Plan says which targets may serve one request, in what order, and under which of the route's policies.
type Plan struct {
	Route      *Route
	Variant    string      // the arm that the request counts for; empty outside of experiments
	Arm        string      // in an experiment, the target that is to serve; also for requests that count for no arm
	Candidates []Candidate // in the order in which they are tried; may be empty
	Passed     []Passed    // targets that may not, and why; for people
	Errs       []error     // of rules on the way
}

// Candidate is a target, and the request in the form that it can be told.
type Candidate struct {
	Target *switchyard.Target
	*Fitted
	Rank float64 // what the route picks by: dollars, seconds, …; the lower the sooner
}

// Passed is a target that was passed over.
type Passed struct {
	Target string
	Reason string
	Kind   switchyard.Kind // Unsupported or NoKey if the app could change that; empty: it could not
}

func (p Passed) String() string { return p.Target + ": " + p.Reason }

// Refusal returns the error of a plan without candidates. If all targets were passed over for the same thing that the app
// could change, its kind says so; else it is that nobody is available.
func (p *Plan) Refusal() *switchyard.Error {
	if len(p.Passed) == 0 {
		return &switchyard.Error{Kind: switchyard.Unavailable, Err: fmt.Errorf("route %q has no targets", p.Route.Name)}
	}
	kind := cmp.Or(p.Passed[0].Kind, switchyard.Unavailable)
	reasons := make([]string, len(p.Passed))
	for i, o := range p.Passed {
		if reasons[i] = o.String(); o.Kind != kind {
			kind = switchyard.Unavailable
		}
	}
	return &switchyard.Error{Kind: kind, Err: errors.New("no target can serve it: " + strings.Join(reasons, "; "))}
}

// RuleError is a rule that could not be evaluated for a request, and so did not match it.
type RuleError struct {
	Of  string // whose rule it is: a route or an experiment, by name
	Err error
}

// OfRoute returns the Of of a RuleError for the rule of a route.
func OfRoute(name string) string { return "route " + strconv.Quote(name) }

// OfExperiment returns the same for the unit of an experiment.
func OfExperiment(name string) string { return "experiment " + strconv.Quote(name) }

func (e *RuleError) Error() string { return e.Of + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *RuleError) Unwrap() error { return e.Err }
