package breaker

import (
	"sync"
	"time"
)

// flights are the attempts under way that an operator may cut.
type flights struct {
	mu sync.Mutex
	m  map[*flight]struct{}
}

// flight is one of these attempts: where it is made, and how to end it.
type flight struct {
	route, provider, target string
	cut                     func()
}

// Watch calls cut when a kill with Abort stops this place: perhaps more than once, and at once if such a kill is in
// force. The caller calls stop when there is nothing left to cut. A caller that first calls Watch and then Stopped
// misses no kill: one that is set in between is seen by one of the two.
func (s *Switches) Watch(route, provider, target string, cut func()) (stop func()) {
	if s == nil {
		return func() {}
	}
	f := &flight{route, provider, target, cut}
	s.flights.add(f)
	for _, k := range s.view() {
		if k.Abort && k.Stops(route, provider, target) && k.live(time.Now()) {
			cut()
		}
	}
	return func() { s.flights.remove(f) }
}

func (fs *flights) add(f *flight) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.m == nil {
		fs.m = map[*flight]struct{}{}
	}
	fs.m[f] = struct{}{}
}

func (fs *flights) remove(f *flight) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	delete(fs.m, f)
}

// cut ends all that k stops. It releases the lock first, for whatever ends calls remove.
func (fs *flights) cut(k Kill) {
	fs.mu.Lock()
	var hit []*flight
	for f := range fs.m {
		if k.Stops(f.route, f.provider, f.target) {
			hit = append(hit, f)
		}
	}
	fs.mu.Unlock()
	for _, f := range hit {
		f.cut()
	}
}
