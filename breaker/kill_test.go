package breaker_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"switchyard"
	"switchyard/breaker"
)

func TestKilled(t *testing.T) {
	var s breaker.Switches
	if _, ok := s.Stopped("", "fal", ""); ok {
		t.Error("killed by nobody")
	}
	kill := breaker.Kill{Scope: breaker.Provider, Name: "fal", Reason: "wrong faces"}
	if err := s.Set(kill); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		route, provider, target string
		want                    bool
	}{
		{"pro", "fal", "flux", true},
		{"pro", "google", "fal", false}, // a target of that name is another thing
		{"fal", "google", "nano", false},
		{"", "", "", false},
	} {
		if got, ok := s.Stopped(c.route, c.provider, c.target); ok != c.want || ok && got != kill {
			t.Errorf("%+v: got %+v, %v", c, got, ok)
		}
	}
	if lifted, err := s.Lift(breaker.Provider, "fal"); !lifted || err != nil {
		t.Errorf("lift: %v, %v", lifted, err)
	}
	if lifted, _ := s.Lift(breaker.Provider, "fal"); lifted {
		t.Error("lifted twice")
	}
	if _, ok := s.Stopped("", "fal", ""); ok {
		t.Error("still killed")
	}
}

func TestKillAllAndBypass(t *testing.T) {
	var s breaker.Switches
	_ = s.Set(breaker.Kill{Scope: breaker.All})
	if _, ok := s.Stopped("r", "p", "t"); !ok || s.Bypassed() {
		t.Error("all does not stop")
	}
	_ = s.Set(breaker.Kill{Scope: breaker.All, Bypass: true})
	if _, ok := s.Stopped("r", "p", "t"); ok || !s.Bypassed() {
		t.Error("bypass stops")
	}
	_ = s.Set(breaker.Kill{Scope: breaker.Target, Name: "t"})
	if k, ok := s.Stopped("r", "p", "t"); !ok || k.Scope != breaker.Target {
		t.Error("a bypass hides the target's kill")
	}
}

func TestKillExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s breaker.Switches
		_ = s.Set(breaker.Kill{Scope: breaker.Route, Name: "r", Until: time.Now().Add(time.Minute)})
		if _, ok := s.Stopped("r", "", ""); !ok || len(s.List()) != 1 {
			t.Error("not killed")
		}
		pass(time.Minute)
		if _, ok := s.Stopped("r", "", ""); ok || len(s.List()) != 0 {
			t.Error("still killed")
		}
	})
}

// TestAbortIsOfItsPlaceAndTime: an abort in force cuts nothing elsewhere, and one that is over nothing at all.
func TestAbortIsOfItsPlaceAndTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s breaker.Switches
		var cut []string
		watch := func(provider string) { s.Watch("pro", provider, "flux", func() { cut = append(cut, provider) }) }
		watch("fal")
		watch("google")
		_ = s.Set(breaker.Kill{Scope: breaker.Provider, Name: "fal", Abort: true, Until: time.Now().Add(time.Minute)})
		watch("replicate")
		pass(time.Minute)
		watch("fal")
		if !slices.Equal(cut, []string{"fal"}) {
			t.Errorf("cut: %q", cut)
		}
	})
}

func TestKillValidate(t *testing.T) {
	for _, c := range []struct {
		kill breaker.Kill
		want string
	}{
		{breaker.Kill{Scope: "model", Name: "x"}, `kill: scope "model": want provider, target, route or all`},
		{breaker.Kill{Scope: breaker.All, Name: "x"}, `kill: scope all takes no name, got "x"`},
		{breaker.Kill{Scope: breaker.Route}, `kill: scope route needs a name`},
		{breaker.Kill{Scope: breaker.Route, Name: "x", Bypass: true}, `kill: bypass is for scope all`},
		{breaker.Kill{Scope: breaker.All, Bypass: true, Abort: true}, `kill: bypass and abort exclude each other`},
	} {
		var s breaker.Switches
		if err := s.Set(c.kill); err == nil || err.Error() != c.want {
			t.Errorf("%+v: got %v, want %s", c.kill, err, c.want)
		}
		if err := s.Restore([]breaker.Kill{c.kill}); err == nil {
			t.Errorf("%+v: restored", c.kill)
		}
	}
}

