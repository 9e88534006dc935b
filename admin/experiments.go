package admin

import (
	"context"
	"math"
	"net/http"

	"switchyard"
	"switchyard/config"
	"switchyard/ledger"
	"switchyard/router"
	"switchyard/router/evidence"
)

// Observer tells what experiments learn from; a Database of package ledger is one.
type Observer interface {
	Observations(ctx context.Context, experiment string, tell func(ledger.Observation) error) error
}

// experiments lists those of the config, each with its report.
func (h *Handler) experiments(w http.ResponseWriter, r *http.Request) {
	h.Settled(r.Context())
	list := []report{}
	for _, e := range h.Experiments() {
		one, err := h.report(r.Context(), e)
		if err != nil {
			fail(w, http.StatusServiceUnavailable, "the database cannot be read")
			return
		}
		list = append(list, one)
	}
	answer(w, map[string][]report{"experiments": list})
}

func (h *Handler) experiment(w http.ResponseWriter, r *http.Request) {
	h.Settled(r.Context())
	name := r.PathValue("name")
	for _, e := range h.Experiments() {
		if e.Name != name {
			continue
		}
		one, err := h.report(r.Context(), e)
		if err != nil {
			fail(w, http.StatusServiceUnavailable, "the database cannot be read")
			return
		}
		answer(w, one)
		return
	}
	fail(w, http.StatusNotFound, "no such experiment in the config")
}

// study makes a report of all that the ledger has of an experiment.
func (h *Handler) study(ctx context.Context, e config.Entry[router.Experiment]) (report, error) {
	trial := evidence.NewTrial(goalOf[e.Value.Goal], e.Value.Stop.Confidence, e.Value.Arms.Names()...)
	arms := map[string]string{} // :: variant → arm
	for _, name := range e.Value.Arms.Names() {
		arms[router.Variant(e.Name, name)] = name
	}
	err := h.Observer.Observations(ctx, e.Name, func(o ledger.Observation) error {
		arm := arms[o.Variant] // empty, and in no trial, if the config has no such arm any more
		switch {
		case o.Rating == "":
			trial.End(arm, ended(o, arm))
		case o.Target == arm: // else a fallback made the picture
			trial.Rate(arm, o.Rating == ledger.ThumbsUp)
		}
		return nil
	})
	return describe(e, trial), err
}

var goalOf = map[string]evidence.Goal{
	router.GoalSatisfaction: evidence.Satisfaction,
	router.GoalSuccess:      evidence.Success,
	router.GoalLatency:      evidence.Latency,
	router.GoalCost:         evidence.Cost,
}

func ended(o ledger.Observation, arm string) evidence.Generation {
	return evidence.Generation{
		OK:      o.Outcome == switchyard.OK,
		Counts:  o.Outcome != switchyard.Canceled && o.Outcome != switchyard.Lost,
		Seconds: o.Latency.Seconds(),
		Dollars: o.Cost.Amount.Dollars(),
		Priced:  o.Cost.Basis != switchyard.BasisUnknown,
		Images:  o.Images,
		Served:  o.Target == arm,
	}
}

// report is an experiment as JSON.
type report struct {
	Name       string      `json:"name"`
	Unit       string      `json:"unit"`
	Goal       string      `json:"goal"`
	Confidence float64     `json:"confidence"`
	Arms       []armReport `json:"arms"`
	Verdict    verdict     `json:"verdict"`
}

type armReport struct {
	Arm          string   `json:"arm"`
	Weight       float64  `json:"weight"`
	Generations  int      `json:"generations"`
	Served       int      `json:"served"` // by the arm itself, not by a fallback
	Ratings      int      `json:"ratings"`
	Images       int      `json:"images"`
	Success      interval `json:"success"`
	Satisfaction interval `json:"satisfaction"`
	MedianMS     interval `json:"latency_median_ms"`
	P95MS        interval `json:"latency_p95_ms"`
	CostPerImage interval `json:"cost_per_image_usd"`
	UnknownCosts int      `json:"unknown_costs"` // generations with an unknown cost; they are not in cost_per_image_usd
}

// interval is written as null if it is not known.
type interval struct {
	Value *float64 `json:"value"`
	Low   *float64 `json:"low"`
	High  *float64 `json:"high"`
}

type verdict struct {
	Winner       *string `json:"winner"`       // null while nobody has won
	After        int     `json:"after"`        // observations of the goal; 0 without a winner
	Observations int     `json:"observations"` // so far
	Needed       float64 `json:"evidence_needed"`
	Duels        []duel  `json:"duels"`
}

type duel struct {
	Arms     [2]string `json:"arms"`
	Won      [2]int    `json:"won"` // pairs of observations
	Ties     int       `json:"ties"`
	Evidence float64   `json:"evidence"`
	Highest  float64   `json:"evidence_highest"`
}

func describe(e config.Entry[router.Experiment], trial *evidence.Trial) report {
	r := report{Name: e.Name, Unit: e.Value.Unit, Goal: e.Value.Goal, Confidence: e.Value.Stop.Confidence}
	for i, s := range trial.Summaries() {
		r.Arms = append(r.Arms, armReport{
			Arm: s.Name, Weight: e.Value.Arms[i].Value, Generations: s.Generations, Served: s.Served, Ratings: s.Ratings, Images: s.Images,
			Success: times(1, s.Success), Satisfaction: times(1, s.Satisfaction), MedianMS: times(1000, s.Median),
			P95MS: times(1000, s.P95), CostPerImage: times(1, s.Cost), UnknownCosts: s.Unpriced,
		})
	}
	v := trial.Verdict()
	r.Verdict = verdict{After: v.After, Observations: v.Seen, Needed: v.Needed}
	if v.Winner != "" {
		r.Verdict.Winner = &v.Winner
	}
	for _, d := range v.Duels {
		r.Verdict.Duels = append(r.Verdict.Duels, duel{d.Arms, d.Wins, d.Ties, d.Evidence, d.Highest})
	}
	return r
}

func times(factor float64, i evidence.Interval) interval {
	number := func(x float64) *float64 {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return nil
		}
		x *= factor
		return &x
	}
	return interval{number(i.Value), number(i.Low), number(i.High)}
}
