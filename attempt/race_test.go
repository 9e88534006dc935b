package attempt_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"switchyard"
	"switchyard/attempt"
	"switchyard/breaker"
	"switchyard/limit"
	"switchyard/router"
	"switchyard/spool"
)

// raceAfter is how long the first target has to itself in these tests.
const raceAfter = 20 * time.Millisecond

// race runs a job that may be hedged, whose app is always there.
func (b *bench) race(cs ...router.Candidate) (*attempt.Answer, *attempt.Report, error) {
	b.Helper()
	b.route.Name = "fast"
	if b.route.Hedge == nil {
		b.route.Hedge = &router.Hedge{After: router.HedgeAfter{Fixed: raceAfter}, MaxExtra: 1}
	}
	body, err := b.runner.Pool.ReadJSON(strings.NewReader("{}"), 2, 2)
	if err != nil {
		b.Fatal(err)
	}
	defer body.Close() // as a front does when the app has its answer
	req := cs[0].Request
	return b.runner.Run(context.Background(), &attempt.Job{
		Generation: "g", Request: req, Message: &spool.Message{Body: body}, Plan: &router.Plan{Route: &b.route, Candidates: cs},
		Journal: &b.book, Gone: b.gone, Hedging: b.pace.Hedging(&b.route, req),
	})
}

// paths is a server with a handler for each path; one without has a picture at once.
type paths map[string]http.HandlerFunc

func (p paths) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h := p[r.URL.Path]; h != nil {
		h(w, r)
		return
	}
	_, _ = w.Write(picture())
}

func broken(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }

// TestHedgeAwaits: the second target serves, and the picture that the first one is making is awaited and booked.
func TestHedgeAwaits(t *testing.T) {
	answered := make(chan struct{})
	b := newBench(t, paths{"/a": func(w http.ResponseWriter, _ *http.Request) {
		<-answered
		_, _ = w.Write(picture())
	}}.ServeHTTP)
	req := &switchyard.Request{Images: 1}
	ans, report, err := b.race(b.target("a", 1, req), b.target("b", 1, req), b.target("c", 1, req))
	if err != nil || ans.Target.Name != "b" || report.Rest == nil || !report.Hedged {
		t.Fatalf("%v, %+v", err, report)
	}
	ans.Close()
	if got := charges(report.Attempts); !slices.Equal(got, []string{"b ok settled"}) {
		t.Errorf("%q", got)
	}
	if got := charges(report.Open); !slices.Equal(got, []string{"a  possible"}) || report.Open[0].Cost.Amount != switchyard.Dollar/100 {
		t.Errorf("under way: %q", got)
	}
	close(answered)
	rest := report.Rest()
	if got := charges(rest); !slices.Equal(got, []string{"a ok settled"}) {
		t.Fatalf("the loser came to %q", got)
	}
	begun := func(a switchyard.Attempt) string {
		return fmt.Sprint(a.ID, a.Generation, a.Number, a.Target, a.Provider, a.Model, a.Started, a.Estimate)
	}
	if open, end := begun(report.Open[0]), begun(rest[0]); open != end {
		t.Errorf("under way it was %s, and in the end %s", open, end)
	}
	if next := b.pace.Hedging(&b.route, req); !next.Take() || next.Take() {
		t.Error("the next request has another credit than its own")
	}
	if report.Attempts[0].Number != 2 {
		t.Errorf("the second target is number %d", report.Attempts[0].Number)
	}
}

// TestHedgeCancels: the job of a loser is cancelled at its provider.
func TestHedgeCancels(t *testing.T) {
	canceled := make(chan struct{})
	b := newBench(t, paths{
		"/a": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) },
		"/job": func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodDelete {
				close(canceled)
			}
			w.WriteHeader(http.StatusAccepted)
		},
	}.ServeHTTP)
	req := &switchyard.Request{Images: 1}
	ans, report, err := b.race(b.target("a", 1, req), b.target("b", 1, req))
	if err != nil {
		t.Fatal(err)
	}
	ans.Close()
	if got := charges(report.Rest()); !slices.Equal(got, []string{"a canceled possible"}) {
		t.Errorf("the loser came to %q", got)
	}
	<-canceled
}

