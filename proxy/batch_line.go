package proxy

import (
	"context"
	"sync"
)

// lines have the requests of a batch that a limit of ours refuses come one after the other: only the first in line asks, until it gets
// through. There is a line for each wish, since what one has to wait for another may have at once. The zero value is ready.
type lines struct {
	mu sync.Mutex
	m  map[wish]chan struct{} // :: what is asked for → holds one while somebody is first in line; guarded by mu
}

// wish is what a request asks for. It is empty where a limit refused the request before it was read.
type wish struct{ route, model string }

// enter returns when the caller is the first in line, or ctx ends. Leave lets the next one be that; more calls do nothing.
func (l *lines) enter(ctx context.Context, w wish) (leave func()) {
	first := l.first(w)
	select {
	case first <- struct{}{}:
		return sync.OnceFunc(func() { <-first })
	case <-ctx.Done():
		return func() {}
	}
}

func (l *lines) first(w wish) chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.m == nil {
		l.m = map[wish]chan struct{}{}
	}
	if l.m[w] == nil {
		l.m[w] = make(chan struct{}, 1)
	}
	return l.m[w]
}
