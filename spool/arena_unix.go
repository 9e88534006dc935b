//go:build unix && !race

package spool

import (
	"fmt"
	"syscall"
)

// arena is n bytes outside the heap, which cost nothing until they are touched: on the heap, the collector would let as
// much garbage again pile up as there are bodies. They are never given back, since a process has one pool.
func arena(n int64) ([]byte, error) {
	if n == 0 {
		return nil, nil
	}
	mem, err := syscall.Mmap(-1, 0, int(n), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("spool: %d bytes of memory: %w", n, err)
	}
	return mem, nil
}