// TestHedgeFirstWins: the first target may still be first, and then the second one is the loser.
func TestHedgeFirstWins(t *testing.T) {
	asked, answered := make(chan struct{}), make(chan struct{})
	b := newBench(t, paths{
		"/a": func(w http.ResponseWriter, _ *http.Request) { <-asked; _, _ = w.Write(picture()) },
		"/b": func(w http.ResponseWriter, _ *http.Request) { close(asked); <-answered; broken(w, nil) },
	}.ServeHTTP)
	req := &switchyard.Request{Images: 1}
	ans, report, err := b.race(b.target("a", 1, req), b.target("b", 1, req))
	if err != nil || ans.Target.Name != "a" {
		t.Fatalf("%v", err)
	}
	ans.Close()
	close(answered)
	if got := charges(report.Rest()); !slices.Equal(got, []string{"b overloaded none"}) {
		t.Errorf("the loser came to %q", got)
	}
}

// TestHedgeFails: one that fails leaves the other all the time there is; if both do, the next target is tried, alone.
func TestHedgeFails(t *testing.T) {
	var failed chan struct{} // closed when b has failed
	later := func(then http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { <-failed; then(w, r) }
	}
	for name, c := range map[string]struct {
		server paths
		want   []string
	}{
		"second fails": {
			paths{"/a": later(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(picture()) }), "/b": broken},
			[]string{"a ok settled", "b overloaded none"},
		},
		"both fail": {
			paths{"/a": later(broken), "/b": broken},
			[]string{"a overloaded none", "b overloaded none", "c ok settled"},
		},
		"first fails at once": {paths{"/a": broken}, []string{"a overloaded none", "b ok settled"}},
		"all fail":            {paths{"/a": later(broken), "/b": broken, "/c": broken}, []string{"a overloaded none", "b overloaded none", "c overloaded none"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, c.server.ServeHTTP)
			failed = make(chan struct{})
			b.runner.Breaker = told{&b.breakers, "b", failed}
			if name == "first fails at once" { // also on a machine that has other things to do
				b.route.Hedge = &router.Hedge{After: router.HedgeAfter{Fixed: time.Minute}, MaxExtra: 1}
			}
			req := &switchyard.Request{Images: 1}
			ans, report, err := b.race(b.target("a", 1, req), b.target("b", 1, req), b.target("c", 1, req))
			if ans != nil {
				ans.Close()
			}
			if failed := name == "all fail"; (err != nil) != failed || (ans == nil) != failed {
				t.Errorf("%+v, %v", ans, err)
			}
			attempts := report.Attempts
			if len(attempts) < len(c.want) && report.Rest != nil { // b was still on its way back when a had won
				attempts = append(attempts, report.Rest()...)
			}
			if got := charges(attempts); !slices.Equal(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// TestHedgeOnce: a request is hedged once, however much its route has saved up, and not at all where that is nothing.
func TestHedgeOnce(t *testing.T) {
	for _, extra := range []router.Share{0, 2} {
		asked := make(chan struct{})
		b := newBench(t, paths{
			"/a": func(w http.ResponseWriter, r *http.Request) {
				if extra > 0 {
					<-asked
				}
				broken(w, r)
			},
			"/b": func(w http.ResponseWriter, r *http.Request) { close(asked); broken(w, r) },
		}.ServeHTTP)
		b.route.Hedge = &router.Hedge{After: router.HedgeAfter{Fixed: 1}, MaxExtra: extra}
		req := &switchyard.Request{Images: 1}
		ans, report, err := b.race(b.target("a", 1, req), b.target("b", 1, req), b.target("c", 1, req), b.target("d", 1, req))
		if err != nil {
			t.Fatal(err)
		}
		ans.Close()
		want := []string{"a overloaded none", "b overloaded none", "c ok settled"}
		if got := charges(report.Attempts); !slices.Equal(got, want) || report.Rest != nil || report.Hedged != (extra > 0) {
			t.Errorf("a share of %v: %q, want %q, hedged %v", extra, got, want, report.Hedged)
		}
	}
}

// TestHedgeNotNeeded: the first target has its time to itself.
func TestHedgeNotNeeded(t *testing.T) {
	b := newBench(t, paths{}.ServeHTTP)
	b.route.Hedge = &router.Hedge{After: router.HedgeAfter{Fixed: time.Minute}, MaxExtra: 1}
	req := &switchyard.Request{Images: 1}
	ans, report, err := b.race(b.target("a", 1, req), b.target("b", 1, req))
	if err != nil {
		t.Fatal(err)
	}
	ans.Close()
	if got := charges(report.Attempts); !slices.Equal(got, []string{"a ok settled"}) || report.Hedged {
		t.Errorf("%q, hedged %v", got, report.Hedged)
	}
}

// TestHedgePassesOver: a second target that may not be tried leaves its place to the third, and nobody is reported twice.
func TestHedgePassesOver(t *testing.T) {
	answered := make(chan struct{})
	b := newBench(t, paths{"/a": func(w http.ResponseWriter, _ *http.Request) { <-answered; _, _ = w.Write(picture()) }}.ServeHTTP)
	done, err := b.breakers.Allow("b")
	if err != nil {
		t.Fatal(err)
	}
	done(switchyard.RateLimited, time.Minute)
	req := &switchyard.Request{Images: 1}
	ans, report, err := b.race(b.target("a", 1, req), b.target("b", 1, req), b.target("c", 1, req))
	if err != nil || ans.Target.Name != "c" {
		t.Fatal(err)
	}
	ans.Close()
	close(answered)
	report.Rest()
	if len(report.Passed) != 1 || report.Passed[0].Target != "b" {
		t.Errorf("passed over: %+v", report.Passed)
	}
}

// TestHedgeNobody: a race in which nobody is asked besides the first is none, and leaves the route's credit to a request that can use it.
func TestHedgeNobody(t *testing.T) {
	full := limit.Name{Scope: limit.Target, Name: "b"}
	for name, c := range map[string]struct {
		patience time.Duration // with b's limit
		first    http.HandlerFunc
	}{
		"passed over":       {0, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(picture()) }},
		"passed over twice": {0, broken},
		"in line":           {time.Hour, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(picture()) }},
	} {
		t.Run(name, func(t *testing.T) {
			asked := make(chan struct{})
			b := newBench(t, paths{"/a": func(w http.ResponseWriter, r *http.Request) { <-asked; c.first(w, r) }}.ServeHTTP)
			b.runner.Breaker = asking{&b.breakers, "b", asked}
			b.limits.Configure(map[limit.Name]limit.Config{full: {Concurrent: 1}})
			release, err := b.limits.Acquire(t.Context(), []limit.Name{full}, 0, 0)
			if err != nil {
				t.Fatal(err)
			}
			b.route.Patience = c.patience
			b.route.Hedge = &router.Hedge{After: router.HedgeAfter{Fixed: 1}, MaxExtra: 1}
			req := &switchyard.Request{Images: 1}
			ans, report, _ := b.race(b.target("a", 1, req), b.target("b", 1, req))
			if ans != nil {
				ans.Close()
			}
			release()
			if report.Rest != nil {
				report.Rest()
			}
			if len(report.Attempts) != 1 || report.Hedged {
				t.Errorf("%q, hedged %v", charges(report.Attempts), report.Hedged)
			}
			next, left := b.pace.Hedging(&b.route, req), 0
			for next.Take() {
				left++
			}
			if left != 2 { // its own, and the one that was not used
				t.Errorf("%d credits are left", left)
			}
		})
	}
}

// asking is a breaker that says when a target is about to be asked.
type asking struct {
	attempt.Breaker
	of   string
	told chan struct{}
}

func (b asking) Allow(target string) (breaker.Done, error) {
	if target == b.of {
		close(b.told)
	}
	return b.Breaker.Allow(target)
}

// TestHedgeSoonest: when nobody of those who race can be asked, the app is told when it is soonest worth coming back, by whoever says so.
func TestHedgeSoonest(t *testing.T) {
	b := newBench(t, paths{}.ServeHTTP)
	place := limit.Name{Scope: limit.Target, Name: "a"}
	b.limits.Configure(map[limit.Name]limit.Config{place: {Concurrent: 1}})
	release, err := b.limits.Acquire(t.Context(), []limit.Name{place}, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	b.route.Patience = 4 * raceAfter // with a's limit, which then says a second
	for name, wait := range map[string]time.Duration{"b": time.Minute, "c": 10 * time.Minute} {
		done, err := b.breakers.Allow(name)
		if err != nil {
			t.Fatal(err)
		}
		done(switchyard.RateLimited, wait)
	}
	req := &switchyard.Request{Images: 1}
	_, report, err := b.race(b.target("a", 1, req), b.target("b", 1, req), b.target("c", 1, req))
	if e := switchyard.AsError(err); e.RetryAfter != time.Second || len(report.Passed) != 3 {
		t.Errorf("after %v: %v; passed over %+v", e.RetryAfter, err, report.Passed)
	}
	b.route.Patience = 0
	_, _, err = b.race(b.target("b", 1, req), b.target("c", 1, req))
	if e := switchyard.AsError(err); e.RetryAfter > time.Minute {
		t.Errorf("after %v: %v", e.RetryAfter, err)
	}
}

// TestHedgeRefused: what one provider says of the request itself is the end of it, though the other fails later, and otherwise.
func TestHedgeRefused(t *testing.T) {
	refused := make(chan struct{})
	b := newBench(t, paths{
		"/a": func(w http.ResponseWriter, r *http.Request) { <-refused; broken(w, r) },
		"/b": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) },
	}.ServeHTTP)
	b.runner.Breaker = told{&b.breakers, "b", refused}
	req := &switchyard.Request{Images: 1}
	ans, report, err := b.race(b.target("a", 1, req), b.target("b", 1, req), b.target("c", 1, req))
	if ans != nil {
		ans.Close()
	}
	if e := switchyard.AsError(err); e.Outcome != switchyard.Refused {
		t.Errorf("the app is told %v", err)
	}
	got := charges(report.Attempts)
	if slices.Sort(got); !slices.Equal(got, []string{"a overloaded none", "b refused none"}) {
		t.Errorf("%q", got)
	}
}

