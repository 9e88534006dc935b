package admin

import (
	"sync"
	"time"

	"switchyard"
	"switchyard/breaker"
)

// Watch remembers what live traffic says of providers. The zero value is ready; safe for concurrent use.
type Watch struct {
	mu      sync.Mutex
	latency map[string]time.Duration // :: provider → of the latest attempt that went well
}

// Attempt notes an attempt that has ended.
func (w *Watch) Attempt(a switchyard.Attempt) {
	if a.Outcome != switchyard.OK {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.latency == nil {
		w.latency = map[string]time.Duration{}
	}
	w.latency[a.Provider] = a.Latency
}

// Health is the state of providers, which maps each to its targets. A provider is healthy unless all its breakers that
// have a say are open; nobody healthy is down, somebody unhealthy or a problem is degraded.
func (w *Watch) Health(providers map[string][]string, states []breaker.State, problems []string, now time.Time) Health {
	w.mu.Lock()
	defer w.mu.Unlock()
	open := map[string]bool{}
	for _, s := range states {
		open[s.Target] = s.Phase == breaker.Open
	}
	h := Health{Status: "healthy", Providers: map[string]ProviderHealth{}, Problems: problems, Timestamp: now.UTC()}
	healthy := 0
	for name, targets := range providers {
		p := ProviderHealth{Latency: w.latency[name].Milliseconds()}
		for _, t := range targets {
			p.Healthy = p.Healthy || !open[t]
		}
		for _, t := range targets {
			if open[t] {
				h.Status = "degraded"
			}
		}
		if p.Healthy {
			healthy++
		}
		h.Providers[name] = p
	}
	switch {
	case healthy == 0 && len(providers) > 0:
		h.Status = "down"
	case len(problems) > 0:
		h.Status = "degraded"
	}
	return h
}
