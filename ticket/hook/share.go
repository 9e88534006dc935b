package hook

import (
	"net/url"
	"sync"
)

// shares bounds how many of the workers may wait for one receiver: one that hangs must not hold up everybody else's
// notices. A zero value with most set is ready.
type shares struct {
	most int

	mu sync.Mutex     // guards n
	n  map[string]int // :: receiver's host → attempts under way
}

// enter takes a place at an address's host. If there is none left, ok is false; else the caller must call leave.
func (s *shares) enter(address string) (leave func(), ok bool) {
	host := address
	if u, err := url.Parse(address); err == nil {
		host = u.Host
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.n[host] >= s.most {
		return nil, false
	}
	if s.n == nil {
		s.n = map[string]int{}
	}
	s.n[host]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.n[host]--; s.n[host] == 0 {
			delete(s.n, host)
		}
	}, true
}