// told is a breaker that says when it has heard of a target.
type told struct {
	attempt.Breaker
	of    string
	heard chan struct{}
}

func (b told) Allow(target string) (breaker.Done, error) {
	done, err := b.Breaker.Allow(target)
	if err != nil || target != b.of {
		return done, err
	}
	return func(o switchyard.Outcome, after time.Duration) { done(o, after); close(b.heard) }, nil
}

// TestHedgeTellsPossible: what the loser has been charged before it lost is told with what it has under way.
func TestHedgeTellsPossible(t *testing.T) {
	again, answered := make(chan struct{}), make(chan struct{})
	calls := 0
	b := newBench(t, paths{
		"/a": func(w http.ResponseWriter, r *http.Request) {
			if calls++; calls == 1 {
				broken(w, r)
				return
			}
			close(again)
			<-answered
			_, _ = w.Write(picture())
		},
		"/b": func(w http.ResponseWriter, _ *http.Request) { <-again; _, _ = w.Write(picture()) },
	}.ServeHTTP)
	req := &switchyard.Request{Images: 1}
	first := b.target("a", 1, req)
	first.Target.Retries = 1
	ans, report, err := b.race(first, b.target("b", 1, req))
	if err != nil {
		t.Fatal(err)
	}
	ans.Close()
	if got := charges(report.Open); !slices.Equal(got, []string{"a  possible", "a overloaded none"}) {
		t.Errorf("before the loser's end: %q", got)
	}
	close(answered)
	report.Rest()
}
