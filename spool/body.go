package spool

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"

	"switchyard"
)

// ErrTooLarge is what reading a body over its limit ends with; ErrClosed, what using a closed one does.
var (
	ErrTooLarge = errors.New("spool: body over the limit")
	ErrClosed   = errors.New("spool: body is closed")
)

// Body is bytes that have arrived whole. It does not change. Safe for concurrent use; its one owner closes it.
type Body struct {
	pool   *Pool
	n      int64
	chunks [][]byte // the first mem bytes: one of firstChunk, then of chunkSize
	mem    int64
	file   *os.File    // what comes after; nil if it all fitted
	away   io.ReaderAt // has all of it, since Move; nil before
	refs   atomic.Int64
	once   sync.Once

	scanned bool // on arrival, with this outcome
	root    *Value
	syntax  error
}

// Len is the number of bytes.
func (b *Body) Len() int64 { return b.n }

// Close gives up the owner's hold. The bytes are freed when the last open reader is closed.
func (b *Body) Close() error {
	b.once.Do(b.drop)
	return nil
}

// Keep holds the body for longer than its owner does, for one who works on with it. The caller must call done, once.
func (b *Body) Keep() (done func()) {
	if !b.hold() {
		panic("spool: a closed body is kept")
	}
	return sync.OnceFunc(b.drop)
}

// Move leaves the bytes to from, which has the same ones for as long as the body is used, and gives back what they took
// here. The caller is the only one who uses the body so far, and has no reader of it open.
func (b *Body) Move(from io.ReaderAt) {
	b.free()
	b.away, b.mem, b.file = from, 0, nil
}

// hold takes a reference; false if the body is gone already.
func (b *Body) hold() bool {
	for {
		n := b.refs.Load()
		if n == 0 {
			return false
		}
		if b.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (b *Body) drop() {
	if b.refs.Add(-1) != 0 {
		return
	}
	b.free()
}

// free gives back memory and file.
func (b *Body) free() {
	b.pool.release(b.chunks)
	b.chunks = nil
	if b.file != nil {
		_ = b.file.Close()
		b.pool.files.Add(-1)
	}
}

// Open reads the whole body. Body is a switchyard.Blob.
func (b *Body) Open() (io.ReadCloser, error) { return b.Range(0, b.n).Open() }

var _ switchyard.Blob = (*Body)(nil)

// ReadAt reads from anywhere in the body.
func (b *Body) ReadAt(p []byte, off int64) (int, error) { return b.Range(0, b.n).ReadAt(p, off) }

// Range is a part of the body, as a blob. It panics if it is not inside.
func (b *Body) Range(off, end int64) *Range {
	if off < 0 || end < off || end > b.n {
		panic(fmt.Sprintf("spool: range [%d, %d) of a body of %d bytes", off, end, b.n))
	}
	return &Range{b, off, end}
}

// window is the longest run of bytes at off that lies in one piece, at most up to end. Bytes on disk are read into
// buf. The caller holds the body.
func (b *Body) window(off, end int64, buf []byte) ([]byte, error) {
	if off < b.mem {
		i, at := int64(0), off
		if off >= firstChunk {
			i, at = 1+(off-firstChunk)/chunkSize, (off-firstChunk)%chunkSize
		}
		c := b.chunks[i][at:]
		if n := min(end, b.mem) - off; int64(len(c)) > n {
			c = c[:n]
		}
		return c, nil
	}
	if n := end - off; int64(len(buf)) > n {
		buf = buf[:n]
	}
	var n int
	var err error
	if b.away != nil {
		n, err = b.away.ReadAt(buf, off)
	} else {
		n, err = b.file.ReadAt(buf, off-b.mem)
	}
	if n == len(buf) {
		return buf, nil
	}
	// Never an io.EOF, which would make half a body look like a whole one.
	return nil, fmt.Errorf("spool: read back %d of %d bytes: %s", n, len(buf), err.Error())
}

// Range is a part of a Body.
type Range struct {
	body     *Body
	off, end int64
}

// Len is the number of bytes.
func (r *Range) Len() int64 { return r.end - r.off }

// Open reads the range. The reader is safe against a Close from another goroutine, as net/http does it.
func (r *Range) Open() (io.ReadCloser, error) {
	if !r.body.hold() {
		return nil, ErrClosed
	}
	return &reader{body: r.body, off: r.off, end: r.end}, nil
}

// ReadAt reads from anywhere in the range.
func (r *Range) ReadAt(p []byte, off int64) (int, error) {
	if !r.body.hold() {
		return 0, ErrClosed
	}
	defer r.body.drop()
	n := 0
	for at := r.off + off; n < len(p); {
		if at >= r.end {
			return n, io.EOF
		}
		w, err := r.body.window(at, r.end, p[n:])
		if err != nil {
			return n, err
		}
		m := copy(p[n:], w)
		n, at = n+m, at+int64(m)
	}
	return n, nil
}

type reader struct {
	mu       sync.Mutex // net/http may close a request body while it is being read
	body     *Body      // nil once closed
	off, end int64
	buf      []byte // for window, what is on disk; nil until needed
	at       int64  // where the bytes in buf begin
	have     []byte // of buf, what is there
}

// window is what comes next, where it lies. Only for a reader that nobody closes meanwhile.
func (r *reader) window() ([]byte, error) {
	switch {
	case r.body == nil:
		return nil, ErrClosed
	case r.off == r.end:
		return nil, io.EOF
	case r.off < r.body.mem:
		return r.body.window(r.off, r.end, nil)
	}
	if i := r.off - r.at; i < int64(len(r.have)) {
		return r.have[i:], nil
	}
	if r.buf == nil {
		r.buf = scratch.take()
	}
	var err error
	r.at = r.off
	r.have, err = r.body.window(r.off, r.end, r.buf)
	return r.have, err
}

func (r *reader) advance(n int) { r.off += int64(n) }

func (r *reader) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.body == nil {
		return 0, ErrClosed
	}
	if r.off == r.end {
		return 0, io.EOF
	}
	w, err := r.body.window(r.off, r.end, p)
	if err != nil {
		return 0, err
	}
	n := copy(p, w)
	r.off += int64(n)
	return n, nil
}

// WriteTo hands the pieces out without copying them.
func (r *reader) WriteTo(w io.Writer) (int64, error) {
	if r.body == nil {
		return 0, ErrClosed
	}
	var buf []byte
	if r.end > r.body.mem {
		buf = scratch.take()
		defer scratch.give(buf)
	}
	start := r.off
	for r.off < r.end {
		if n, err := r.send(w); n > 0 || err != nil {
			r.off += n
			return r.off - start, err
		}
		p, err := r.body.window(r.off, r.end, buf)
		if err != nil {
			return r.off - start, err
		}
		n, err := w.Write(p)
		r.off += int64(n)
		if err != nil {
			return r.off - start, err
		}
	}
	return r.off - start, nil
}

func (r *reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.body != nil {
		r.body.drop()
		r.body = nil
	}
	if r.buf != nil {
		scratch.give(r.buf)
		r.buf, r.have = nil, nil
	}
	return nil
}

// scratch is buffers for one loop's use: taken and given back by the same function, never handed over.
var scratch buffers

type buffers struct{ pool sync.Pool }

func (b *buffers) take() []byte {
	if p, ok := b.pool.Get().(*[chunkSize]byte); ok {
		return p[:]
	}
	return make([]byte, chunkSize)
}

func (b *buffers) give(p []byte) { b.pool.Put((*[chunkSize]byte)(p)) }
