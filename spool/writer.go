package spool

import "io"

// Writer makes a Body piece by piece. For one goroutine; end it with Body or Abort.
type Writer struct {
	body  *Body
	claim *Claim
	own   bool // the claim is the writer's
	limit int64
	dirty int64  // bytes at the end of the file that may not be on disk; counted only if they should be
	tail  []byte // what is free of the last chunk
}

// Writer starts a body of at most limit bytes, whose size is not known.
func (p *Pool) Writer(limit int64) *Writer {
	w := newWriter(&Claim{pool: p}, limit)
	w.own = true
	return w
}

func newWriter(c *Claim, limit int64) *Writer {
	b := &Body{pool: c.pool}
	b.refs.Store(1)
	return &Writer{body: b, claim: c, limit: limit}
}

// Write appends; over the limit it gives ErrTooLarge.
func (w *Writer) Write(p []byte) (int, error) {
	if w.body.n+int64(len(p)) > w.limit {
		return 0, ErrTooLarge
	}
	done := 0
	for done < len(p) {
		free, err := w.room()
		if err != nil {
			return done, err
		}
		if free == nil {
			n, err := w.toFile(p[done:])
			return done + n, err
		}
		n := copy(free, p[done:])
		w.grow(n)
		done += n
	}
	return done, nil
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
	var chunk []byte
	if len(b.chunks) == 0 {
		chunk = b.pool.takeFirst()
	} else {
		chunk = w.claim.take()
	}
	if chunk != nil {
		b.chunks = append(b.chunks, chunk)
		w.tail = chunk
		return chunk, nil
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

func (w *Writer) toFile(p []byte) (int, error) {
	n, err := w.body.file.Write(p)
	w.body.n += int64(n)
	if err == nil && w.body.pool.through != nil {
		err = w.writeBack(int64(n))
	}
	if err != nil {
		return n, noRoom(err)
	}
	return n, nil
}

// mostDirty is small, since there may be hundreds of bodies, and large enough for a disk to be fast.
const mostDirty = 256 << 10

// writeBack counts n more bytes at the end of the file.
func (w *Writer) writeBack(n int64) error {
	if w.dirty += n; w.dirty < mostDirty {
		return nil
	}
	from, dirty := w.body.n-w.body.mem-w.dirty, w.dirty
	w.dirty = 0
	return w.body.pool.through(w.body.file, from, dirty)
}

// Body ends the writing.
func (w *Writer) Body() *Body {
	b := w.body
	w.release()
	return b
}

// Abort throws away what was written. It may follow Body, and then does nothing.
func (w *Writer) Abort() {
	if w.body != nil {
		_ = w.body.Close()
		w.release()
	}
}

func (w *Writer) release() {
	w.body, w.tail = nil, nil
	if w.own {
		w.claim.Close()
	}
}

var _ io.Writer = (*Writer)(nil)
