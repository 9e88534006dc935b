package proxy

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"sync/atomic"

	"switchyard"
	"switchyard/spool"
)

// upload reads an app's body, and notes how far it came: if it could not be read, that is not the provider's fault. The
// transport reads it in a goroutine of its own.
type upload struct {
	io.ReadCloser
	whole  atomic.Bool // it was read to its end
	failed atomic.Bool // it could not be
}

func (u *upload) Read(p []byte) (int, error) {
	n, err := u.ReadCloser.Read(p)
	switch {
	case errors.Is(err, io.EOF):
		u.whole.Store(true)
	case err != nil && !errors.Is(err, http.ErrBodyReadAfterClose):
		u.failed.Store(true)
	}
	return n, err
}

// download notes that an answer broke off: httputil tells that only by its panic. And it holds the answer's last byte back
// until last returns. An app that was told no length knows the end by what the server sends once the handler has
// returned; the passage sees to it that this is late enough.
type download struct {
	io.ReadCloser
	cut  *bool
	left int64 // bytes to come; negative if that was not told
	last func()
}

func (d *download) Read(p []byte) (int, error) {
	n, err := d.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		*d.cut = true
	}
	if d.left > 0 {
		if d.left -= int64(n); d.left == 0 {
			d.last()
		}
	}
	return n, err
}

// read spools the app's request, in the time that it may take.
func (q *request) read() (*spool.Message, error) {
	came := q.snap.Settings.boundBody(q.w, q.r)
	msg, err := q.message(q.r, q.place, q.snap.Settings.MaxRequestBody)
	if err == nil {
		came()
	}
	return msg, err
}

// message reads a request for a place, of at most so many bytes, to its end.
func (h *Handler) message(r *http.Request, at place, most int64) (*spool.Message, error) {
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return nil, switchyard.Invalid("", "Content-Encoding %q is not supported.", encoding)
	}
	if r.ContentLength > most {
		return nil, &switchyard.Error{Kind: switchyard.TooLarge}
	}
	in := &upload{ReadCloser: r.Body}
	body, err := h.Runner.Pool.ReadJSON(in, r.ContentLength, most)
	switch {
	case errors.Is(err, spool.ErrTooLarge):
		return nil, &switchyard.Error{Kind: switchyard.TooLarge}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, &switchyard.Error{Kind: switchyard.TimedOut, Err: err}
	case in.failed.Load():
		return nil, switchyard.Invalid("", "The request body is incomplete.")
	case err != nil:
		return nil, switchyard.AsError(err)
	}
	return &spool.Message{Base: at.base, Method: r.Method, Path: at.path, Query: at.query, Header: r.Header, Body: body}, nil
}

// buffers is a pool of copy buffers for httputil.
type buffers struct {
	size int
	pool sync.Pool
}

// Get takes a buffer.
func (b *buffers) Get() []byte {
	if p, ok := b.pool.Get().(*[]byte); ok {
		return *p
	}
	return make([]byte, b.size)
}

// Put gives one back.
func (b *buffers) Put(p []byte) { b.pool.Put(&p) }

// copyBuffers are larger than the standard ones: with answers of megabytes that saves a quarter of the work.
var copyBuffers = &buffers{size: 128 << 10}
