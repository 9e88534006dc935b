package cache

import (
	"context"
	"fmt"
)

// sharers are those who wait for one answer together, the one who makes it among them.
type sharers struct {
	request Sum
	n       int           // how many have not left; once it is 0 it stays so
	left    chan struct{} // closed then
	ended   chan struct{}
	err     error // set before ended is closed: why the answer could not be kept
}

// share is Claim for answers that many have.
func (r *Replies) share(ctx context.Context, ask Ask) (*Work, error) {
	for ctx.Err() == nil {
		w, s, err := r.meet(ask)
		if s == nil {
			return w, err
		}
		select {
		case <-s.ended: // the answer is in its file now, or the work came to nothing
		case <-ctx.Done():
			r.leave(s)
			return nil, ctx.Err()
		}
		if s.err != nil { // it has been paid for: to make it again would be to pay again
			return nil, fmt.Errorf("%w: %w", ErrLost, s.err)
		}
	}
	return nil, ctx.Err()
}

// meet is either the caller's part in an answer, or those who are at work on it, to whom it adds the caller.
func (r *Replies) meet(ask Ask) (*Work, *sharers, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.sharers[ask.key]; s != nil {
		if s.request != ask.request {
			return nil, nil, ErrMismatch
		}
		if s.n > 0 { // else it is being given up
			s.n++
		}
		return nil, s, nil
	}
	w := &Work{shared: ask.kind == shared}
	request, reply, err := r.load(ask.key)
	switch {
	case err != nil:
		return nil, nil, err
	case reply == nil:
		s := &sharers{request: ask.request, n: 1, left: make(chan struct{}), ended: make(chan struct{})}
		r.sharers[ask.key] = s
		w.part = &maker{replies: r, ask: ask, sharers: s}
	case request != ask.request:
		return nil, nil, ErrMismatch
	case w.shared:
		r.touch(ask.key)
	}
	w.reply = reply
	return w, nil, nil
}

// leave counts out one who does not wait any more.
func (r *Replies) leave(s *sharers) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.n--; s.n == 0 {
		close(s.left)
	}
}

// maker is the part of the one who makes an answer that several share.
type maker struct {
	*sharers
	replies *Replies
	ask     Ask
	stay    func() bool // forgets that its app may leave; nil if nobody watches
}

func (m *maker) left(ctx context.Context) <-chan struct{} {
	m.stay = context.AfterFunc(ctx, func() { m.replies.leave(m.sharers) })
	return m.sharers.left
}

// deliver keeps the answer before it goes out: an app with a key may come back after a crash, and those who wait must not wait for
// another's slow app.
func (m *maker) deliver(reply *Reply, write func() error) (lost error) {
	lost = m.replies.save(m.ask, reply)
	m.end(lost)
	_ = write()
	return lost
}

func (m *maker) release() { m.end(nil) }

// end wakes those who wait; only the first call counts.
func (m *maker) end(err error) {
	r := m.replies
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sharers[m.ask.key] != m.sharers {
		return
	}
	if m.stay != nil {
		m.stay()
	}
	m.err = err
	delete(r.sharers, m.ask.key)
	close(m.ended)
}
