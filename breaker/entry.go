package breaker

import (
	"errors"
	"math"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"

	"switchyard"
)

// What gobreaker is told of an outcome; nil is a success.
var (
	errBlamed  = errors.New("blamed")
	errNeither = errors.New("neither blamed nor praised")
)

// buckets divide the window, so that outcomes leave it one part at a time rather than all at once.
const buckets = 10

// entry is one target. It has no lock of its own. gobreaker calls back while it holds its lock: a callback that waited
// for a lock of ours would wait for ever, if whoever holds that is calling gobreaker.
type entry struct {
	name  string
	until atomic.Pointer[time.Time] // no attempt before this; nil: at any time. It only grows, and goes by a clock that nobody can set back
	live  atomic.Pointer[machine]   // replaced whole when the settings that gobreaker fixes change
}

// machine is a gobreaker, and what that does not tell: since when it is in its state, and by which thresholds it goes.
type machine struct {
	cb     *gobreaker.TwoStepCircuitBreaker[struct{}]
	config atomic.Pointer[Config]
	last   atomic.Pointer[change]
	shove  atomic.Bool // the next failure opens it, whatever the counts say
}

// change is a change of state. Pointers to it tell generations apart: no two are the same.
type change struct {
	to gobreaker.State
	at time.Time
}

func newEntry(name string, c Config) *entry {
	e := &entry{name: name}
	e.live.Store(newMachine(name, c))
	return e
}

func newMachine(name string, c Config) *machine {
	m := &machine{}
	m.config.Store(&c)
	m.last.Store(&change{gobreaker.StateClosed, time.Now()})
	m.cb = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name:         name,
		MaxRequests:  1, // half-open: one live request at a time
		Interval:     c.Window,
		BucketPeriod: c.Window / buckets,
		Timeout:      c.Cooldown,
		ReadyToTrip: func(n gobreaker.Counts) bool {
			return m.shove.Load() ||
				m.config.Load().trips(n.ConsecutiveFailures, n.TotalFailures, n.TotalFailures+n.TotalSuccesses)
		},
		// Called with gobreaker's lock held: it may do no more than note the change.
		OnStateChange: func(_ string, _, to gobreaker.State) { m.last.Store(&change{to, time.Now()}) },
		IsExcluded:    func(err error) bool { return errors.Is(err, errNeither) },
	})
	return m
}

// configure changes the thresholds in place. gobreaker cannot change its window and its cooldown, so for these another
// gobreaker takes its place.
func (e *entry) configure(c Config) {
	m := e.live.Load()
	old := m.config.Load()
	if old.Window == c.Window && old.Cooldown == c.Cooldown {
		m.config.Store(&c)
		return
	}
	next := newMachine(e.name, c)
	if m.cb.State() != gobreaker.StateClosed && !c.off() {
		next.open()
	}
	e.live.Store(next)
}

// open trips a machine that nobody else uses yet.
func (m *machine) open() {
	m.shove.Store(true)
	if done, err := m.cb.Allow(); err == nil {
		done(errBlamed)
	}
	m.shove.Store(false)
}

func (e *entry) allow() (Done, error) {
	if err := e.early(); err != nil {
		return nil, err
	}
	m := e.live.Load()
	done, err := m.begin()
	if err != nil {
		return nil, refusal(e.name, max(m.wait(), 1), err.Error())
	}
	once := e.once(done)
	return func(o switchyard.Outcome, retryAfter time.Duration) { once(o, retryAfter) }, nil
}

// early returns the refusal of an attempt before the time until which the provider asked to wait; nil if that has
// passed. To the app it is a rate limit like any other, unless the breaker is open, too.
func (e *entry) early() error {
	wait := time.Until(e.notBefore())
	if wait <= 0 {
		return nil
	}
	open := e.live.Load().wait()
	err := refusal(e.name, max(wait, open), "the provider asked to wait")
	if open <= 0 {
		err.Kind = switchyard.Throttled
	}
	return err
}

// force is allow that passes an open breaker. The function that it returns reports whether this was its first call.
func (e *entry) force() (func(switchyard.Outcome, time.Duration) bool, error) {
	if err := e.early(); err != nil {
		return nil, err
	}
	m := e.live.Load()
	done, err := m.begin()
	switch {
	case err == nil:
		return e.once(done), nil
	case errors.Is(err, gobreaker.ErrTooManyRequests):
		return nil, refusal(e.name, busy, "a probe is under way") // this attempt could find out no more than the probe will
	}
	return e.once(func(err error) {
		if err == nil {
			// gobreaker cannot be closed by hand, so a new one takes its place, unless a reload was quicker.
			e.live.CompareAndSwap(m, newMachine(e.name, *m.config.Load()))
		}
	}), nil
}

// begin asks gobreaker for an attempt, and makes its outcome count when it ends rather than when it began. gobreaker
// forgets an outcome once the beginning of the request is out of its window, so a provider that lets every call run
// into a timeout of 180 s would never trip it.
func (m *machine) begin() (func(error), error) {
	done, err := m.cb.Allow()
	if err != nil {
		return nil, err
	}
	began, start := m.last.Load(), time.Now()
	late := m.config.Load().Window / buckets
	return func(err error) {
		if began.to == gobreaker.StateClosed && late > 0 && time.Since(start) >= late && !errors.Is(err, errNeither) {
			if m.last.Load() != began { // its state has changed meanwhile: this outcome is out of date
				return
			}
			again, refused := m.cb.Allow()
			if refused != nil {
				return
			}
			done = again
		}
		done(err)
	}, nil
}

// once makes a Done of gobreaker's function. Only the first call has an effect, and returns true.
func (e *entry) once(done func(error)) func(switchyard.Outcome, time.Duration) bool {
	var called atomic.Bool
	return func(o switchyard.Outcome, retryAfter time.Duration) bool {
		if called.Swap(true) {
			return false
		}
		switch {
		case o == switchyard.OK:
			done(nil)
		case o.Blames():
			e.hold(retryAfter)
			done(errBlamed)
		default:
			done(errNeither)
		}
		return true
	}
}

// hold moves the not-before time to d from now, but never back.
func (e *entry) hold(d time.Duration) {
	if d <= 0 {
		return
	}
	until := time.Now().Add(min(d, MaxNotBefore))
	for {
		old := e.until.Load()
		if old != nil && !until.After(*old) || e.until.CompareAndSwap(old, &until) {
			return
		}
	}
}

func (e *entry) notBefore() time.Time {
	if until := e.until.Load(); until != nil {
		return *until
	}
	return time.Time{}
}

// wait returns how long the machine itself will refuse attempts; 0 if it does not.
func (m *machine) wait() time.Duration {
	last := m.last.Load()
	switch last.to {
	case gobreaker.StateOpen:
		// gobreaker is open up to and including the end of the cooldown.
		return max(time.Until(last.at.Add(m.config.Load().Cooldown))+1, 0)
	case gobreaker.StateHalfOpen:
		return busy
	}
	return 0
}

// count makes one of our ints of gobreaker's number.
func count(n uint32) int { return int(min(n, math.MaxInt32)) }
