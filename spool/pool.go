// Package spool holds bodies that are too big for the heap: in memory under one process-wide budget, the rest on disk.
//
// A body is read once, scanned once (JSON while it arrives, or multipart) into small values and ranges of bytes, and
// sent on as a concatenation of literal text, ranges and re-coded ranges. No function here ever makes one Go value of a
// whole body.
//
// A Body has one owner, who closes it. Readers opened before that stay valid until they are closed themselves; nobody
// can open new ones afterwards, so that no buffer is ever seen by two requests.
package spool

import (
	"fmt"
	"os"
	"sync/atomic"

	"switchyard"
)

// Sizes of the pieces that bodies in memory are made of. The first is small, since most bodies are.
const (
	firstChunk = 4 << 10
	chunkSize  = 64 << 10
)

// Config says how much memory bodies may take together and where the rest goes.
type Config struct {
	Memory int64  // bytes; if 0, everything goes to disk
	Dir    string // for spilled bodies; if empty, the system's; made if missing

	// WriteBack has whoever writes to disk wait until the bytes are there, instead of leaving that to the kernel. It is for processes that
	// are killed when too many bytes wait for the kernel.
	WriteBack bool
}

// Pool is the memory that bodies share, and the folder for those that find no room. All bodies of a process come from
// one. Safe for concurrent use.
type Pool struct {
	dir     string
	through func(f *os.File, from, n int64) error // brings a part of a file to disk; nil to leave that to the kernel
	first   budget                                // a sixteenth of the memory: small bodies do not stand in line behind large ones
	rest    budget
	files   atomic.Int64
	lent    atomic.Int64 // buffers, to bodies that go to disk while they come in
	typical atomic.Int64 // how large bodies of unknown length have been lately
}

// New makes a pool and the folder it spills to.
func New(cfg Config) (*Pool, error) {
	if cfg.Dir == "" {
		cfg.Dir = os.TempDir()
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	mem, err := arena(max(cfg.Memory, 0))
	if err != nil {
		return nil, err
	}
	first := int64(len(mem)) / 16 / firstChunk * firstChunk
	first = min(max(first, firstChunk), int64(len(mem)))
	p := &Pool{dir: cfg.Dir}
	if cfg.WriteBack {
		p.through = writeBack
	}
	p.first.init(mem[:first:first], firstChunk)
	p.rest.init(mem[first:], chunkSize)
	return p, nil
}

// Memory is how many bytes of the budget are taken.
func (p *Pool) Memory() int64 { return p.first.taken() + p.rest.taken() }

// Limit is how many bytes the budget has in all: what the config says, in whole pieces.
func (p *Pool) Limit() int64 { return p.first.pieces*firstChunk + p.rest.pieces*chunkSize }

// Files is the number of bodies that are on disk now, in whole or in part.
func (p *Pool) Files() int64 { return p.files.Load() }

// takeFirst is a body's first piece of memory, or nil: nobody waits for it. When there are more bodies than small pieces,
// it is a part of a large one.
func (p *Pool) takeFirst() []byte {
	switch {
	case p.first.tryClaim():
		return p.first.take()
	case p.rest.tryClaim():
		return p.rest.take()[:firstChunk]
	}
	return nil
}

// release takes a body's pieces back.
func (p *Pool) release(chunks [][]byte) {
	if len(chunks) == 0 {
		return
	}
	if first := chunks[0]; cap(first) == firstChunk {
		p.first.give(chunks[:1], 0)
		chunks = chunks[1:]
	} else {
		chunks[0] = first[:chunkSize]
	}
	p.rest.give(chunks, 0)
}

// expect is how much memory a body of unknown length is given once it turns out not to be small.
func (p *Pool) expect() int64 { return max(p.typical.Load(), chunkSize) }

// learn remembers a large size at once, and forgets it over the next dozens of bodies.
func (p *Pool) learn(size int64) {
	if size > firstChunk {
		old := p.typical.Load()
		p.typical.Store(max(size, old-old/32))
	}
}

// spill makes a file without a name: whatever happens to the process, the disk gets its space back.
func (p *Pool) spill() (*os.File, error) {
	f, err := os.CreateTemp(p.dir, "spool-*")
	if err != nil {
		return nil, noRoom(err)
	}
	if err := os.Remove(f.Name()); err != nil {
		_ = f.Close()
		return nil, noRoom(err)
	}
	p.files.Add(1)
	return f, nil
}

// noRoom is what writing to disk fails with. It is our own fault, whatever the body was, and nobody is to be blamed for it: neither
// who asked nor who answered. It may go better later.
func noRoom(err error) error {
	return &switchyard.Error{Kind: switchyard.Unavailable, Err: fmt.Errorf("spool: %w", err)}
}
