package cache

import (
	"context"
	"errors"
	"time"
)

// ErrMismatch is for a key that was used with another request.
var ErrMismatch = errors.New("key was used with another request")

// ErrLost is for an answer that was made, and paid for, but could not be kept for those who waited for it.
var ErrLost = errors.New("answer could not be kept")

// Ask says how the answer to a request may have been paid for already. It is made by Keyed, Shared or Rejoin.
type Ask struct {
	kind    kind
	key     Sum // names the file
	request Sum
	ttl     time.Duration   // 0: that of answers under a key
	gone    <-chan struct{} // of rejoin
}

type kind int

const (
	keyed kind = iota
	shared
	rejoin
)

// Keyed asks by an app's own key. request is the digest of all that the app asked for.
func Keyed(key, request Sum) Ask { return Ask{kind: keyed, key: key, request: request} }

// Shared asks for an answer that everybody may have who asks the same within ttl. One that is found stays longer than
// others when room is made.
func Shared(request Sum, ttl time.Duration) Ask {
	return Ask{kind: shared, key: request, request: request, ttl: ttl}
}

// Rejoin asks for what an app has left that asked for the same, still being made or made less than a minute ago. gone is
// closed when the one who asks now leaves.
func Rejoin(request Sum, gone <-chan struct{}) Ask {
	return Ask{kind: rejoin, key: request, request: request, ttl: rejoinTTL, gone: gone}
}

// rejoinTTL is how long an answer is kept for an app that has left without it.
const rejoinTTL = time.Minute

// Claim finds the answer that ask is for, or has the caller make it. It waits for whoever is making it, as long as ctx
// lets it. The error is ErrMismatch, ErrLost or that of ctx, or else tells that the folder cannot be read.
func (r *Replies) Claim(ctx context.Context, ask Ask) (*Work, error) {
	if ask.kind == rejoin {
		return r.inherit(ctx, ask)
	}
	return r.share(ctx, ask)
}

// Work is one caller's part in an answer: to make it, if it is not there yet, and to hand it to its app. It ends with
// Deliver or Release, and is for one goroutine. The zero Work is for an answer that nobody else can come for.
type Work struct {
	part   part
	reply  *Reply
	shared bool
}

// part is what others may count on; nil if nobody does.
type part interface {
	left(ctx context.Context) <-chan struct{}
	deliver(reply *Reply, write func() error) (lost error)
	release()
}

// Reply is the answer, if it has been made already; else it is nil, and the caller makes it.
func (w *Work) Reply() *Reply { return w.reply }

// Shared reports whether everybody who asks the same may have the answer.
func (w *Work) Shared() bool { return w.shared }

// Left is closed when nobody waits any more for what the caller makes: neither its own app, which is gone when ctx ends,
// nor another that shares the work.
func (w *Work) Left(ctx context.Context) <-chan struct{} {
	if w.part == nil {
		return ctx.Done()
	}
	return w.part.left(ctx)
}

// Deliver hands the answer out: write gives it to the caller's own app, and errs, or panics, if it may not have arrived. If
// others may come for the answer, it is on disk before the work ends: before write is called if that is known by then, else
// afterwards. An answer that cannot be kept is lost to those others alone.
func (w *Work) Deliver(reply *Reply, write func() error) (lost error) {
	if w.part == nil {
		_ = write() // whose error the caller knows
		return nil
	}
	return w.part.deliver(reply, write)
}

// Release ends work that came to nothing. After Deliver it does nothing, and Deliver after it only writes.
func (w *Work) Release() {
	if w.part != nil {
		w.part.release()
		w.part = nil
	}
}
