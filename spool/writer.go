package spool

import (
	"errors"
	"fmt"
	"io"
)

// Writer makes a Body piece by piece. For one goroutine; end it with Body or Abort.
type Writer struct {
	body  *Body
	limit int64
	tail  []byte // what is free of the last chunk
}

// Writer starts a body of at most limit bytes.
func (p *Pool) Writer(limit int64) *Writer {
	b := &Body{pool: p}
	b.refs.Store(1)
	return &Writer{body: b, limit: limit}
}

// Write appends; over the limit it gives ErrTooLarge.
func (w *Writer) Write(p []byte) (int, error) {
	done := 0
	for done < len(p) {
		free, err := w.room()
		if err != nil {
			return done, err
		}
		if free == nil { // on disk
			if w.body.n+int64(len(p)-done) > w.limit {
				return done, ErrTooLarge
			}
			n, err := w.body.file.Write(p[done:])
			w.body.n += int64(n)
			return done + n, wrapDisk(err)
		}
		n := copy(free, p[done:])
		if w.body.n+int64(n) > w.limit {
			return done, ErrTooLarge
		}
		w.grow(n)
		done += n
	}
	return done, nil
}

// fill reads r to its end, straight into the chunks.
func (w *Writer) fill(r io.Reader) error {
	for {
		free, err := w.room()
		if err != nil {
			return err
		}
		if free == nil {
			return w.fillFile(r)
		}
		n, err := r.Read(free)
		if w.body.n+int64(n) > w.limit {
			return ErrTooLarge
		}
		w.grow(n)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (w *Writer) fillFile(r io.Reader) error {
	// A reader that allows one byte too many tells a body at the limit from one over it.
	buf := scratch.take()
	defer scratch.give(buf)
	n, err := io.CopyBuffer(struct{ io.Writer }{w.body.file}, io.LimitReader(r, w.limit-w.body.n+1), buf)
	w.body.n += n
	if err == nil && w.body.n > w.limit {
		return ErrTooLarge
	}
	return err
}

// room is free memory to write to, or nil if the body goes on in a file.
func (w *Writer) room() ([]byte, error) {
	b := w.body
	if b.file != nil {
		return nil, nil
	}
	if len(w.tail) > 0 {
		return w.tail, nil
	}
	size := chunkSize
	if len(b.chunks) == 0 {
		size = firstChunk
	}
	if c := b.pool.chunk(size); c != nil {
		b.chunks = append(b.chunks, c)
		w.tail = c
		return c, nil
	}
	f, err := b.pool.spill()
	b.file = f
	return nil, err
}

func (w *Writer) grow(n int) {
	w.tail = w.tail[n:]
	w.body.n += int64(n)
	w.body.mem += int64(n)
}

// Body ends the writing.
func (w *Writer) Body() *Body {
	b := w.body
	w.body, w.tail = nil, nil
	return b
}

// Abort throws away what was written. It may follow Body, and then does nothing.
func (w *Writer) Abort() {
	if w.body != nil {
		_ = w.body.Close()
		w.body = nil
	}
}

func wrapDisk(err error) error {
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	return nil
}

var _ io.Writer = (*Writer)(nil)
