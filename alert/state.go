package alert

import (
	"cmp"
	"slices"
	"time"
)

// Phase is how an alert stands.
type Phase string

const (
	OK       Phase = "ok"
	Pending  Phase = "pending"  // the condition holds, but not yet for long enough
	Firing   Phase = "firing"   // whoever the rule names is notified
	Silenced Phase = "silenced" // the condition holds, and all that it is about is stopped by hand
	Resolved Phase = "resolved" // the phase of a Notice alone: the alert does not fire any more
)

// State is how an alert stands, or the part of it that is about one subject.
type State struct {
	Name    string    `json:"name"` // of the alert, and after a colon its subject
	Rule    string    `json:"rule"`
	Phase   Phase     `json:"phase"`
	Since   time.Time `json:"since"` // when it came into the phase
	Value   float64   `json:"value"`
	Message string    `json:"message"`
	Told    bool      `json:"told"` // there was a notice that it fires, and none yet that it does not any more
	Notify  []string  `json:"notify,omitempty"`
}

// Reading is what an alert's condition comes to just now.
type Reading struct {
	Name     string // as in State
	Rule     string
	For      time.Duration
	Notify   []string
	Holds    bool
	Silenced bool
	Blind    bool // the condition cannot be evaluated just now: all stays as it is
	Value    float64
	Message  string
}

// Notice says that an alert fires, or that it does not any more.
type Notice struct {
	ID     string
	State  State // as it is now; its Phase is Firing or Resolved
	Notify []string
}

// Advance brings the states to now: one for each reading, in their order. A state without a reading is that of a rule that
// is gone; if there was a notice that it fires, there is one that it does not any more. Those who were notified of a
// firing are notified of its end, whomever the rule names by then.
func Advance(states []State, readings []Reading, now time.Time) (next []State, notices []Notice) {
	before := map[string]State{}
	for _, s := range states {
		before[s.Name] = s
	}
	for _, r := range readings {
		was := before[r.Name]
		delete(before, r.Name)
		is := step(was, r, now)
		switch {
		case is.Told && !was.Told:
			notices = append(notices, notice(is, Firing, is.Notify))
		case was.Told && !is.Told:
			notices = append(notices, notice(is, Resolved, was.Notify))
		}
		next = append(next, is)
	}
	for _, s := range states {
		if gone, ok := before[s.Name]; ok && gone.Told {
			gone.Since, gone.Message = now, "there is no such alert any more"
			notices = append(notices, notice(gone, Resolved, gone.Notify))
		}
	}
	return next, notices
}

// step returns the state of one alert after a reading.
func step(was State, r Reading, now time.Time) State {
	is := State{
		Name: r.Name, Rule: r.Rule, Phase: cmp.Or(was.Phase, OK), Since: was.Since, Value: r.Value, Message: r.Message,
		Told: was.Told, Notify: r.Notify,
	}
	if is.Since.IsZero() {
		is.Since = now
	}
	if is.Told {
		is.Notify = was.Notify
	}
	if r.Blind {
		is.Value, is.Message = was.Value, cmp.Or(was.Message, r.Message)
		return is
	}
	switch {
	case !r.Holds:
		is.enter(OK, now)
		is.Told = false
		is.Notify = r.Notify
	case r.Silenced:
		is.enter(Silenced, now)
	case is.Told: // after a silence, or just still firing
		is.enter(Firing, now)
	case is.Phase != Pending:
		is.enter(Pending, now)
	}
	if is.Phase == Pending && now.Sub(is.Since) >= r.For {
		is.enter(Firing, now)
		is.Told = true
	}
	return is
}

// enter changes the phase; if that is the phase already, Since stays.
func (s *State) enter(p Phase, now time.Time) {
	if s.Phase != p {
		s.Phase, s.Since = p, now
	}
}

func notice(s State, p Phase, notify []string) Notice {
	s.Phase = p
	return Notice{ID: digest(s.Name, string(p), s.Since.UTC().Format(time.RFC3339Nano)), State: s, Notify: slices.Clone(notify)}
}

// Same reports whether two lists of states differ at most in what is read anew each time. Such a difference need not be
// saved.
func Same(a, b []State) bool {
	return slices.EqualFunc(a, b, func(x, y State) bool {
		return x.Name == y.Name && x.Phase == y.Phase && x.Since.Equal(y.Since) && x.Told == y.Told && slices.Equal(x.Notify, y.Notify)
	})
}
