package attempt

import (
	"errors"
	"fmt"

	"go.uber.org/zap"

	"switchyard"
)

// Panic is a panic that was caught: a mistake of ours, and nobody else's.
type Panic struct{ Cause any }

func (p *Panic) Error() string { return fmt.Sprintf("panic: %v", p.Cause) }

// Panicked reports whether err comes of one.
func Panicked(err error) bool {
	_, ok := errors.AsType[*Panic](err)
	return ok
}

// survive is deferred, and makes an error of a panic: one app's odd input must not end everybody's work, nor leave behind
// what was taken or begun for it.
func (r *Runner) survive(err *error) {
	if p := recover(); p != nil {
		*err = r.caught(p)
	}
}

// caught is what becomes of a panic. Only the log hears where it was.
func (r *Runner) caught(cause any) error {
	if r.Log != nil {
		r.Log.Error("panic", zap.Any("cause", cause), zap.Stack("stack"))
	}
	return &switchyard.Error{Kind: switchyard.Internal, Err: &Panic{cause}}
}
