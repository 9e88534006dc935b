package proxy

import (
	"encoding/json"
	"net/http"
	"strconv"

	"switchyard"
	"switchyard/dialect"
	"switchyard/router"
	"switchyard/spool"
)

// dryRunHeader asks what would be done, instead of having it done.
const dryRunHeader = "X-Switchyard-Dry-Run"

// wantsPlan reports whether the app asks for a plan alone.
func (q *request) wantsPlan() bool {
	yes, _ := strconv.ParseBool(q.r.Header.Get(dryRunHeader))
	return yes
}

// PlanDoc is a plan as JSON, for a dry run and for the command that makes one from a file.
type PlanDoc struct {
	Route   string       `json:"route"`
	Pick    string       `json:"pick"`
	Variant string       `json:"variant,omitempty"`
	Targets []PlanTarget `json:"targets"` // in the order in which they would be tried
	Passed  []PlanPassed `json:"passed"`  // who would not be, and why
	Errors  []string     `json:"errors,omitempty"`
}

// PlanTarget is one that would be asked.
type PlanTarget struct {
	Target   string       `json:"target"`
	Provider string       `json:"provider"`
	Model    string       `json:"model"`
	Rank     *float64     `json:"rank,omitempty"` // what the route picks by, the lower the sooner; left out if the file's order counts
	Calls    int          `json:"calls"`          // side by side
	Estimate *json.Number `json:"estimate_usd"`   // null if the price is not known
	Fidelity string       `json:"fidelity"`
}

// PlanPassed is one that would not be.
type PlanPassed struct {
	Target string `json:"target"`
	Reason string `json:"reason"`
}

// tellPlan answers with what would be done for a request. Nothing is sent, and nothing is written down.
func (q *request) tellPlan(req *switchyard.Request) error {
	plan, errs := q.snap.Router.Plan(q.facts(req), !q.caller.own.IsZero(), q.now())
	doc := DescribePlan(q.without(plan))
	for _, err := range errs {
		doc.Errors = append(doc.Errors, err.Error())
	}
	q.rec.Kind, q.rec.Route, q.rec.Variant = "plan", plan.Route.Name, plan.Variant
	body, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return &switchyard.Error{Kind: switchyard.Internal, Err: err}
	}
	return q.write(dialect.JSON(http.StatusOK, "application/json", spool.Bytes(append(body, '\n'))))
}

// DescribePlan says a plan in the form of JSON.
func DescribePlan(plan *router.Plan) PlanDoc {
	doc := PlanDoc{Route: plan.Route.Name, Pick: plan.Route.Pick, Variant: plan.Variant, Targets: []PlanTarget{}, Passed: []PlanPassed{}}
	for i := range plan.Candidates {
		c := &plan.Candidates[i]
		t := PlanTarget{
			Target: c.Target.Name, Provider: c.Target.Provider, Model: c.Target.Model,
			Calls: max(c.Calls, 1), Fidelity: c.Fidelity.String(),
		}
		if plan.Route.Pick != router.PickOrder {
			t.Rank = &c.Rank
		}
		if cost := c.Estimate(c.Request); cost.Basis != switchyard.BasisUnknown {
			t.Estimate = new(json.Number(cost.Amount.String()))
		}
		doc.Targets = append(doc.Targets, t)
	}
	for _, p := range plan.Passed {
		doc.Passed = append(doc.Passed, PlanPassed{p.Target, p.Reason})
	}
	return doc
}
