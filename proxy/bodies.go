package proxy

import (
	"errors"
	"io"
	"net/http"
	"sync/atomic"
)

// upload notes that the app's body could not be read: that is not its provider's fault. The transport reads it in a
// goroutine of its own.
type upload struct {
	io.ReadCloser
	failed *atomic.Bool
}

func (u *upload) Read(p []byte) (int, error) {
	n, err := u.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, http.ErrBodyReadAfterClose) {
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
