package spool

import (
	"bytes"
	"errors"
	"io"
	"sync"

	"switchyard"
)

// Bytes is a blob of literal bytes, which must not change any more.
type Bytes []byte

// Open reads the bytes.
func (b Bytes) Open() (io.ReadCloser, error) { return literal{bytes.NewReader(b)}, nil }

// ReadAt reads from anywhere in them.
func (b Bytes) ReadAt(p []byte, off int64) (int, error) { return bytes.NewReader(b).ReadAt(p, off) }

// Len is their number.
func (b Bytes) Len() int64 { return int64(len(b)) }

type literal struct{ *bytes.Reader }

func (literal) Close() error { return nil }

// Concat is blobs one after another, as one. Its length is known before anything is opened.
type Concat []switchyard.Blob

// Len is the sum of the lengths.
func (c Concat) Len() int64 {
	var n int64
	for _, b := range c {
		n += b.Len()
	}
	return n
}

// Open opens the first blob; the others when it is their turn.
func (c Concat) Open() (io.ReadCloser, error) {
	r := &concatReader{rest: c}
	return r, nil
}

type concatReader struct {
	mu     sync.Mutex // net/http may close a request body while it is being read
	rest   Concat
	cur    io.ReadCloser
	closed bool
}

// next opens the next blob. Requires mu, but in WriteTo, which nobody closes from elsewhere.
func (r *concatReader) next() error {
	if r.closed {
		return ErrClosed
	}
	if len(r.rest) == 0 {
		return io.EOF
	}
	cur, err := r.rest[0].Open()
	if err != nil {
		return err
	}
	r.cur, r.rest = cur, r.rest[1:]
	return nil
}

func (r *concatReader) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		if r.cur == nil {
			if err := r.next(); err != nil {
				return 0, err
			}
		}
		n, err := r.cur.Read(p)
		if !errors.Is(err, io.EOF) {
			return n, err
		}
		if err := r.drop(); err != nil {
			return n, err
		}
		if n > 0 {
			return n, nil
		}
	}
}

// WriteTo lets each piece choose its own best way to be copied.
func (r *concatReader) WriteTo(w io.Writer) (int64, error) {
	var sum int64
	for {
		if r.cur == nil {
			if err := r.next(); errors.Is(err, io.EOF) {
				return sum, nil
			} else if err != nil {
				return sum, err
			}
		}
		n, err := io.Copy(w, r.cur)
		sum += n
		if err != nil {
			return sum, err
		}
		if err := r.drop(); err != nil {
			return sum, err
		}
	}
}

func (r *concatReader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	return r.drop()
}

func (r *concatReader) drop() error {
	if r.cur == nil {
		return nil
	}
	err := r.cur.Close()
	r.cur = nil
	return err
}

var (
	_ switchyard.Blob = Bytes(nil)
	_ switchyard.Blob = Concat(nil)
	_ switchyard.Blob = (*Range)(nil)
)
