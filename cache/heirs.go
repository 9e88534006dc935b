package cache

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"slices"
)

// line is those who come for one answer, one after the other: the one who makes it, and, when its app has left, another that asks the same.
// Apps that ask the same at the same time want an answer each, so each has its own line.
type line struct {
	key  Sum   // names the answer's file
	head *heir // whose turn it is; nil if nobody is there
	next *heir // waits to take over; nil if nobody does. Only if the head has left
	kept bool  // the answer is in its file: it has not arrived
}

// orphaned reports whether a line's answer belongs to nobody: the last in it has left.
func (l *line) orphaned() bool {
	switch {
	case l.next != nil:
		return closed(l.next.gone)
	case l.head != nil:
		return closed(l.head.gone)
	}
	return l.kept
}

// heir is the part of one who asks without a key.
type heir struct {
	replies *Replies
	ask     Ask // by the key of its line
	of      Sum // what all ask who ask the same
	gone    <-chan struct{}
	line    *line
	turn    chan struct{} // closed when it is this one's turn; nil if it always was
	err     error         // set before turn is closed: why the answer that it waited for could not be kept
	found   bool          // the answer was made before, and is in its file
}

// inherit is Claim for an app that makes its own answer, unless another has left one. An answer that was left goes to one app only: one
// that asks again afterwards wants another answer.
func (r *Replies) inherit(ctx context.Context, ask Ask) (*Work, error) {
	h := &heir{replies: r, ask: ask, of: ask.key, gone: ask.gone}
	h.enter()
	err := h.await(ctx)
	var reply *Reply
	if err == nil {
		_, reply, err = r.load(h.line.key)
	}
	if err != nil {
		h.release()
		return nil, err
	}
	h.found = reply != nil
	return &Work{part: h, reply: reply}, nil
}

// enter puts h into a line: one that is orphaned, else one that is empty, else a new one.
func (h *heir) enter() {
	r := h.replies
	r.mu.Lock()
	defer r.mu.Unlock()
	lines := r.lines[h.of]
	i := slices.IndexFunc(lines, (*line).orphaned)
	if i < 0 {
		i = slices.IndexFunc(lines, func(l *line) bool { return l.head == nil })
	}
	if i < 0 {
		i = len(lines)
		r.lines[h.of] = append(lines, &line{key: lineKey(h.of, i)})
	}
	h.line = r.lines[h.of][i]
	if h.ask.key = h.line.key; h.line.head == nil {
		h.line.head = h
		return
	}
	h.line.next, h.turn = h, make(chan struct{})
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

// deliver keeps the answer if its app has left, or turns out to have left while the answer was written. Until it is known to have arrived,
// another that comes for it waits for h, and then finds the file.
func (h *heir) deliver(reply *Reply, write func() error) (lost error) {
	if closed(h.gone) {
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

// finish ends h's turn and forgets the answer, which has arrived. If the app has left meanwhile it does nothing, and is false: there may be
// a successor.
func (h *heir) finish() bool {
	r := h.replies
	r.mu.Lock()
	defer r.mu.Unlock()
	if closed(h.gone) {
		return false
	}
	if h.found {
		_ = os.Remove(r.path(h.line.key))
	}
	h.line.head, h.line.kept = nil, false
	r.tidy(h.of)
	return true
}

// leave ends h's turn with an answer that did not arrive.
func (h *heir) leave(reply *Reply) (lost error) {
	if !h.found {
		lost = h.replies.save(h.ask, reply)
	}
	h.end(lost == nil, lost)
	return lost
}

func (h *heir) release() { h.end(h.found, nil) }

// end ends h's turn, or its wait for it; only the first call counts. kept tells whether the answer is in its file. The successor goes on.
func (h *heir) end(kept bool, err error) {
	r := h.replies
	r.mu.Lock()
	defer r.mu.Unlock()
	l := h.line
	switch h {
	case l.next:
		l.next = nil
	case l.head:
		l.head, l.next, l.kept = l.next, nil, kept
		if l.head != nil {
			l.head.err = err
			close(l.head.turn)
		}
	}
	r.tidy(h.of)
}

// tidy removes the lines for the same request in which nobody is and nothing is kept. Requires mu.
func (r *Replies) tidy(key Sum) {
	if !slices.ContainsFunc(r.lines[key], func(l *line) bool { return l.head != nil || l.kept }) {
		delete(r.lines, key)
	}
}

// lineKey names the file of one line; that of the first, as what all ask.
func lineKey(key Sum, i int) Sum {
	if i == 0 {
		return key
	}
	return sha256.Sum256(binary.BigEndian.AppendUint64(key[:], uint64(i)))
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
