package breaker

import "time"

// Phase is the state of a breaker.
type Phase string

const (
	Closed   Phase = "closed"    // attempts go through
	Open     Phase = "open"      // none does, until the cooldown ends
	HalfOpen Phase = "half-open" // one does, and decides
)

// State is what a Registry knew of a target at one moment. Looking does not use up the probe of a half-open breaker:
// only Allow does.
type State struct {
	Target    string
	Phase     Phase
	Since     time.Time     // when it came into this phase
	NotBefore time.Time     // by the provider's Retry-After; zero if it never gave one. It may have passed
	Wait      time.Duration // until the target may be tried, by breaker and NotBefore together; 0: now
	Counts    Counts
}

// Counts are outcomes in the window; a change of phase clears them.
type Counts struct {
	Succeeded int
	Failed    int
	Neither   int // filtered, refused, canceled
	Row       int // failures in a row
}

func (e *entry) snapshot() State {
	m := e.live.Load()
	phase := Phase(m.cb.State().String()) // first of all: this call moves open to half-open
	n := m.cb.Counts()
	s := State{
		Target: e.name, Phase: phase, Since: m.last.Load().at, NotBefore: e.notBefore(), Wait: m.wait(),
		Counts: Counts{count(n.TotalSuccesses), count(n.TotalFailures), count(n.TotalExclusions), count(n.ConsecutiveFailures)},
	}
	if phase == HalfOpen && n.Requests <= n.TotalExclusions {
		s.Wait = 0 // no probe is under way: the next attempt will be one
	}
	s.Wait = max(s.Wait, time.Until(s.NotBefore))
	return s
}
