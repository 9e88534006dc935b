package attempt

import (
	"errors"
	"fmt"

	"go.uber.org/zap"

	"switchyard"
)

// Panic is a panic that was caught: a mistake of ours alone.
type Panic struct{ Cause any }

func (p *Panic) Error() string { return fmt.Sprintf("panic: %v", p.Cause) }

// Panicked reports whether err comes from one.
func Panicked(err error) bool {
	_, ok := errors.AsType[*Panic](err)
	return ok
}

// survive is deferred, and makes an error of a panic: one app's odd input must not end everybody's work, or leave behind
// what was taken or begun for it.
func (r *Runner) survive(err *error) {
	if p := recover(); p != nil {
		*err = r.caught(p)
	}
}

// caught returns the error for a panic. Only the log gets the place where it happened.
func (r *Runner) caught(cause any) error {
	if r.Log != nil {
		r.Log.Error("panic", zap.Any("cause", cause), zap.Stack("stack"))
	}
	return &switchyard.Error{Kind: switchyard.Internal, Err: &Panic{cause}}
}
