package admin

import (
	"fmt"
	"net/http"
	"strconv"

	"switchyard"
	"switchyard/router"
)

type experimentsView struct {
	view
	Blind bool
	List  []experimentRow
}

// experimentRow is a report with its arms drawn to one scale.
type experimentRow struct {
	report
	What string // the goal in words
	Arms []armRow
}

type armRow struct {
	armReport
	Goal   drawn
	Cells  []cell
	Winner bool
}

// cell is a figure with its interval, in words.
type cell struct{ Name, Text, Around string }

// drawn is an interval as a bar, in per cent of the scale that all arms share; or why there is none.
type drawn struct {
	Known     bool
	Why       string // if it is not known
	Low, High float64
	Value     float64
	Width     float64
}

func (h *Handler) experimentsPage(w http.ResponseWriter, r *http.Request) {
	v := experimentsView{view: h.view(r, "experiments", "Experiments")}
	for _, e := range h.Experiments() {
		one, err := h.report(r.Context(), e)
		if err != nil {
			v.Blind = true
			break
		}
		v.List = append(v.List, draw(one))
	}
	show(h, w, page[experimentsView]{"experiments", 0, v})
}

var goalWords = map[string]string{
	router.GoalSatisfaction: "thumbs up",
	router.GoalSuccess:      "success",
	router.GoalLatency:      "median time",
	router.GoalCost:         "cost per image",
}

func (a armReport) goal(name string) interval {
	switch name {
	case router.GoalSatisfaction:
		return a.Satisfaction
	case router.GoalSuccess:
		return a.Success
	case router.GoalLatency:
		return a.MedianMS
	}
	return a.CostPerImage
}

func draw(r report) experimentRow {
	row := experimentRow{report: r, What: goalWords[r.Goal]}
	top := 0.0
	for _, a := range r.Arms {
		if i := a.goal(r.Goal); i.High != nil {
			top = max(top, *i.High)
		}
	}
	if r.Goal == router.GoalSatisfaction || r.Goal == router.GoalSuccess || top == 0 {
		top = 1
	}
	for _, a := range r.Arms {
		one := armRow{armReport: a, Winner: r.Verdict.Winner != nil && *r.Verdict.Winner == a.Arm}
		switch i := a.goal(r.Goal); {
		case i.Value == nil:
			one.Goal.Why = "nothing observed yet"
		case i.Low == nil || i.High == nil:
			one.Goal.Why = "too few for an interval"
		default:
			one.Goal = drawn{true, "", 100 * *i.Low / top, 100 * *i.High / top, 100 * *i.Value / top, max(100*(*i.High-*i.Low)/top, 0.5)}
		}
		one.Cells = []cell{
			inWords("Thumbs up", a.Satisfaction, switchyard.Percent), inWords("Success", a.Success, switchyard.Percent),
			inWords("Median", a.MedianMS, millis), inWords("95th percentile", a.P95MS, millis), inWords("Per image", a.CostPerImage, perImage),
		}
		row.Arms = append(row.Arms, one)
	}
	return row
}

func inWords(name string, i interval, say func(float64) string) cell {
	if i.Value == nil {
		return cell{name, "—", ""}
	}
	c := cell{Name: name, Text: say(*i.Value)}
	if i.Low != nil && i.High != nil {
		c.Around = say(*i.Low) + " to " + say(*i.High)
	}
	return c
}

func millis(x float64) string   { return strconv.FormatFloat(x/1000, 'f', 1, 64) + " s" }
func perImage(x float64) string { return fmt.Sprintf("$%.4f", x) }
