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
	beat        = 15 * time.Second // breakers change without traffic, too, and silence would look like a dead connection
	writeTime   = 10 * time.Second // for one event; a browser that does not read is let go
)

// Live tells browsers that requests have ended, never which: they read that from the ledger; and that there is something else to
// see. It keeps one number for each, so that a slow one costs nothing and holds nobody up. The zero value is ready; safe for concurrent use.
type Live struct {
	mu     sync.Mutex
	ears   map[*ear]struct{}
	closed chan struct{}
	done   bool
}

// ear is one browser that listens.
type ear struct {
	wake  chan struct{} // holds one
	ended int           // since it was last told; guarded by the mu of its Live
}

// Tell counts a finished request. It never waits.
func (l *Live) Tell() { l.tell(1) }

// tell wakes all, after so many requests that have ended.
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

// Close sends all browsers away; they come back when somebody serves again.
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

// listen is nil if there are too many already, or no more.
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

// take is how many have ended since the last take.
func (l *Live) take(one *ear) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	ended := one.ended
	one.ended = 0
	return ended
}

// events is the stream of a browser: at most one event a second, each with how many requests have ended since the last.
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
			h.Settled(r.Context()) // what it will read is there now
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

// rest keeps events a tick apart.
func (l *Live) rest(r *http.Request) {
	t := time.NewTimer(tick)
	defer t.Stop()
	select {
	case <-t.C:
	case <-r.Context().Done():
	case <-l.closed:
	}
}
