package spool

import (
	"bufio"
	"errors"
	"io"
	"sync"
)

// windowed is a source whose next bytes can be looked at where they lie.
type windowed interface {
	io.Closer
	window() ([]byte, error) // not empty; io.EOF at the end; valid until the next call
	advance(n int)
}

// recoder turns a source into something else, in groups of so many bytes for so many. It reads from where the source
// lies and writes to where its reader wants it, without a copy between.
type recoder struct {
	mu      sync.Mutex // net/http may close a request body while it is being read
	src     windowed
	in, out int // bytes of a group, before and after
	code    func(dst, src []byte) (int, error)

	ready  []byte // of a group that did not fit, what has not been read
	group  [4]byte
	closed bool
}

func newRecoder(src io.ReadCloser, in, out int, code func(dst, src []byte) (int, error)) *recoder {
	w, ok := src.(windowed)
	if !ok {
		w = &buffered{src, bufio.NewReaderSize(src, chunkSize/2)}
	}
	return &recoder{src: w, in: in, out: out, code: code}
}

func (r *recoder) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return 0, ErrClosed
	}
	return r.read(p)
}

// read is Read. Requires mu, but in WriteTo, which nobody closes from elsewhere.
func (r *recoder) read(p []byte) (int, error) {
	if len(r.ready) > 0 || len(p) == 0 {
		n := copy(p, r.ready)
		r.ready = r.ready[n:]
		return n, nil
	}
	w, err := r.src.window()
	if err != nil {
		return 0, err
	}
	if groups := min(len(w)/r.in, len(p)/r.out); groups > 0 {
		n, err := r.code(p, w[:groups*r.in])
		r.src.advance(groups * r.in)
		return n, err
	}
	if err := r.one(); err != nil {
		return 0, err
	}
	n := copy(p, r.ready)
	r.ready = r.ready[n:]
	return n, nil
}

// one readies a group that lies across two windows, or is the last and not whole, or is wanted in parts.
func (r *recoder) one() error {
	var torn [4]byte
	n := 0
	for n < r.in {
		w, err := r.src.window()
		if errors.Is(err, io.EOF) && n > 0 {
			break
		}
		if err != nil {
			return err
		}
		m := copy(torn[n:r.in], w)
		r.src.advance(m)
		n += m
	}
	m, err := r.code(r.group[:], torn[:n])
	r.ready = r.group[:m]
	return err
}

func (r *recoder) WriteTo(w io.Writer) (int64, error) {
	buf := scratch.take()
	defer scratch.give(buf)
	var sum int64
	for {
		n, err := r.fill(buf)
		if n > 0 {
			m, err := w.Write(buf[:n])
			sum += int64(m)
			if err != nil {
				return sum, err
			}
		}
		if errors.Is(err, io.EOF) {
			return sum, nil
		}
		if err != nil {
			return sum, err
		}
	}
}

// fill reads until less than a group's room is left.
func (r *recoder) fill(p []byte) (n int, err error) {
	for err == nil && len(p)-n >= r.out {
		var m int
		m, err = r.read(p[n:])
		n += m
	}
	return n, err
}

func (r *recoder) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	return r.src.Close()
}

// buffered is any other source.
type buffered struct {
	io.Closer
	r *bufio.Reader
}

func (b *buffered) window() ([]byte, error) {
	if _, err := b.r.Peek(1); err != nil {
		return nil, err
	}
	return b.r.Peek(b.r.Buffered())
}

func (b *buffered) advance(n int) { _, _ = b.r.Discard(n) }
