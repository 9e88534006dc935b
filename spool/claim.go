package spool

import (
	"io"
	"sync"
)

// Claim is memory promised to bodies that are needed together, such as all the pictures of one answer: if each asked
// for itself, many requests would hold a part and wait for the rest. Safe for concurrent use. The owner closes it when
// the last body has been read, which gives back what was not needed.
type Claim struct {
	pool    *Pool
	mu      sync.Mutex // guards the rest
	left    int64      // pieces of pool.rest
	refused bool
}

// Claim promises memory for bodies of these sizes in bytes, or none if there is not so much to be had soon: then they go
// to disk. A negative size is one that is not known.
func (p *Pool) Claim(sizes ...int64) *Claim {
	var sum int64
	for _, size := range sizes {
		if size < 0 {
			size = p.expect()
		}
		if size > firstChunk {
			sum += (size - firstChunk + chunkSize - 1) / chunkSize * chunkSize
		}
	}
	c := &Claim{pool: p}
	if sum > 0 {
		c.ask(sum)
	}
	return c
}

// Read spools r to its end. A body of more than limit bytes gives ErrTooLarge, and nothing is kept.
func (c *Claim) Read(r io.Reader, limit int64) (*Body, error) {
	in := newIntake(c, r, limit)
	defer in.close()
	return in.end()
}

// Close gives back what no body has taken.
func (c *Claim) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pool.rest.give(nil, c.left)
	c.left, c.refused = 0, true
}

// take is a piece of memory, or nil if a body has to go on in a file. If too little was promised, it asks for more.
func (c *Claim) take() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left == 0 && !c.refused {
		c.ask(c.pool.expect())
	}
	if c.left == 0 {
		return nil
	}
	c.left--
	return c.pool.rest.take()
}

func (c *Claim) ask(n int64) {
	pieces, ok := c.pool.rest.claim(n)
	if c.refused = !ok; ok {
		c.left += pieces
	}
}
