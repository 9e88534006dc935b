package proxy

import "sync"

// waiters is who still wants the results of the tickets that this process works on.
type waiters struct {
	mu   sync.Mutex               // guards the rest
	gone map[string]chan struct{} // :: ticket id → closed when nobody does
}

// join makes the channel that is closed when the ticket is not wanted any more.
func (w *waiters) join(id string) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.gone == nil {
		w.gone = map[string]chan struct{}{}
	}
	w.gone[id] = make(chan struct{})
	return w.gone[id]
}

// count is how many tickets this process works on.
func (w *waiters) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.gone)
}

// leave closes it. It may be called more than once.
func (w *waiters) leave(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if gone, ok := w.gone[id]; ok {
		close(gone)
		delete(w.gone, id)
	}
}
