package admin

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"switchyard"
	"switchyard/breaker"
)

// Health is what /api/health answers.
type Health struct {
	Status    string                    `json:"status"` // healthy, degraded or down
	Providers map[string]ProviderHealth `json:"providers"`
	Problems  []string                  `json:"problems,omitempty"` // in words, for people
	Alerts    []string                  `json:"alerts,omitempty"`   // those that fire; they do not change the status
	Timestamp time.Time                 `json:"timestamp"`
}

// ProviderHealth is judged by live traffic and by unbilled probes, never by a paid call.
type ProviderHealth struct {
	Healthy bool   `json:"healthy"`
	Latency int64  `json:"latency,omitempty"` // milliseconds, of the latest attempt that went well
	Problem string `json:"problem,omitempty"` // why it is not healthy
}

// The states of Health.
const (
	healthy  = "healthy"
	degraded = "degraded"
	down     = "down"
)

// Watch remembers what live traffic and probes say of providers, and which rules have failed. The zero value is ready;
// safe for concurrent use.
type Watch struct {
	mu     sync.Mutex
	pulses map[string]pulse       // :: provider → the latest news of it
	rules  map[string]ruleTrouble // :: route or experiment → its trouble
}

// pulse is the latest news of a provider.
type pulse struct {
	latency time.Duration // of the latest attempt that went well
	good    time.Time     // when that ended
	bad     time.Time     // when the latest attempt ended whose outcome speaks against the provider
	probe   Probe
}

// Probe is the outcome of an unbilled question to a provider.
type Probe struct {
	At      time.Time // when it was asked; zero: never
	Problem string    // why it did not go well; empty if it did
}

// ruleTrouble says how often a rule has failed, and when last.
type ruleTrouble struct {
	times int
	last  time.Time
}

// ruleMemory is how long Health mentions a rule after it has failed.
const ruleMemory = 15 * time.Minute

// Attempt notes an attempt that has ended.
func (w *Watch) Attempt(a switchyard.Attempt) {
	end := a.Started.Add(a.Latency)
	w.edit(a.Provider, func(p *pulse) {
		switch {
		case a.Outcome == switchyard.OK:
			p.latency = a.Latency
			p.good = later(p.good, end)
		case a.Outcome.Blames():
			p.bad = later(p.bad, end)
		}
	})
}

// Probed notes a probe.
func (w *Watch) Probed(provider string, probe Probe) {
	w.edit(provider, func(p *pulse) { p.probe = probe })
}

// Probes returns the latest ones, by provider.
func (w *Watch) Probes() map[string]Probe {
	w.mu.Lock()
	defer w.mu.Unlock()
	probes := map[string]Probe{}
	for name, p := range w.pulses {
		if !p.probe.At.IsZero() {
			probes[name] = p.probe
		}
	}
	return probes
}

// Forget drops the probes of providers that are not probed any more.
func (w *Watch) Forget(unless func(provider string) bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, p := range w.pulses {
		if !unless(name) {
			p.probe = Probe{}
			w.pulses[name] = p
		}
	}
}

// RuleFailed notes that for one request the rule of a route, or the unit of an experiment, could not be evaluated. of names that
// route or experiment.
func (w *Watch) RuleFailed(of string, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.rules == nil {
		w.rules = map[string]ruleTrouble{}
	}
	t := w.rules[of]
	if at.Sub(t.last) > ruleMemory {
		t.times = 0
	}
	w.rules[of] = ruleTrouble{t.times + 1, later(t.last, at)}
}

