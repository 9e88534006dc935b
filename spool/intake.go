package spool

import (
	"errors"
	"io"
)

// Read spools r to its end. size is how many bytes are to come, negative if that is not known: memory is promised for
// all of them before the first is read. A body of more than limit bytes gives ErrTooLarge, what the disk fails with is a
// *switchyard.Error of the kind Unavailable that wraps an *fs.PathError, and all else is what r fails with; then nothing is kept.
func (p *Pool) Read(r io.Reader, size, limit int64) (*Body, error) {
	c := p.claimFor(size, limit)
	defer c.Close()
	b, err := c.Read(r, limit)
	if err == nil && size < 0 {
		p.learn(b.n)
	}
	return b, err
}

// ReadJSON is Read of what should be a JSON document. It is scanned as it arrives, while its bytes are at hand, and Scan
// then has nothing left to do. That it is no JSON is for Scan to tell: the body is whole either way.
func (p *Pool) ReadJSON(r io.Reader, size, limit int64) (*Body, error) {
	c := p.claimFor(size, limit)
	defer c.Close()
	in := newIntake(c, r, limit)
	defer in.close()
	s := &scanner{body: in.body, next: func(int64) ([]byte, error) { return in.next() }}
	v, err := s.document()
	b, readErr := in.end()
	if readErr != nil {
		return nil, readErr
	}
	b.scanned, b.root, b.syntax = true, v, err
	if size < 0 {
		p.learn(b.n)
	}
	return b, nil
}

func (p *Pool) claimFor(size, limit int64) *Claim {
	if size < 0 {
		return &Claim{pool: p} // it asks when the body turns out not to be small
	}
	return p.Claim(min(size, limit))
}

// intake is a body on its way in.
type intake struct {
	*Writer
	src io.Reader
	buf []byte // for what goes to the file; nil until needed
	err error  // what src ended with
}

func newIntake(c *Claim, src io.Reader, limit int64) *intake {
	return &intake{Writer: newWriter(c, limit), src: src}
}

// next takes in the next window of bytes, as large as they come in one piece. It ends with io.EOF.
func (in *intake) next() ([]byte, error) {
	if in.err != nil {
		return nil, in.err
	}
	free, err := in.room()
	if err != nil {
		in.err = err
		return nil, err
	}
	onDisk := free == nil
	if onDisk {
		if in.buf == nil {
			in.buf = in.borrow()
		}
		free = in.buf
	}
	n := 0
	for n < len(free) && in.err == nil {
		var m int
		m, in.err = in.src.Read(free[n:])
		n += m
	}
	if in.body.n+int64(n) > in.limit {
		in.err = ErrTooLarge
		return nil, in.err
	}
	if onDisk {
		if _, err := in.toFile(free[:n]); err != nil {
			in.err = err
			return nil, err
		}
	} else {
		in.grow(n)
	}
	if n == 0 {
		return nil, in.err
	}
	return free[:n], nil
}

// end takes in what is left, and is the body.
func (in *intake) end() (*Body, error) {
	for in.err == nil {
		_, _ = in.next()
	}
	if !errors.Is(in.err, io.EOF) {
		return nil, in.err
	}
	return in.Body(), nil
}

// At most so many of the bodies that go to disk while they come in have a buffer of the usual size. Each holds its buffer until it has
// come: without a bound, hundreds of slow ones would take more memory together than all bodies may.
const (
	largeBuffers = 32
	smallBuffer  = chunkSize / 4
)

func (in *intake) borrow() []byte {
	if in.claim.pool.lent.Add(1) <= largeBuffers {
		return scratch.take()
	}
	return make([]byte, smallBuffer)
}

// close gives back what the intake has borrowed, and the body, if there was no end.
func (in *intake) close() {
	if in.buf != nil {
		in.claim.pool.lent.Add(-1)
	}
	if len(in.buf) == chunkSize {
		scratch.give(in.buf)
	}
	in.Abort()
}
