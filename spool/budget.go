package spool

import (
	"slices"
	"sync"
	"time"
)

// How long a body waits for memory before it goes to disk. Memory that comes back in time is worth waiting for, since
// every megabyte on disk costs about as much work as sending it does, and the sender's bytes wait in its socket
// meanwhile. But where nothing has come back for a stall, those who hold it wait themselves, for a slow provider or
// app, or for more memory: then nobody waits for them. Patience is longer than a hundred bodies of 11 MB take, one after
// another, on two slow cores: where it ends too soon, those who go to disk slow down everybody behind them.
const (
	stall    = 50 * time.Millisecond
	patience = 2 * time.Second
)

// budget is a stretch of memory in pieces of one size. Pieces are promised first (claim), first come, first served, and
// then taken one by one.
type budget struct {
	mu      sync.Mutex // guards the rest
	size    int        // of a piece
	pieces  int64      // in all
	free    int64      // pieces promised to nobody
	out     int64      // pieces taken
	fresh   []byte     // what has never been taken
	used    [][]byte   // what came back
	waiting []*waiter
	moves   uint64 // how often something came back
}

type waiter struct {
	n       int64
	granted chan struct{}
}

func (b *budget) init(mem []byte, size int) {
	b.size, b.fresh = size, mem
	b.pieces = int64(len(mem) / size)
	b.free = b.pieces
}

func (b *budget) taken() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.out * int64(b.size)
}

// claim promises memory for n bytes, or not: at once if there is some and nobody waits, else as patience says.
func (b *budget) claim(n int64) (pieces int64, ok bool) {
	pieces = (n + int64(b.size) - 1) / int64(b.size)
	b.mu.Lock()
	if pieces > b.pieces {
		b.mu.Unlock()
		return 0, false
	}
	if len(b.waiting) == 0 && pieces <= b.free {
		b.free -= pieces
		b.mu.Unlock()
		return pieces, true
	}
	w := &waiter{pieces, make(chan struct{})}
	b.waiting = append(b.waiting, w)
	moves := b.moves
	b.mu.Unlock()
	return pieces, b.wait(w, moves)
}

// tryClaim is claim without waiting.
func (b *budget) tryClaim() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.free == 0 {
		return false
	}
	b.free--
	return true
}

func (b *budget) wait(w *waiter, moves uint64) bool {
	timer := time.NewTimer(stall)
	defer timer.Stop()
	for until := time.Now().Add(patience); ; {
		select {
		case <-w.granted:
			return true
		case <-timer.C:
		}
		b.mu.Lock()
		stuck := b.moves == moves || !time.Now().Before(until)
		moves = b.moves
		if i := slices.Index(b.waiting, w); i < 0 { // it has just been granted
			stuck = false
		} else if stuck {
			b.waiting = slices.Delete(b.waiting, i, i+1)
			b.grant() // those behind may ask for less
		}
		b.mu.Unlock()
		if stuck {
			return false
		}
		timer.Reset(stall)
	}
}

// grant serves whoever is first in line, as far as it goes. Requires mu.
func (b *budget) grant() {
	for len(b.waiting) > 0 && b.waiting[0].n <= b.free {
		b.free -= b.waiting[0].n
		close(b.waiting[0].granted)
		b.waiting = b.waiting[1:]
	}
}

// take is one of the pieces that were promised.
func (b *budget) take() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.out++
	if n := len(b.used); n > 0 {
		p := b.used[n-1]
		b.used = b.used[:n-1]
		return p
	}
	p := b.fresh[:b.size:b.size]
	b.fresh = b.fresh[b.size:]
	return p
}

// give takes pieces back, and promises that were not used.
func (b *budget) give(pieces [][]byte, promised int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used = append(b.used, pieces...)
	b.out -= int64(len(pieces))
	b.free += int64(len(pieces)) + promised
	b.moves++
	b.grant()
}
