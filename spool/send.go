package spool

import (
	"io"
	"os"
	"strconv"
)

// send leaves what is on disk to the kernel, if w can do so: a connection copies from a file without showing us the
// bytes. It needs a descriptor with a place of its own, since others read the same file. 0 if it is not to be had.
func (r *reader) send(w io.Writer) (int64, error) {
	to, ok := w.(io.ReaderFrom)
	if !ok || r.body.file == nil || r.off < r.body.mem || r.end-r.off < chunkSize {
		return 0, nil
	}
	f, err := os.Open("/proc/self/fd/" + strconv.Itoa(int(r.body.file.Fd()))) // Linux; it has no name to open it by
	if err != nil {
		return 0, nil
	}
	defer f.Close()
	if _, err := f.Seek(r.off-r.body.mem, io.SeekStart); err != nil {
		return 0, nil
	}
	n, err := to.ReadFrom(&io.LimitedReader{R: f, N: r.end - r.off})
	if err == nil && n < r.end-r.off {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}
