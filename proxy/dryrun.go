package proxy

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"switchyard"
	"switchyard/attempt"
	"switchyard/dialect"
	"switchyard/router"
	"switchyard/spool"
)

// dryRunHeader asks what would be done, instead of having it done.
const dryRunHeader = "X-Switchyard-Dry-Run"

// wantsPlan reports whether the app asks for a plan alone. Whoever writes yes, or 2, does not mean to pay.
func (q *request) wantsPlan() bool {
	text := q.r.Header.Get(dryRunHeader)
	yes, err := strconv.ParseBool(text)
	return yes || err != nil && text != "" && !slices.Contains([]string{"no", "off"}, strings.ToLower(text))
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
	Rank     *float64     `json:"rank,omitempty"` // what the route picks by, the lower the sooner; left out if the file's order counts, or it is the last for want of something to go by
	Calls    int          `json:"calls"`          // side by side
	Estimate *json.Number `json:"estimate_usd"`   // null if the price is not known
	Fidelity string       `json:"fidelity"`
	Reason   string       `json:"reason"` // why it stands where it does
}

// PlanPassed is one that would not be.
type PlanPassed struct {
	Target string `json:"target"`
	Reason string `json:"reason"`
}

// tellPlan answers with what would be done for a request. Nothing is sent, and nothing is written down.
func (q *request) tellPlan() error {
	doc := q.planDoc()
	q.rec.Kind, q.rec.Variant = KindPlan, doc.Variant
	body, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return &switchyard.Error{Kind: switchyard.Internal, Err: err}
	}
	return q.write(dialect.JSON(http.StatusOK, "application/json", spool.Bytes(append(body, '\n'))))
}

// DryRun makes the plan for a request that was not sent, as a sidecar that has just started with this config would: with
// nothing learned, and nothing stopped by hand. key is the virtual key that it comes with; nil for the credential in its
// headers.
func (s *Snapshot) DryRun(r *http.Request, key *Key, pool *spool.Pool) (PlanDoc, error) {
	place, ok := s.locate(r)
	if !ok || place.op != dialect.Generate {
		return PlanDoc{}, fmt.Errorf("%s %s asks for no images: it is not planned", r.Method, r.URL.Path)
	}
	q := &request{Handler: &Handler{Runner: &attempt.Runner{Pool: pool}}, snap: s, place: place, r: r, rec: &Record{}}
	q.caller = &caller{key: key, tenant: anonymous}
	if secret := q.takeKey(); key == nil {
		q.caller.own = secret
	}
	msg, err := q.message(r, place, s.Settings.MaxRequestBody) // there is no connection to bound
	if err != nil {
		return PlanDoc{}, err
	}
	defer msg.Body.Close()
	req, err := place.dialect.DecodeRequest(msg)
	if err != nil {
		return PlanDoc{}, err
	}
	q.fill(req)
	return q.planDoc(), nil
}

// planDoc returns who would serve a request now.
func (q *request) planDoc() PlanDoc {
	plan := q.match.Plan(q.caller.hasOwn(), q.now())
	left, _ := q.alive(plan)
	doc := describePlan(q.admitted(left))
	for _, err := range plan.Errs {
		doc.Errors = append(doc.Errors, err.Error())
	}
	return doc
}

// admitted is a plan whose candidates that a breaker keeps out now are passed over, as they would be when they are tried. A route may try
// them all the same if it has no others.
func (q *request) admitted(plan *router.Plan) *router.Plan {
	if q.Breakers == nil {
		return plan
	}
	out := *plan
	out.Candidates, out.Passed = nil, slices.Clip(plan.Passed)
	for _, c := range plan.Candidates {
		if wait := q.Breakers(c.Target.Name).Wait; wait > 0 {
			out.Passed = append(out.Passed, router.Passed{
				Target: c.Target.Name, Reason: fmt.Sprintf("its breaker is open for another %v", max(wait.Round(time.Second), time.Second)),
			})
			continue
		}
		out.Candidates = append(out.Candidates, c)
	}
	if len(out.Candidates) == 0 && plan.Route.TryWhenOpen() {
		return plan
	}
	return &out
}

func describePlan(plan *router.Plan) PlanDoc {
	doc := PlanDoc{Route: plan.Route.Name, Pick: plan.Route.Pick, Variant: plan.Variant, Targets: []PlanTarget{}, Passed: []PlanPassed{}}
	for i := range plan.Candidates {
		c := &plan.Candidates[i]
		t := PlanTarget{
			Target: c.Target.Name, Provider: c.Target.Provider, Model: c.Target.Model,
			Calls: max(c.Calls, 1), Estimate: c.Estimate(c.Request).USD(), Fidelity: c.Fidelity.String(),
		}
		if plan.Route.Pick != router.PickOrder && !math.IsInf(c.Rank, 0) {
			t.Rank = &c.Rank
		}
		t.Reason = reason(plan, c, t.Estimate)
		doc.Targets = append(doc.Targets, t)
	}
	for _, p := range plan.Passed {
		doc.Passed = append(doc.Passed, PlanPassed{p.Target, p.Reason})
	}
	return doc
}

// reason says why a candidate is in its place.
func reason(plan *router.Plan, c *router.Candidate, estimate *json.Number) string {
	switch {
	case plan.Arm != "" && c.Target.Name == plan.Arm:
		return "arm of the experiment"
	case plan.Arm != "":
		return "fallback of the experiment"
	case len(plan.Candidates) == 1:
		return "the only one"
	}
	about := time.Duration(c.Rank * float64(time.Second)).Round(10 * time.Millisecond)
	switch plan.Route.Pick {
	case router.PickCost:
		if estimate == nil {
			return "its price is not known"
		}
		return "costs $" + estimate.String()
	case router.PickLatency:
		if c.Rank == 0 {
			return "nothing is known of its latency"
		}
		return fmt.Sprintf("takes about %v", about)
	case router.PickLoad:
		return fmt.Sprintf("done in about %v", about)
	case router.PickQuality:
		return fmt.Sprintf("quality %d", c.Target.Quality)
	case router.PickWeight:
		return "by chance"
	}
	return "in the file's order"
}
