package breaker_test

import (
	"errors"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"switchyard"
	"switchyard/breaker"
)

// configured is a Registry with one target, "flux".
func configured(c breaker.Config) *breaker.Registry {
	r := &breaker.Registry{}
	r.Configure(map[string]breaker.Config{"flux": c})
	return r
}

// end makes one attempt at flux that ends as o at once.
func end(t *testing.T, r *breaker.Registry, o switchyard.Outcome, retryAfter time.Duration) {
	t.Helper()
	allow(t, r)(o, retryAfter)
}

func allow(t *testing.T, r *breaker.Registry) breaker.Done {
	t.Helper()
	done, err := r.Allow("flux")
	if err != nil {
		t.Fatalf("not allowed: %v", err)
	}
	return done
}

// refused checks that flux may not be tried, and how long from now the caller is told to wait.
func refused(t *testing.T, r *breaker.Registry, after time.Duration) {
	t.Helper()
	done, err := r.Allow("flux")
	if err == nil {
		done(switchyard.Canceled, 0)
		t.Fatal("allowed, want a refusal")
	}
	isRefusal(t, err, after)
}

func isRefusal(t *testing.T, err error, after time.Duration) {
	t.Helper()
	var e *switchyard.Error
	if !errors.As(err, &e) || !errors.Is(err, breaker.ErrOpen) || e.Kind != switchyard.Unavailable && e.Kind != switchyard.Throttled ||
		e.Stage != switchyard.Unsent || e.Target != "flux" {
		t.Fatalf("got %#v", err)
	}
	// gobreaker stays open up to and including the last nanosecond.
	if d := e.RetryAfter - after; d < 0 || d > 1 {
		t.Errorf("RetryAfter is %v, want %v", e.RetryAfter, after)
	}
}

// pass lets time go by in a bubble, where nobody waits for it.
func pass(d time.Duration) { <-time.After(d) }

func phase(t *testing.T, r *breaker.Registry, want breaker.Phase) {
	t.Helper()
	if got := r.State("flux").Phase; got != want {
		t.Errorf("state is %s, want %s", got, want)
	}
}

func TestFailuresInARowOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := configured(breaker.DefaultConfig())
		for range 4 {
			end(t, r, switchyard.Overloaded, 0)
		}
		end(t, r, switchyard.OK, 0)
		for range 4 {
			end(t, r, switchyard.Timeout, 0)
		}
		phase(t, r, breaker.Closed)
		end(t, r, switchyard.Unreachable, 0)
		phase(t, r, breaker.Open)
		refused(t, r, 30*time.Second)
		pass(20 * time.Second)
		refused(t, r, 10*time.Second)
	})
}

func TestRatioOpens(t *testing.T) {
	for name, c := range map[string]struct {
		succeed int
		want    breaker.Phase
	}{"five of ten": {5, breaker.Open}, "five of eleven": {6, breaker.Closed}, "five of nine": {4, breaker.Closed}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := configured(breaker.DefaultConfig())
				for range 4 {
					end(t, r, switchyard.BadReply, 0)
				}
				for range c.succeed {
					end(t, r, switchyard.OK, 0)
				}
				end(t, r, switchyard.BadReply, 0)
				phase(t, r, c.want)
			})
		})
	}
}

func TestOldOutcomesLeaveTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := configured(breaker.Config{Ratio: 0.5, MinRequests: 4, Window: time.Minute, Cooldown: time.Second})
		for range 3 {
			end(t, r, switchyard.Overloaded, 0)
		}
		pass(61 * time.Second)
		end(t, r, switchyard.Overloaded, 0)
		phase(t, r, breaker.Closed)
		if got := r.State("flux").Counts.Failed; got != 1 {
			t.Errorf("%d failures in the window, want 1", got)
		}
	})
}

func TestOutcomesThatBlameNobody(t *testing.T) {
	r := configured(breaker.Config{Failures: 1, Window: time.Minute, Cooldown: time.Second})
	for _, o := range []switchyard.Outcome{switchyard.Filtered, switchyard.Refused, switchyard.Canceled, switchyard.Lost, ""} {
		end(t, r, o, time.Hour) // and their Retry-After means nothing
		phase(t, r, breaker.Closed)
	}
	if got := r.State("flux").Counts; got != (breaker.Counts{Neither: 5}) {
		t.Errorf("counts are %+v", got)
	}
}

