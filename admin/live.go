package admin

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

const (
	maxBrowsers = 64 // that listen at once
	tick        = time.Second
	beat        = 15 * time.Second // most time between events: breakers change without traffic, and silence would look like a dead connection
	writeTime   = 10 * time.Second // for one event; a browser that does not read it by then is disconnected
)

// Live tells browsers how many requests have ended, or that there is something else to see. It never tells which: they read that from the
// ledger. It keeps one number for each browser, so that a slow one costs nothing and holds nobody up. The zero value is ready; safe for
// concurrent use.
type Live struct {
	mu     sync.Mutex
	ears   map[*ear]struct{}
	closed chan struct{}
	done   bool
}

// ear is one browser that listens.
type ear struct {
	wake  chan struct{} // has room for one signal
	ended int           // requests, since the browser was last told; guarded by the mu of its Live
}

// Tell counts a finished request. It never waits.
func (l *Live) Tell() { l.tell(1) }

// tell wakes all browsers. ended is how many requests have ended.
func (l *Live) tell(ended int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for one := range l.ears {
		one.ended += ended
		select {
		case one.wake <- struct{}{}:
		default:
		}
	}
}

// Close disconnects all browsers; they come back when a process serves again.
func (l *Live) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.init()
	if !l.done {
		l.done = true
		close(l.closed)
	}
}

// init requires mu.
func (l *Live) init() {
	if l.ears == nil {
		l.ears, l.closed = map[*ear]struct{}{}, make(chan struct{})
	}
}

// listen adds a browser. It is nil if there are too many already, or after Close.
func (l *Live) listen() *ear {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.init()
	if l.done || len(l.ears) >= maxBrowsers {
		return nil
	}
	one := &ear{wake: make(chan struct{}, 1)}
	l.ears[one] = struct{}{}
	return one
}

func (l *Live) leave(one *ear) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.ears, one)
}

// take returns how many requests have ended since the last take.
func (l *Live) take(one *ear) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	ended := one.ended
	one.ended = 0
	return ended
}

// events streams to a browser: at most one event a second, each with the number of requests that have ended since the last.
func (h *Handler) events(w http.ResponseWriter, r *http.Request) {
	one := h.Live.listen()
	if one == nil {
		w.Header().Set("Retry-After", "30")
		fail(w, http.StatusServiceUnavailable, "too many browsers listen")
		return
	}
	defer h.Live.leave(one)
	out := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	send := func(format string, args ...any) bool {
		_ = out.SetWriteDeadline(time.Now().Add(writeTime))
		_, err := fmt.Fprintf(w, format, args...)
		return err == nil && out.Flush() == nil
	}
	if !send("retry: 3000\n\n") {
		return
	}
	beats := time.NewTicker(beat)
	defer beats.Stop()
	for {
		select {
		case <-r.Context().Done():
			return
		case <-h.Live.closed:
			return
		case <-beats.C:
		case <-one.wake:
			h.Settled(r.Context()) // the browser will read the ledger now
		}
		if _, ok := h.who(r); !ok { // logged out meanwhile
			return
		}
		if !send("event: tick\ndata: {\"ended\":%d}\n\n", h.Live.take(one)) {
			return
		}
		h.Live.rest(r)
	}
}

// rest waits, so that events are a tick apart.
func (l *Live) rest(r *http.Request) {
	t := time.NewTimer(tick)
	defer t.Stop()
	select {
	case <-t.C:
	case <-r.Context().Done():
	case <-l.closed:
	}
}
