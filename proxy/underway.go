package proxy

// UnderWay is how busy the front door is.
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

// line is how many wait for their turn.
func (a *admission) line() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.waiting)
}
