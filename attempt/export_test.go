package attempt

import (
	"context"

	"switchyard"
	"switchyard/router"
)

// Untraced does what an attempt does for a trace when there is no Tracer.
func Untraced(r *Runner) func() {
	a := &switchyard.Attempt{Job: "job"}
	c := router.Candidate{Target: &switchyard.Target{}}
	x := &exchange{run: &run{Runner: r, job: &Job{}}, a: a, c: c}
	return func() {
		x.trace = x.startTrace(context.Background())
		x.allow(nil)
		x.polled(200)
		x.endTrace(*a)
	}
}

// Shorten is what is kept of a line of events that comes in these pieces.
func Shorten(pieces ...[]byte) []byte {
	var l line
	for _, p := range pieces {
		l.add(p)
	}
	return l.text
}