func TestEveryBlamedOutcomeCounts(t *testing.T) {
	for _, o := range switchyard.Outcomes() {
		r := configured(breaker.Config{Failures: 1, Window: time.Minute, Cooldown: time.Second})
		end(t, r, o, 0)
		if open := r.State("flux").Phase == breaker.Open; open != o.Blames() {
			t.Errorf("%s: open is %v", o, open)
		}
	}
}

// An attempt may take longer than the window. The library forgets such a one; then a provider that lets every call run
// into its timeout would never be found out.
func TestSlowFailuresCountWhenTheyEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := configured(breaker.Config{Failures: 2, Window: time.Minute, Cooldown: 30 * time.Second})
		a, b := allow(t, r), allow(t, r)
		pass(3 * time.Minute)
		a(switchyard.Timeout, 0)
		phase(t, r, breaker.Closed)
		b(switchyard.Timeout, 0)
		phase(t, r, breaker.Open)
	})
}

func TestOldNewsDoesNotReopen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := configured(breaker.Config{Failures: 1, Window: time.Minute, Cooldown: 30 * time.Second})
		old, older := allow(t, r), allow(t, r)
		end(t, r, switchyard.Overloaded, 0)
		pass(31 * time.Second)
		phase(t, r, breaker.HalfOpen)
		old(switchyard.Timeout, 0) // sent before it opened
		older(switchyard.OK, 0)
		phase(t, r, breaker.HalfOpen)
		probe := allow(t, r)
		probe(switchyard.OK, 0)
		phase(t, r, breaker.Closed)
	})
}

func TestHalfOpenLetsOneThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := configured(breaker.Config{Failures: 1, Window: time.Minute, Cooldown: 30 * time.Second})
		end(t, r, switchyard.Overloaded, 0)
		pass(30*time.Second + 1)
		if s := r.State("flux"); s.Phase != breaker.HalfOpen || s.Wait != 0 {
			t.Errorf("after the cooldown: %+v", s)
		}
		probe := allow(t, r)
		if r.State("flux").Wait == 0 {
			t.Error("ready while a probe is under way")
		}
		refused(t, r, time.Second)
		probe(switchyard.Filtered, 0) // tells nothing: the next one is the probe
		probe = allow(t, r)
		probe(switchyard.Overloaded, 0)
		phase(t, r, breaker.Open)
		refused(t, r, 30*time.Second)
		pass(31 * time.Second)
		end(t, r, switchyard.OK, 0)
		phase(t, r, breaker.Closed)
	})
}

// TestASlowProbe: a probe decides however long it takes.
func TestASlowProbe(t *testing.T) {
	for o, want := range map[switchyard.Outcome]breaker.Phase{switchyard.OK: breaker.Closed, switchyard.Timeout: breaker.Open} {
		synctest.Test(t, func(t *testing.T) {
			r := configured(breaker.Config{Failures: 1, Window: time.Minute, Cooldown: 30 * time.Second})
			end(t, r, switchyard.Overloaded, 0)
			pass(30*time.Second + 1)
			probe := allow(t, r)
			pass(5 * time.Minute)
			probe(o, 0)
			phase(t, r, want)
		})
	}
}

// TestUnconfigured: a target that the registry was never told of has a breaker all the same.
func TestUnconfigured(t *testing.T) {
	var r breaker.Registry
	for range breaker.DefaultConfig().Failures {
		end(t, &r, switchyard.Overloaded, 0)
	}
	phase(t, &r, breaker.Open)
}

func TestDoneCountsOnce(t *testing.T) {
	r := configured(breaker.Config{Failures: 2, Window: time.Minute, Cooldown: time.Second})
	done := allow(t, r)
	done(switchyard.Overloaded, 0)
	done(switchyard.Overloaded, 0)
	phase(t, r, breaker.Closed)
}

func TestNotBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := configured(breaker.DefaultConfig())
		a, b, c := allow(t, r), allow(t, r), allow(t, r)
		a(switchyard.RateLimited, 40*time.Second)
		refused(t, r, 40*time.Second) // though the breaker is closed
		if _, err := r.Allow("flux"); switchyard.AsError(err).Kind != switchyard.Throttled {
			t.Errorf("the provider's word alone is told as %v", err)
		}
		phase(t, r, breaker.Closed)
		b(switchyard.Overloaded, 5*time.Second) // never shortened
		refused(t, r, 40*time.Second)
		c(switchyard.OK, 0) // nor lifted by one that was on its way
		refused(t, r, 40*time.Second)
		pass(40 * time.Second)
		end(t, r, switchyard.RateLimited, 48*time.Hour)
		refused(t, r, breaker.MaxNotBefore)
	})
}

func TestTheLaterOfCooldownAndNotBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := configured(breaker.Config{Failures: 1, Window: time.Minute, Cooldown: 30 * time.Second})
		end(t, r, switchyard.RateLimited, 10*time.Second)
		refused(t, r, 30*time.Second)
		pass(31 * time.Second)
		end(t, r, switchyard.RateLimited, 50*time.Second)
		refused(t, r, 50*time.Second)
		if _, err := r.Allow("flux"); switchyard.AsError(err).Kind != switchyard.Unavailable {
			t.Errorf("with the breaker open as well it is told as %v", err)
		}
		if got := r.State("flux").Wait; got != 50*time.Second {
			t.Errorf("State says %v", got)
		}
	})
}

func TestOffNeverOpens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := configured(breaker.Config{})
		for range 100 {
			end(t, r, switchyard.Overloaded, 0)
		}
		phase(t, r, breaker.Closed)
		end(t, r, switchyard.RateLimited, time.Second)
		refused(t, r, time.Second)
	})
}

func TestForce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := configured(breaker.Config{Failures: 1, Window: time.Minute, Cooldown: 30 * time.Second})
		end(t, r, switchyard.Overloaded, 0)
		first, err := r.Force("flux")
		if err != nil {
			t.Fatal(err)
		}
		_, err = r.Force("flux")
		isRefusal(t, err, time.Second) // one in the whole process
		first(switchyard.Overloaded, 0)
		first(switchyard.OK, 0) // too late
		phase(t, r, breaker.Open)
		second, err := r.Force("flux")
		if err != nil {
			t.Fatal(err)
		}
		first(switchyard.OK, 0) // must not free the second one's turn
		_, err = r.Force("flux")
		isRefusal(t, err, time.Second)
		second(switchyard.OK, 0)
		phase(t, r, breaker.Closed)
		end(t, r, switchyard.OK, 0)
	})
}

func TestForceKeepsTheProvidersWord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := configured(breaker.Config{Failures: 1, Window: time.Minute, Cooldown: time.Second})
		end(t, r, switchyard.RateLimited, time.Minute)
		for range 2 { // a refused one does not keep the turn
			_, err := r.Force("flux")
			isRefusal(t, err, time.Minute)
		}
	})
}

func TestForceDoesNotJoinAProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := configured(breaker.Config{Failures: 1, Window: time.Minute, Cooldown: time.Second})
		end(t, r, switchyard.Overloaded, 0)
		pass(2 * time.Second)
		probe := allow(t, r)
		_, err := r.Force("flux")
		isRefusal(t, err, time.Second)
		probe(switchyard.OK, 0)
		done, err := r.Force("flux") // of a closed one: as Allow
		if err != nil {
			t.Fatal(err)
		}
		done(switchyard.Overloaded, 0)
		phase(t, r, breaker.Open)
	})
}

func TestReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := breaker.Config{Failures: 3, Window: time.Minute, Cooldown: 30 * time.Second}
		r := configured(c)
		end(t, r, switchyard.Overloaded, 0)
		c.Failures = 2
		r.Configure(map[string]breaker.Config{"flux": c})
		end(t, r, switchyard.Overloaded, 0) // the first one still counts
		phase(t, r, breaker.Open)

		c.Cooldown = time.Minute
		r.Configure(map[string]breaker.Config{"flux": c})
		refused(t, r, time.Minute) // open, and by the new cooldown
		pass(61 * time.Second)
		end(t, r, switchyard.OK, 0)
		phase(t, r, breaker.Closed)
		end(t, r, switchyard.Overloaded, 0)
		phase(t, r, breaker.Closed) // what forced it open is gone

		end(t, r, switchyard.Overloaded, time.Minute)
		r.Configure(map[string]breaker.Config{"flux": {}}) // breaker: off
		refused(t, r, time.Minute)                         // the provider's word outlives it
		phase(t, r, breaker.Closed)
	})
}

// TestReloadOfOneSetting: another window or another cooldown alone is in force at once, and opens nothing that is closed.
func TestReloadOfOneSetting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := breaker.Config{Failures: 2, Window: time.Minute, Cooldown: 30 * time.Second}
		r := configured(c)
		c.Cooldown = time.Minute
		r.Configure(map[string]breaker.Config{"flux": c})
		phase(t, r, breaker.Closed)
		c.Window = 10 * time.Second
		r.Configure(map[string]breaker.Config{"flux": c})
		phase(t, r, breaker.Closed)
		end(t, r, switchyard.Overloaded, 0)
		pass(12 * time.Second)
		end(t, r, switchyard.Overloaded, 0) // the first is past the new window
		phase(t, r, breaker.Closed)
		end(t, r, switchyard.Overloaded, 0)
		refused(t, r, time.Minute)
		pass(61 * time.Second)
		end(t, r, switchyard.OK, 0)
		phase(t, r, breaker.Closed)
	})
}

func TestForgottenNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := configured(breaker.DefaultConfig())
		end(t, r, switchyard.RateLimited, time.Minute)
		done, _ := r.Allow("gone")
		done(switchyard.OK, 0)
		r.Configure(nil)
		if got := r.States(); len(got) != 1 || got[0].Target != "flux" {
			t.Errorf("states are %+v", got) // taking a name out and in again must not lift the not-before time
		}
		pass(time.Minute)
		r.Configure(nil)
		if got := r.States(); len(got) != 0 {
			t.Errorf("states are %+v", got)
		}
	})
}

func TestStates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &breaker.Registry{}
		r.Configure(map[string]breaker.Config{"b": breaker.DefaultConfig(), "a": {}})
		start := time.Now()
		pass(time.Second)
		done, _ := r.Allow("b")
		done(switchyard.Overloaded, 3*time.Second)
		got := r.States()
		if len(got) != 2 || got[0].Target != "a" || got[1].Target != "b" {
			t.Fatalf("got %+v", got)
		}
		b := got[1]
		if b.Phase != breaker.Closed || !b.Since.Equal(start.Add(time.Second)) || !b.NotBefore.Equal(start.Add(4*time.Second)) ||
			b.Wait != 3*time.Second || b.Counts != (breaker.Counts{Failed: 1, Row: 1}) {
			t.Errorf("got %+v", b)
		}
	})
}

func TestManyAtOnce(t *testing.T) {
	r := configured(breaker.Config{Failures: 3, Ratio: 0.1, MinRequests: 5, Window: time.Second, Cooldown: time.Millisecond})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 500 {
				f := r.Allow
				if j%7 == 0 {
					f = r.Force
				}
				if done, err := f("flux"); err == nil {
					done([]switchyard.Outcome{switchyard.OK, switchyard.Overloaded, switchyard.Filtered}[(i+j)%3], 0)
				}
				if j%50 == 0 {
					r.Configure(map[string]breaker.Config{"flux": {Failures: uint32(i), Window: time.Duration(1+j) * time.Second, Cooldown: 1}})
					r.States()
				}
			}
		})
	}
	wg.Wait()
}

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		config breaker.Config
		want   string
	}{
		{breaker.Config{}, ""},
		{breaker.DefaultConfig(), ""},
		{breaker.Config{Failures: 1, Window: time.Minute, Cooldown: time.Second}, ""},
		{breaker.Config{Failures: 1, Ratio: 1.5}, "breaker.ratio: must be from 0 to 1, got 1.5\n" +
			"breaker.min_requests: must be at least 1 where ratio is set\n" +
			"breaker.window: must be at least 1s, got 0s\nbreaker.cooldown: must be positive, got 0s"},
		{breaker.Config{Ratio: math.NaN(), Window: time.Minute, Cooldown: 1}, "breaker.ratio: must be from 0 to 1, got NaN"},
	} {
		got := ""
		if err := c.config.Validate(); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%+v:\n got %s\nwant %s", c.config, got, c.want)
		}
	}
}

// TestAnAttemptAllocatesLittle: the closures in which Allow, gobreaker and begin remember whose turn it is.
func TestAnAttemptAllocatesLittle(t *testing.T) {
	r := configured(breaker.DefaultConfig())
	if n := testing.AllocsPerRun(100, func() { end(t, r, switchyard.OK, 0) }); n > 6 {
		t.Errorf("an attempt makes %v allocations", n)
	}
}

func BenchmarkAllow(b *testing.B) {
	r := configured(breaker.DefaultConfig())
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			done, err := r.Allow("flux")
			if err != nil {
				b.Error(err)
				return
			}
			done(switchyard.OK, 0)
		}
	})
}

// TestRetryAfterByNoClock: how long the provider has asked to wait is measured, and not read off a clock that may be put right
// meanwhile: one that was years ahead when the machine came up would take a target out for as long.
func TestRetryAfterByNoClock(t *testing.T) {
	r := configured(breaker.Config{})
	end(t, r, switchyard.RateLimited, time.Minute)
	if until := r.State("flux").NotBefore; !strings.Contains(until.String(), " m=") { // what is measured, besides the clock
		t.Errorf("until %v by the clock", until)
	}
}
