package proxy

import (
	"net/http"

	"go.uber.org/zap"

	"switchyard"
	"switchyard/attempt"
)

// survive is deferred, and makes an error of a panic: a mistake of ours costs the app its answer, but it hears so in its own
// words, and its generation ends. An answer that has begun is cut off, since half of one must not look like a whole one.
// Those that are cut off already stay so.
func (q *request) survive(err *error) {
	p := recover()
	if p == nil {
		return
	}
	if p == any(http.ErrAbortHandler) { // the very value, as net/http asks
		panic(p)
	}
	q.Log.Error("panic", zap.String("id", q.rec.ID), zap.Any("cause", p), zap.Stack("stack"))
	*err = &switchyard.Error{Kind: switchyard.Internal, Err: &attempt.Panic{Cause: p}}
	if q.rec.Status >= http.StatusOK {
		q.rec.Err = *err
		panic(http.ErrAbortHandler)
	}
}
