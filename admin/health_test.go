package admin

import (
	"strings"
	"testing"
	"time"

	"switchyard"
	"switchyard/breaker"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// at is an attempt that ended so many seconds after noon.
func at(seconds int, o switchyard.Outcome) switchyard.Attempt {
	return switchyard.Attempt{Provider: "fal", Started: noon.Add(time.Duration(seconds-1) * time.Second), Latency: time.Second, Outcome: o}
}

func probe(seconds int, problem string) Probe {
	return Probe{At: noon.Add(time.Duration(seconds) * time.Second), Problem: problem}
}

func TestProviderHealth(t *testing.T) {
	open := []breaker.State{{Target: "flux", Phase: breaker.Open}, {Target: "native:fal", Phase: breaker.Open}}
	asked := breaker.Counts{Succeeded: 1}
	half := []breaker.State{{Target: "flux", Phase: breaker.Open}, {Target: "native:fal", Phase: breaker.Closed, Counts: asked}}
	other := []breaker.State{{Target: "flux", Phase: breaker.Closed}, {Target: "native:fal", Phase: breaker.Open}}
	tried := []breaker.State{{Target: "flux", Phase: breaker.Open}, {Target: "native:fal", Phase: breaker.HalfOpen}}
	alone := []breaker.State{{Target: "flux", Phase: breaker.Open}, {Target: "native:fal", Phase: breaker.Closed}}
	for _, c := range []struct {
		name   string
		heard  func(*Watch)
		states []breaker.State
		kills  []breaker.Kill
		want   string // problem of the provider
		status string
	}{
		{"nothing heard", nil, nil, nil, "", healthy},
		{"one breaker of two", nil, half, nil, "", degraded},
		{"a target that nobody has asked lately may do", nil, other, nil, "", degraded},
		{"one that is tried again may do", nil, tried, nil, "", degraded},
		{"the only target that anybody asks for", nil, alone, nil, "its breakers are open", down},
		{"all breakers", func(w *Watch) { w.Attempt(at(1, switchyard.Overloaded)) }, open, nil, "its breakers are open", down},
		{"a probe is older than the failures", func(w *Watch) {
			w.Probed("fal", probe(1, ""))
			w.Attempt(at(2, switchyard.Overloaded))
		}, open, nil, "its breakers are open", down},
		{"a probe is younger than the failures", func(w *Watch) {
			w.Attempt(at(1, switchyard.Overloaded))
			w.Probed("fal", probe(2, ""))
		}, open, nil, "", degraded},
		{"a refusal is no failure", func(w *Watch) {
			w.Probed("fal", probe(2, ""))
			w.Attempt(at(3, switchyard.Refused))
		}, open, nil, "", degraded},
		{"a probe failed", func(w *Watch) { w.Probed("fal", probe(2, "status 500")) }, nil, nil, "probe: status 500", down},
		{"a probe failed after live traffic", func(w *Watch) {
			w.Attempt(at(1, switchyard.OK))
			w.Probed("fal", probe(2, "status 500"))
		}, nil, nil, "probe: status 500", down},
		{"live traffic after a failed probe", func(w *Watch) {
			w.Probed("fal", probe(2, "status 500"))
			w.Attempt(at(3, switchyard.OK))
		}, nil, nil, "", healthy},
		{"no probes any more", func(w *Watch) {
			w.Probed("fal", probe(2, "status 500"))
			w.Forget(func(string) bool { return false })
		}, nil, nil, "", healthy},
		{"stopped by hand", nil, nil, []breaker.Kill{{Scope: breaker.Provider, Name: "fal", Reason: "secret"}}, "stopped by hand", down},
		{"a stopped target", nil, nil, []breaker.Kill{{Scope: breaker.Target, Name: "flux"}}, "", degraded},
	} {
		t.Run(c.name, func(t *testing.T) {
			var w Watch
			if c.heard != nil {
				c.heard(&w)
			}
			h := w.Health(Scene{
				Providers: map[string][]string{"fal": {"native:fal", "flux"}}, Breakers: c.states, Kills: c.kills, Now: noon.Add(time.Minute),
			})
			p := h.Providers["fal"]
			if p.Problem != c.want || p.Healthy != (c.want == "") || h.Status != c.status {
				t.Errorf("got %q %+v, want %q %q", h.Status, p, c.status, c.want)
			}
			if strings.Contains(strings.Join(h.Problems, " "), "secret") {
				t.Errorf("everybody can read %q", h.Problems)
			}
		})
	}
}

func TestRuleTroubleIsNamed(t *testing.T) {
	var w Watch
	w.RuleFailed(`route "pro"`, noon)
	w.RuleFailed(`route "pro"`, noon.Add(time.Minute))
	h := w.Health(Scene{Now: noon.Add(2 * time.Minute)})
	want := `the rule of route "pro" failed for 2 requests, the last at 2026-11-24T12:01:00Z`
	if h.Status != degraded || len(h.Problems) != 1 || h.Problems[0] != want {
		t.Errorf("got %q %q", h.Status, h.Problems)
	}
	if h := w.Health(Scene{Now: noon.Add(time.Hour)}); h.Status != healthy {
		t.Errorf("an hour later: %q %q", h.Status, h.Problems)
	}
}