func (w *Watch) edit(provider string, change func(*pulse)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.pulses == nil {
		w.pulses = map[string]pulse{}
	}
	p := w.pulses[provider]
	change(&p)
	w.pulses[provider] = p
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// Scene is what else Health depends on.
type Scene struct {
	Providers map[string][]string // :: provider that is switched on → its targets
	Breakers  []breaker.State
	Kills     []breaker.Kill
	Problems  []string
	Refusing  bool // no request can be taken on, however healthy the providers are
	Now       time.Time
}

// Health judges a scene. A provider is healthy, except in these cases: it is stopped by hand; or all its breakers that have a say
// are open, and no probe since then went well; or its latest probe failed, and no live attempt has gone well since. If no provider
// is healthy, or nothing can be taken on, the state is down. If some provider is not healthy, or if there is an open breaker, a
// kill or a problem, it is degraded. Breakers take no notice of probes: that a provider's page answers does not mean that it makes
// pictures.
func (w *Watch) Health(s Scene) Health {
	w.mu.Lock()
	defer w.mu.Unlock()
	states := map[string]breaker.State{}
	for _, b := range s.Breakers {
		states[b.Target] = b
	}
	h := Health{Status: healthy, Providers: map[string]ProviderHealth{}, Timestamp: s.Now.UTC()}
	h.Problems = slices.Concat(s.Problems, killed(s.Kills), w.troubles(s.Now))
	alive, tripped := 0, false
	for name, targets := range s.Providers {
		p := ProviderHealth{Latency: w.pulses[name].latency.Milliseconds()}
		shut, heard := 0, 0
		for _, t := range targets {
			switch b := states[t]; {
			case b.Phase == breaker.Open:
				shut++
				heard++
			case !idle(t, b):
				heard++
			}
		}
		p.Problem = w.pulses[name].problem(shut > 0 && shut == heard)
		if stops(s.Kills, name) {
			p.Problem = breaker.ErrKilled.Error()
		}
		if p.Healthy = p.Problem == ""; p.Healthy {
			alive++
		}
		tripped = tripped || shut > 0
		h.Providers[name] = p
	}
	switch {
	case alive == 0 && len(s.Providers) > 0, s.Refusing:
		h.Status = down
	case alive < len(s.Providers), tripped, len(h.Problems) > 0:
		h.Status = degraded
	}
	return h
}

// idle reports whether a breaker has no say: that of a provider's own models, if no app has asked for one lately. Every provider has it,
// and most are asked for their targets alone.
func idle(target string, b breaker.State) bool {
	return native(target) && (b.Phase == breaker.Closed || b.Phase == "") && b.Counts.Succeeded+b.Counts.Failed == 0
}

// problem returns why a provider is not healthy; empty if it is. allOpen tells that all its breakers are open.
func (p pulse) problem(allOpen bool) string {
	probed := !p.probe.At.IsZero()
	switch {
	case probed && p.probe.Problem != "" && !p.good.After(p.probe.At):
		return "probe: " + p.probe.Problem
	case allOpen && !(probed && p.probe.Problem == "" && p.probe.At.After(p.bad)):
		return "its breakers are open"
	}
	return ""
}

// stops reports whether a provider is stopped by hand.
func stops(kills []breaker.Kill, provider string) bool {
	return slices.ContainsFunc(kills, func(k breaker.Kill) bool {
		return k.Scope == breaker.Provider && k.Name == provider || k.Scope == breaker.All && !k.Bypass
	})
}

// killed names what is stopped by hand, without the reasons: anybody may read health.
func killed(kills []breaker.Kill) (problems []string) {
	for _, k := range kills {
		k.Reason = ""
		text := "stopped by hand: " + k.String()
		if k.Bypass {
			text = "by hand, all requests go to their apps' own providers, past the rules"
		}
		problems = append(problems, text)
	}
	return problems
}

// troubles names the rules that have failed lately. Requires mu.
func (w *Watch) troubles(now time.Time) (problems []string) {
	for _, of := range slices.Sorted(maps.Keys(w.rules)) {
		t := w.rules[of]
		if now.Sub(t.last) > ruleMemory {
			delete(w.rules, of)
			continue
		}
		problems = append(problems, fmt.Sprintf("the rule of %s failed for %d requests, the last at %s", of, t.times, t.last.UTC().Format(time.RFC3339)))
	}
	return problems
}
