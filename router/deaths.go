package router

import "sync"

// Deaths is the models that their providers have said, in answers, to be shut down. It outlives reloads. The zero value
// and nil know of none. Safe for concurrent use.
type Deaths struct {
	mu    sync.RWMutex
	known map[[2]string]bool // :: dialect, model → true
}

// Learn notes a death. It reports whether it is news.
func (d *Deaths) Learn(dialectName, model string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.known == nil {
		d.known = map[[2]string]bool{}
	}
	key := [2]string{dialectName, model}
	news := !d.known[key]
	d.known[key] = true
	return news
}

// Known reports whether the model is known to be dead.
func (d *Deaths) Known(dialectName, model string) bool {
	if d == nil {
		return false
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.known[[2]string{dialectName, model}]
}
