package attempt_test

import (
	"net/http"
	"testing"
	"time"

	"switchyard"
	"switchyard/attempt"
	"switchyard/router"
)

// TestRecalledBeforeItBegan: a job is found again, and the clock, which has been put back since, says that it has not begun yet. It
// took no time, and not less.
func TestRecalledBeforeItBegan(t *testing.T) {
	b := newBench(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(picture()) })
	b.runner.Dialects["fragile"] = fragile{}
	req := &switchyard.Request{Images: 1}
	c := b.target("a", 1, req)
	c.Target.Dialect = "fragile"
	held := switchyard.Attempt{ID: "x", Number: 1, Target: "a", Provider: "a", Model: "a", Job: "job", Stage: switchyard.Sent, Started: time.Now().Add(time.Hour)}
	b.book.note(&b.book.opened, held)
	ans, report, err := b.runner.Run(t.Context(), &attempt.Job{
		Generation: "g", Request: req, Plan: &router.Plan{Route: &b.route, Candidates: []router.Candidate{c}},
		Journal: &b.book, Gone: b.gone, Held: []switchyard.Attempt{held},
	})
	if err != nil {
		t.Fatal(err)
	}
	ans.Close()
	if took := report.Attempts[0].Latency; took != 0 {
		t.Errorf("it took %v", took)
	}
}
