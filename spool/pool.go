// Package spool holds bodies that are too big for the heap: in memory under one process-wide budget, the rest on disk.
//
// A body is read once, scanned once (JSON or multipart) into small values and ranges of bytes, and sent on as a
// concatenation of literal text, ranges and re-coded ranges. No function here ever makes one Go value of a whole body.
//
// A Body has one owner, who closes it. Readers opened before that stay valid until they are closed themselves; nobody
// can open new ones afterwards, so that no buffer is ever seen by two requests.
package spool

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Sizes of the pieces that bodies in memory are made of. The first is small, since most bodies are.
const (
	firstChunk = 8 << 10
	chunkSize  = 64 << 10
)

// patience is how long a full budget makes a reader wait before it spills: about what writing a chunk to disk costs,
// so that waiting is worth it when other bodies are about to be closed, and harmless when they are not.
const patience = 2 * time.Millisecond

// Config says how much memory bodies may take together and where the rest goes.
type Config struct {
	Memory int64  // bytes; if 0, everything goes to disk
	Dir    string // for spilled bodies; if empty, the system's; made if missing
}

// Pool is the budget. All bodies of a process come from one. Safe for concurrent use.
type Pool struct {
	dir    string
	budget int64
	used   atomic.Int64
	freed  chan struct{} // a token whenever memory came back while somebody waited
	files  atomic.Int64

	first, rest sync.Pool
}

// New makes a pool and the folder it spills to.
func New(cfg Config) (*Pool, error) {
	if cfg.Dir == "" {
		cfg.Dir = os.TempDir()
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	return &Pool{dir: cfg.Dir, budget: cfg.Memory, freed: make(chan struct{}, 1)}, nil
}

// Memory is how many bytes of the budget are taken; Files is how many bodies have spilled.
func (p *Pool) Memory() int64 { return p.used.Load() }

// Files is the number of bodies that are on disk now, in whole or in part.
func (p *Pool) Files() int64 { return p.files.Load() }

// chunk takes a piece of n bytes out of the budget; nil if there is none to be had soon.
func (p *Pool) chunk(n int) []byte {
	if !p.reserve(int64(n)) {
		timer := time.NewTimer(patience)
		defer timer.Stop()
		for {
			select {
			case <-p.freed:
				if p.reserve(int64(n)) {
					return p.buffer(n)
				}
			case <-timer.C:
				return nil
			}
		}
	}
	return p.buffer(n)
}

func (p *Pool) reserve(n int64) bool {
	if p.used.Add(n) <= p.budget {
		return true
	}
	p.used.Add(-n)
	return false
}

func (p *Pool) buffer(n int) []byte {
	from := &p.rest
	if n == firstChunk {
		from = &p.first
	}
	if b, ok := from.Get().(*[]byte); ok {
		return *b
	}
	return make([]byte, n)
}

func (p *Pool) release(b []byte) {
	if len(b) == firstChunk {
		p.first.Put(&b)
	} else {
		p.rest.Put(&b)
	}
	p.used.Add(-int64(len(b)))
	select {
	case p.freed <- struct{}{}:
	default: // a token is there already
	}
}

// spill makes a file without a name: whatever happens to the process, the disk gets its space back.
func (p *Pool) spill() (*os.File, error) {
	f, err := os.CreateTemp(p.dir, "spool-*")
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("spool: %w", err)
	}
	p.files.Add(1)
	return f, nil
}
