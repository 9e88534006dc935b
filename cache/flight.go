package cache

import (
	"context"
	"errors"
	"time"
)

// ErrReleased is what waiting for a flight ends with that came to nothing.
var ErrReleased = errors.New("generation came to nothing")

// Flight is a generation under way. A nil Flight is one that nobody can join: its methods do nothing.
type Flight struct {
	replies *Replies
	key     Sum
	request Sum
	ttl     time.Duration
	gone    <-chan struct{} // closed when whoever waits for it has left; nil for one under a key
	joined  bool            // who waits for it is another one than whoever began it
	fresh   bool            // nobody makes it yet
	waiting int             // who has not left one that many may wait for, its maker included; 0 for good once nobody is there
	left    chan struct{}   // closed then; nil for one that can only be taken over

	ended chan struct{}
	reply *Reply // set before ended is closed; nil if it came to nothing
	err   error  // likewise: why what it came to could not be kept
	kept  bool   // for whoever waits, or comes
}

// Mine reports whether the caller is the one who makes the generation; true once. It then ends with Keep or Release.
func (f *Flight) Mine() bool {
	if f == nil {
		return true
	}
	f.replies.mu.Lock()
	defer f.replies.mu.Unlock()
	mine := f.fresh
	f.fresh = false
	return mine
}

// Wait is the answer that the flight comes to.
func (f *Flight) Wait(ctx context.Context) (*Reply, error) {
	select {
	case <-f.ended:
		switch {
		case f.err != nil: // it has been paid for: to make it again would be to pay again
			return nil, f.err
		case f.reply == nil:
			return nil, ErrReleased
		}
		if f.gone != nil {
			return f.replies.taken(f.key)
		}
		return f.reply, nil
	case <-ctx.Done():
		f.leave()
		return nil, ctx.Err()
	}
}

// Left is closed when nobody waits any more for what the caller makes: neither its own app, which is gone when ctx ends, nor
// another that shares the flight. The caller calls stop in the end.
func (f *Flight) Left(ctx context.Context) (left <-chan struct{}, stop func() bool) {
	if f == nil || f.left == nil {
		return ctx.Done(), func() bool { return true }
	}
	return f.left, context.AfterFunc(ctx, f.leave)
}

// shared lets many wait for it.
func (f *Flight) shared() *Flight {
	f.waiting, f.left = 1, make(chan struct{})
	return f
}

// join counts one who waits, too, unless it is being given up. Requires mu.
func (f *Flight) join() {
	if f.waiting > 0 {
		f.waiting++
	}
}

// leave counts one who waits no longer.
func (f *Flight) leave() {
	if f.left == nil {
		return
	}
	f.replies.mu.Lock()
	defer f.replies.mu.Unlock()
	if f.waiting--; f.waiting == 0 {
		close(f.left)
	}
}

// Keep ends the flight with an answer, on disk when it returns, if anybody may come for it: one under a key always, others
// when whoever waited has left. What cannot be kept is lost to those who come later, and to nobody else.
func (f *Flight) Keep(reply *Reply) error {
	if f == nil {
		return nil
	}
	r := f.replies
	r.mu.Lock()
	wanted := f.gone == nil || f.joined || closed(f.gone)
	r.mu.Unlock()
	var kept *Reply
	var err error
	if wanted {
		kept, err = r.save(f, reply)
	}
	f.kept = kept != nil
	f.end(kept, err)
	return err
}

// KeepFor is Keep for an answer that was given, but did not arrive.
func (f *Flight) KeepFor(reply *Reply) error {
	if f == nil || f.gone == nil || f.kept {
		return nil
	}
	_, err := f.replies.save(f, reply)
	return err
}

// Release ends a flight that came to nothing. After Keep it does nothing.
func (f *Flight) Release() {
	if f != nil {
		f.end(nil, nil)
	}
}

func (f *Flight) end(reply *Reply, err error) {
	f.replies.mu.Lock()
	defer f.replies.mu.Unlock()
	if closed(f.ended) {
		return
	}
	f.reply, f.err = reply, err
	delete(f.replies.flights, f.key)
	close(f.ended)
}
