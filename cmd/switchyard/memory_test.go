package main

import "testing"

// TestMemoryLimit: a collector has as much again as a half of what lives, and room for a quarter of a second's garbage,
// within bounds.
func TestMemoryLimit(t *testing.T) {
	const mib = 1 << 20
	for _, c := range []struct {
		live, stacks, made, want int64
	}{
		{0, 0, 0, 20 * mib},
		{6 * mib, mib, 0, 20 * mib},
		{40 * mib, 2 * mib, 0, 70 * mib},
		{6 * mib, mib, 40 * mib, 30 * mib},
		{40 * mib, 2 * mib, 40 * mib, 80 * mib},
		{6 * mib, mib, 4000 * mib, 52 * mib},
	} {
		if got := limitFor(c.live, c.stacks, c.made); got != c.want {
			t.Errorf("%d MiB live, %d stacks, %d made: %d MiB, want %d", c.live/mib, c.stacks/mib, c.made/mib, got/mib, c.want/mib)
		}
	}
}
