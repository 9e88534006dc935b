package proxy_test

import (
	"testing"

	"switchyard/attempt"
	"switchyard/proxy"
)

// TestUntraced: without a Tracer, a request pays nothing for it.
func TestUntraced(t *testing.T) {
	if n := testing.AllocsPerRun(100, proxy.Untraced(&proxy.Handler{Runner: &attempt.Runner{}})); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
