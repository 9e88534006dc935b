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

// TestWhatHadEndedIsReported: of the jobs that a process left at a target which is not to be had any more, some had ended. What they cost
// is part of what the generation did, and is not booked anew.
func TestWhatHadEndedIsReported(t *testing.T) {
	b := newBench(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(picture()) })
	req := &switchyard.Request{Images: 2}
	paid := switchyard.Cost{Amount: 5, Basis: switchyard.BasisBook, Charge: switchyard.ChargeSettled}
	held := []switchyard.Attempt{
		{ID: "x", Number: 1, Part: 1, Target: "gone", Job: "one", Stage: switchyard.Answered, Outcome: switchyard.OK, Images: 1, Cost: paid},
		{ID: "y", Number: 1, Part: 2, Target: "gone", Job: "two", Stage: switchyard.Sent},
	}
	b.book.note(&b.book.opened, held[1])
	_, report, err := b.runner.Run(t.Context(), &attempt.Job{
		Generation: "g", Request: req, Plan: &router.Plan{Route: &b.route}, Journal: &b.book, Gone: b.gone, Held: held,
	})
	if e := switchyard.AsError(err); e.Outcome != switchyard.Lost {
		t.Errorf("it ended with %v", err)
	}
	if got := report.Attempts; len(got) != 2 || got[0].ID != "x" || got[0].Outcome != switchyard.OK || got[0].Cost != paid || got[1].Outcome != switchyard.Lost {
		t.Errorf("the report has %+v", got)
	}
	if got := b.book.settled; len(got) != 1 || got[0].ID != "y" {
		t.Errorf("the journal was told %+v", got)
	}
}

// TestNobodyIsPaidTwiceAfterAJobFails: a target that an earlier process may have paid for the same generation had its turn, also where the
// job that it left at another target comes to nothing, and whatever it is called by now. One that is known to be unpaid is asked.
func TestNobodyIsPaidTwiceAfterAJobFails(t *testing.T) {
	for charge, want := range map[switchyard.Charge]int{switchyard.ChargePossible: 0, switchyard.ChargeSettled: 0, switchyard.ChargeNone: 1} {
		asked := 0
		b := newBench(t, func(w http.ResponseWriter, r *http.Request) {
			switch r.Method {
			case http.MethodGet:
				_, _ = w.Write([]byte("no picture"))
			case http.MethodPost:
				asked++
				_, _ = w.Write(picture())
			}
		})
		b.runner.Dialects["fragile"] = fragile{}
		req := &switchyard.Request{Images: 1}
		first, second := b.target("a", 1, req), b.target("b", 1, req)
		second.Target.Dialect = "fragile"
		held := switchyard.Attempt{ID: "y", Number: 2, Target: "b", Provider: "b", Model: "b", Job: "job", Stage: switchyard.Sent}
		b.book.note(&b.book.opened, held)
		ans, _, err := b.runner.Run(t.Context(), &attempt.Job{
			Generation: "g", Request: req, Plan: &router.Plan{Route: &b.route, Candidates: []router.Candidate{first, second}},
			Journal: &b.book, Gone: b.gone, Held: []switchyard.Attempt{held},
			Earlier: []switchyard.Attempt{{ID: "x", Number: 1, Target: "native:a", Provider: "a", Model: "a", Cost: switchyard.Cost{Charge: charge}}},
		})
		if ans != nil {
			ans.Close()
		}
		if asked != want || (err == nil) != (want == 1) {
			t.Errorf("%s: it was asked %d times, want %d; %v", charge, asked, want, err)
		}
	}
}
