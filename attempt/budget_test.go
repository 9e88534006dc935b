package attempt_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"switchyard"
	"switchyard/limit"
)

// spend puts a budget of cents in force, and checks in the end that nothing stays reserved and the books agree with it.
func (b *bench) spend(scope string, cents switchyard.Money) {
	var budget limit.Budget
	budget.SetDefaults()
	budget.Name, budget.Scope, budget.USD = "few", scope, cents*switchyard.Dollar/100
	b.runner.Budgets = &limit.Budgets{}
	none := func(context.Context, string, time.Time, time.Time) (map[string]limit.Spent, error) { return nil, nil }
	if err := b.runner.Budgets.Configure(b.Context(), []limit.Budget{budget}, time.Now(), none); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		var booked switchyard.Money
		for _, a := range b.book.settled {
			if _, one := budget.One(); one == "" || one == a.Provider {
				booked += a.Cost.Amount
			}
		}
		if s := b.runner.Budgets.States(time.Now())[0]; s.Reserved != (limit.Spent{}) || s.Spent.Money != booked {
			b.Errorf("reserved %+v, and %v spent of %v booked", s.Reserved, s.Spent.Money, booked)
		}
	})
}

// TestBudgetEnds: at the end of the money the request ends, though another target would be there.
func TestBudgetEnds(t *testing.T) {
	b := newBench(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/a" {
			w.Header().Set("Billed", "1")
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		_, _ = w.Write(picture())
	})
	b.spend("all", 2)
	req := &switchyard.Request{Images: 1}
	ans, _, err := b.run(req, b.target("a", 1, req), b.target("b", 1, req)) // a's cent is possible
	if err != nil {
		t.Fatal(err)
	}
	ans.Close()
	ans, report, err := b.run(req, b.target("a", 1, req), b.target("b", 1, req))
	if ans != nil || switchyard.AsError(err).Kind != switchyard.OverBudget || len(report.Attempts) != 0 {
		t.Errorf("%v after %q", err, charges(report.Attempts))
	}
}

// TestBudgetPassesOver: a provider whose money is at its end is passed over, and the report says so.
func TestBudgetPassesOver(t *testing.T) {
	b := newBench(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(picture()) })
	b.spend("provider:a", 3)
	req := &switchyard.Request{Images: 4}
	ans, _, err := b.run(req, b.target("a", 4, req), b.target("b", 1, req))
	if err != nil {
		t.Fatal(err)
	}
	if got := ans.Fidelity.String(); got != "delivered=3/4" {
		t.Errorf("four calls on money for three: %q", got)
	}
	ans.Close()
	ans, report, err := b.run(req, b.target("a", 4, req), b.target("b", 1, req))
	if err != nil {
		t.Fatal(err)
	}
	ans.Close()
	if got := charges(report.Attempts); !slices.Equal(got, []string{"b ok settled"}) || len(report.Passed) != 1 || !strings.Contains(report.Passed[0].Reason, `budget "few"`) {
		t.Errorf("%q, passed over %+v", got, report.Passed)
	}
	if n := report.Attempts[0].Number; n != 1 {
		t.Errorf("the first target that was tried is number %d", n)
	}
}

// TestBudgetNoJournal: what could not be sent gives its money back.
func TestBudgetNoJournal(t *testing.T) {
	b := newBench(t, func(http.ResponseWriter, *http.Request) {})
	b.spend("all", 1)
	b.book.fail = context.DeadlineExceeded
	req := &switchyard.Request{Images: 1}
	for range 3 {
		if _, _, err := b.run(req, b.target("a", 1, req)); switchyard.AsError(err).Kind != switchyard.Unavailable {
			t.Errorf("%v", err)
		}
	}
}
