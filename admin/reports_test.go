package admin_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"switchyard"
	"switchyard/config"
	"switchyard/ledger"
	"switchyard/router"
)

// slowBooks take their time to tell of an experiment.
type slowBooks struct {
	takes time.Duration
	asked int
}

func (b *slowBooks) Observations(context.Context, string, func(ledger.Observation) error) error {
	time.Sleep(b.takes) // of the bubble
	b.asked++
	return nil
}

// TestReportsRest: a page that follows an experiment of millions does not keep a processor for itself; a small one's figures are
// always of now, and so are those of an experiment that has been changed.
func TestReportsRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, books := newDesk(t), &slowBooks{takes: time.Second}
		d.Observer = books
		trial := config.Map[router.Experiment]{{Name: "x", Value: router.Experiment{Goal: router.GoalSuccess, Arms: config.Map[float64]{{Name: "a", Value: 1}, {Name: "b", Value: 1}}}}}
		d.Experiments = func() config.Map[router.Experiment] { return trial }
		ask := func(want int, why string) {
			t.Helper()
			for _, path := range []string{"/api/experiments", "/api/experiments/x"} {
				if w := d.call(http.MethodGet, path, ""); w.Code != http.StatusOK {
					t.Errorf("%s: %d %s", path, w.Code, w.Body)
				}
			}
			if books.asked != want {
				t.Errorf("%s: the ledger was read %d times, want %d", why, books.asked, want)
			}
		}
		ask(1, "at first")
		time.Sleep(8 * time.Second)
		ask(1, "soon after")
		time.Sleep(2 * time.Second)
		ask(2, "later")
		trial = config.Map[router.Experiment]{{Name: "x", Value: router.Experiment{Goal: router.GoalCost, Arms: trial[0].Value.Arms}}}
		ask(3, "with another goal")
		books.takes, books.asked = 100*time.Millisecond, 0
		time.Sleep(10 * time.Second)
		ask(2, "a small one")
	})
}

// heldBooks tell of one experiment only when they are let go.
type heldBooks struct{ asked, let chan struct{} }

func (b heldBooks) Observations(_ context.Context, experiment string, _ func(ledger.Observation) error) error {
	if experiment == "slow" {
		close(b.asked)
		<-b.let
	}
	return nil
}

// TestReportsWaitForNoOther: while the report of one experiment is made, another's is told.
func TestReportsWaitForNoOther(t *testing.T) {
	d, books := newDesk(t), heldBooks{make(chan struct{}), make(chan struct{})}
	d.Observer = books
	arms := router.Experiment{Goal: router.GoalSuccess, Arms: config.Map[float64]{{Name: "a", Value: 1}, {Name: "b", Value: 1}}}
	d.Experiments = func() config.Map[router.Experiment] {
		return config.Map[router.Experiment]{{Name: "slow", Value: arms}, {Name: "quick", Value: arms}}
	}
	slow := make(chan int)
	go func() { slow <- d.call(http.MethodGet, "/api/experiments/slow", "").Code }()
	<-books.asked
	if w := d.call(http.MethodGet, "/api/experiments/quick", ""); w.Code != http.StatusOK {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	close(books.let)
	if code := <-slow; code != http.StatusOK {
		t.Errorf("the slow one: %d", code)
	}
}

// fewBooks have three generations of arm a, and none of b.
type fewBooks struct{}

func (fewBooks) Observations(_ context.Context, _ string, note func(ledger.Observation) error) error {
	for range 3 {
		if err := note(ledger.Observation{Variant: "x:a", Target: "a", Outcome: switchyard.OK, Latency: time.Second, Images: 1}); err != nil {
			return err
		}
	}
	return nil
}

// TestExperimentOfFew: a figure that is there, but too young for an interval, is not called unobserved.
func TestExperimentOfFew(t *testing.T) {
	d := newDesk(t)
	d.Observer = fewBooks{}
	d.Experiments = func() config.Map[router.Experiment] {
		return config.Map[router.Experiment]{{Name: "x", Value: router.Experiment{
			Unit: "key.name", Goal: router.GoalLatency, Stop: router.Stop{Confidence: 0.95}, Arms: config.Map[float64]{{Name: "a", Value: 1}, {Name: "b", Value: 1}},
		}}}
	}
	d.login()
	page := d.page("/admin/ai-metrics/experiments")
	d.has(page, "1.0 s")
	for _, text := range []string{"too few for an interval", "nothing observed yet"} {
		if n := strings.Count(page, text); n != 1 {
			t.Errorf("%q stands there %d times", text, n)
		}
	}
}