func TestAbortCutsWhatItStops(t *testing.T) {
	var s breaker.Switches
	cut := map[string]int{}
	watch := func(name, route, provider, target string) func() {
		return s.Watch(route, provider, target, func() { cut[name]++ })
	}
	defer watch("flux", "pro", "fal", "flux")()
	defer watch("nano", "pro", "google", "nano")()
	watch("over", "pro", "fal", "flux")()
	_ = s.Set(breaker.Kill{Scope: breaker.Provider, Name: "fal"})
	if len(cut) != 0 {
		t.Errorf("without abort: %v", cut)
	}
	_ = s.Set(breaker.Kill{Scope: breaker.Target, Name: "flux", Abort: true})
	if cut["flux"] != 1 || len(cut) != 1 { // though the provider's kill, which has no abort, is the wider one
		t.Errorf("aborted target: %v", cut)
	}
	defer watch("late", "trial", "fal", "flux")()
	if cut["late"] != 1 {
		t.Error("what begins after an abort is not cut")
	}
	_ = s.Set(breaker.Kill{Scope: breaker.Route, Name: "pro", Abort: true})
	_ = s.Set(breaker.Kill{Scope: breaker.All, Abort: true})
	if cut["nano"] != 2 || cut["over"] != 0 {
		t.Errorf("aborted route, then all: %v", cut)
	}
}

func TestRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := breaker.Kill{Scope: breaker.Provider, Name: "fal", Reason: "wrong faces"}.Refusal()
		if !errors.Is(e, breaker.ErrKilled) || e.Kind != switchyard.Unavailable || e.RetryAfter != 0 {
			t.Errorf("got %#v", e)
		}
		if want := `unavailable: stopped by hand: provider "fal": wrong faces`; e.Error() != want {
			t.Errorf("got %s, want %s", e, want)
		}
		if e := (breaker.Kill{Scope: breaker.All, Until: time.Now().Add(time.Minute)}).Refusal(); e.RetryAfter != time.Minute {
			t.Errorf("comes back after %v", e.RetryAfter)
		}
	})
}

func TestNilSwitchesStopNothing(t *testing.T) {
	var s *breaker.Switches
	if _, ok := s.Stopped("r", "p", "t"); ok || s.Bypassed() || s.List() != nil {
		t.Error("nil stops")
	}
	s.Watch("r", "p", "t", nil)()
}

// disk is a Keeper that may be full.
type disk struct {
	saved []breaker.Kill
	err   error
}

func (d *disk) SaveKills(kills []breaker.Kill) error { d.saved = kills; return d.err }

func TestKeeper(t *testing.T) {
	d := &disk{}
	s := breaker.Switches{Keeper: d}
	fal := breaker.Kill{Scope: breaker.Provider, Name: "fal"}
	flux := breaker.Kill{Scope: breaker.Target, Name: "flux"}
	if err := s.Restore([]breaker.Kill{flux}); err != nil || d.saved != nil {
		t.Errorf("restore: %v, saved %v", err, d.saved)
	}
	if err := s.Set(fal); err != nil || len(d.saved) != 2 {
		t.Errorf("set: %v, saved %v", err, d.saved)
	}
	if got := s.List(); !slices.Equal(got, []breaker.Kill{fal, flux}) {
		t.Errorf("list: %v", got)
	}
	d.err = errors.New("disk full")
	if _, err := s.Lift(breaker.Target, "flux"); !errors.Is(err, d.err) || !errors.Is(err, breaker.ErrNotKept) {
		t.Errorf("lift: %v", err)
	}
	if err := s.Set(breaker.Kill{Scope: breaker.All}); !errors.Is(err, d.err) {
		t.Errorf("set: %v", err)
	}
	if _, ok := s.Stopped("", "", ""); !ok {
		t.Error("a full disk has stopped the switch")
	}
}

// asking is a Keeper that does not come back before it has asked what is in force.
type asking struct {
	switches *breaker.Switches
	listed   []breaker.Kill
}

func (a *asking) SaveKills([]breaker.Kill) error { a.listed = a.switches.List(); return nil }

// TestListDuringSave: whoever asks what is stopped does not wait for the disk. Each ticket that is submitted asks.
func TestListDuringSave(t *testing.T) {
	var s breaker.Switches
	keeper := &asking{switches: &s}
	s.Keeper = keeper
	fal := breaker.Kill{Scope: breaker.Provider, Name: "fal"}
	if err := s.Set(fal); err != nil || !slices.Equal(keeper.listed, []breaker.Kill{fal}) {
		t.Errorf("%v, listed %v", err, keeper.listed)
	}
}

func TestSwitchesManyAtOnce(t *testing.T) {
	var s breaker.Switches
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			name := string(rune('a' + i))
			for range 200 {
				_ = s.Set(breaker.Kill{Scope: breaker.Target, Name: name})
				if _, ok := s.Stopped("", "", name); !ok {
					t.Error("not in force at once")
				}
				s.Watch("", "", name, func() {})()
				s.List()
				_, _ = s.Lift(breaker.Target, name)
			}
		})
	}
	wg.Wait()
}

func BenchmarkStopped(b *testing.B) {
	var s breaker.Switches
	_ = s.Set(breaker.Kill{Scope: breaker.Target, Name: "other"})
	b.ReportAllocs()
	for b.Loop() {
		s.Stopped("pro", "fal", "flux")
	}
}
