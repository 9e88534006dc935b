package cache

import (
	"context"
	"fmt"
	"os"
)

// heir is the part of one who asks without a key. It has a successor once its app has left: another that asks the same, and
// takes over when this one's turn ends. A file is there as long as its answer has not arrived.
type heir struct {
	replies *Replies
	ask     Ask
	next    *heir         // waits to take over; nil if nobody does. Only if ask.gone is closed
	turn    chan struct{} // closed when it is this one's turn; nil if it always was
	err     error         // set before turn is closed: why the answer that it waited for could not be kept
	found   bool          // the answer was made before, and is in its file
}

// inherit is Claim for one who makes its own answer, unless another has left one. It is told to one alone: whoever asks
// again afterwards wants another one.
func (r *Replies) inherit(ctx context.Context, ask Ask) (*Work, error) {
	h := &heir{replies: r, ask: ask}
	if !h.enter() {
		return &Work{}, nil // beside one that somebody waits for
	}
	err := h.await(ctx)
	var reply *Reply
	if err == nil {
		_, reply, err = r.load(ask.key)
	}
	if err != nil {
		h.release()
		return nil, err
	}
	h.found = reply != nil
	return &Work{part: h, reply: reply}, nil
}

// enter makes h the first of those who ask the same, or the successor of the first, if that has left, and another
// successor has, too. Else it is false.
func (h *heir) enter() bool {
	r := h.replies
	r.mu.Lock()
	defer r.mu.Unlock()
	first := r.heirs[h.ask.key]
	if first == nil {
		r.heirs[h.ask.key] = h
		return true
	}
	last := first
	if first.next != nil {
		last = first.next
	}
	if !closed(last.ask.gone) {
		return false
	}
	first.next, h.turn = h, make(chan struct{})
	return true
}

// await waits for h's turn.
func (h *heir) await(ctx context.Context) error {
	if h.turn == nil {
		return nil
	}
	select {
	case <-h.turn:
	case <-ctx.Done():
		return ctx.Err()
	}
	if h.err != nil { // it has been paid for: to make it again would be to pay again
		return fmt.Errorf("%w: %w", ErrLost, h.err)
	}
	return ctx.Err() // if both have come: it makes nothing for an app that has left
}

func (h *heir) left(ctx context.Context) <-chan struct{} { return ctx.Done() }

// deliver keeps the answer if its app has left, or turns out to have left while it was written. Until it is known to have
// arrived, whoever comes for it finds h, and then the file.
func (h *heir) deliver(reply *Reply, write func() error) (lost error) {
	if closed(h.ask.gone) {
		lost = h.leave(reply)
		_ = write()
		return lost
	}
	arrived := false
	defer func() {
		if !arrived || !h.finish() {
			lost = h.leave(reply)
		}
	}()
	arrived = write() == nil
	return nil
}

// finish ends h's turn, and forgets the answer, unless its app has left meanwhile: then there may be a successor, and it is
// false.
func (h *heir) finish() bool {
	r := h.replies
	r.mu.Lock()
	defer r.mu.Unlock()
	if closed(h.ask.gone) {
		return false
	}
	if h.found {
		_ = os.Remove(r.path(h.ask.key))
	}
	delete(r.heirs, h.ask.key)
	return true
}

// leave ends h's turn with an answer that did not arrive.
func (h *heir) leave(reply *Reply) (lost error) {
	if !h.found {
		lost = h.replies.save(h.ask, reply)
	}
	h.end(lost)
	return lost
}

func (h *heir) release() { h.end(nil) }

// end ends h's turn, or its waiting for it; the first time. Its successor goes on.
func (h *heir) end(err error) {
	r := h.replies
	r.mu.Lock()
	defer r.mu.Unlock()
	first := r.heirs[h.ask.key]
	switch {
	case first == nil:
	case first.next == h:
		first.next = nil
	case first != h:
	case h.next == nil:
		delete(r.heirs, h.ask.key)
	default:
		r.heirs[h.ask.key] = h.next
		h.next.err = err
		close(h.next.turn)
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
