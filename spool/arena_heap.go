//go:build !unix || race

package spool

// arena is n bytes of the heap, which the race detector watches.
func arena(n int64) ([]byte, error) { return make([]byte, n), nil }
