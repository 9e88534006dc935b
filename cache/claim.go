package cache

import (
	"context"
	"errors"
	"time"
)

// ErrMismatch says that a key was used with another request.
var ErrMismatch = errors.New("key was used with another request")

// ErrLost says that an answer was made, and paid for, but could not be kept for those who waited for it.
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

// Shared asks for an answer that everybody may have who asks the same within ttl. When room is made, an answer that is
// found in time stays longer than others.
func Shared(request Sum, ttl time.Duration) Ask {
	return Ask{kind: shared, key: request, request: request, ttl: ttl}
}

// Rejoin asks for an answer whose app has left, and had asked for the same; it is still being made, or was made less than a
// minute ago. gone is closed when the app that asks now leaves.
func Rejoin(request Sum, gone <-chan struct{}) Ask {
	return Ask{kind: rejoin, key: request, request: request, ttl: rejoinTTL, gone: gone}
}

// rejoinTTL is how long an answer is kept for an app that has left without it.
const rejoinTTL = time.Minute

// Claim finds the answer that ask is for, or lets the caller make it. If somebody is making it, Claim waits, as long as ctx
// allows. The error is ErrMismatch, ErrLost or that of ctx; any other means that the folder cannot be read.
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

// part is what others may rely on; nil if there is nobody else.
type part interface {
	left(ctx context.Context) <-chan struct{}
	deliver(reply *Reply, write func() error) (lost error)
	release()
}

// Reply is the answer, if it has been made already; else it is nil, and the caller makes it.
func (w *Work) Reply() *Reply { return w.reply }

// Shared reports whether everybody who asks the same may have the answer.
func (w *Work) Shared() bool { return w.shared }

// Left returns a channel that is closed when what the caller makes is not wanted any more: its own app has left, which ends
// ctx, and so has every other that shares the work.
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
		_ = write() // the caller knows the error
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
