package proxy

import (
	"context"
	"fmt"
	"sync"
	"time"

	"switchyard"
	"switchyard/limit"
)

// admission bounds requests under way, and the queue in front of them. The zero value bounds nothing.
type admission struct {
	mu      sync.Mutex // guards the rest
	most    int        // 0: any number
	queue   int
	running int
	waiting []chan struct{} // first come, first served; closed to let in
}

func (a *admission) configure(inFlight, queue int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.most, a.queue = inFlight, queue
	a.wake()
}

// enter waits for its turn. The caller must call leave.
func (a *admission) enter(ctx context.Context) (leave func(), err error) {
	a.mu.Lock()
	if a.most == 0 || a.running < a.most {
		a.running++
		a.mu.Unlock()
		return a.leave, nil
	}
	if len(a.waiting) >= a.queue {
		a.mu.Unlock()
		return nil, &switchyard.Error{Kind: switchyard.Unavailable, RetryAfter: time.Second, Err: fmt.Errorf("%w: max_in_flight and max_queue", limit.ErrLimited)}
	}
	turn := make(chan struct{})
	a.waiting = append(a.waiting, turn)
	a.mu.Unlock()
	select {
	case <-turn:
		return a.leave, nil
	case <-ctx.Done():
		a.abandon(turn)
		return nil, &switchyard.Error{Kind: switchyard.Unavailable, Outcome: switchyard.Canceled, Err: ctx.Err()}
	}
}

// abandon gives up waiting, or the place if it came in the same moment.
func (a *admission) abandon(turn chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, w := range a.waiting {
		if w == turn {
			a.waiting = append(a.waiting[:i], a.waiting[i+1:]...)
			return
		}
	}
	a.running--
	a.wake()
}

func (a *admission) leave() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.running--
	a.wake()
}

// wake lets in who waits. Requires mu.
func (a *admission) wake() {
	for len(a.waiting) > 0 && (a.most == 0 || a.running < a.most) {
		close(a.waiting[0])
		a.waiting = a.waiting[1:]
		a.running++
	}
}

// crowd counts who is under way. A sync.WaitGroup would not do: requests may begin while somebody waits.
type crowd struct {
	mu    sync.Mutex // guards the rest
	n     int
	empty chan struct{} // made by who waits, closed when n is 0
}

// enter counts one more, until it leaves.
func (c *crowd) enter() (leave func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.n--; c.n == 0 && c.empty != nil {
			close(c.empty)
			c.empty = nil
		}
	}
}

// wait waits until nobody is under way. For one caller at a time.
func (c *crowd) wait() {
	c.mu.Lock()
	if c.n == 0 {
		c.mu.Unlock()
		return
	}
	empty := make(chan struct{})
	c.empty = empty
	c.mu.Unlock()
	<-empty
}

// UnderWay says how much the front door has to do.
type UnderWay struct {
	Requests int // of apps, those in the queue included
	Waiting  int // of these, in the queue before max_in_flight
	Tickets  int // that this process works on
}

// UnderWay may be called at any time.
func (h *Handler) UnderWay() UnderWay {
	return UnderWay{Requests: h.requests.count(), Waiting: h.inFlight.line(), Tickets: h.waiters.count()}
}

func (c *crowd) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

// line returns how many wait for their turn.
func (a *admission) line() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.waiting)
}
