package asset

import (
	"context"
	"crypto/md5" // providers give it as a checksum; nothing relies on it
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"switchyard/durable"
)

func (u *Uploads) writeDoc(name string, doc upload) error {
	text, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	return durable.Writer{}.Place(filepath.Join(u.root.Name(), name), durable.Bytes(text))
}

// sync brings the names to disk, too.
func (u *Uploads) sync() error { return durable.Writer{}.SyncFolder(u.root.Name()) }

// written are bytes that are on disk and counted, but have no name yet.
type written struct {
	temp        string
	size        int64
	sha256, md5 string
}

// write puts a stream on disk, in pieces, and computes its checksums on the way.
func (u *Uploads) write(ctx context.Context, r io.Reader) (w written, err error) {
	if err := u.reserve(block); err != nil {
		return w, err
	}
	long, short := sha256.New(), md5.New()
	temp, err := durable.Writer{}.Temp(u.root.Name(), func(f *os.File) (err error) {
		w.size, err = u.copy(ctx, io.MultiWriter(f, long, short), r)
		return err
	})
	w.temp = filepath.Base(temp)
	if err != nil {
		u.discard(w)
		return written{}, fmt.Errorf("uploads: %w", err)
	}
	w.sha256, w.md5 = hex.EncodeToString(long.Sum(nil)), hex.EncodeToString(short.Sum(nil))
	return w, nil
}

// copy counts what it has written, whether it fails or not.
func (u *Uploads) copy(ctx context.Context, dst io.Writer, r io.Reader) (n int64, err error) {
	buf, ok := u.buffers.Get().(*[256 << 10]byte)
	if !ok {
		buf = new([256 << 10]byte)
	}
	defer u.buffers.Put(buf)
	for ctx.Err() == nil {
		m, readErr := fill(r, buf[:])
		if n+int64(m) > u.maxFile {
			return n, ErrTooLarge
		}
		if err := u.reserve(int64(m)); err != nil {
			return n, err
		}
		n += int64(m)
		if _, err := dst.Write(buf[:m]); err != nil {
			return n, err
		}
		if errors.Is(readErr, io.EOF) {
			return n, nil
		}
		if readErr != nil {
			return n, readErr
		}
	}
	return n, ctx.Err()
}

// fill reads until p is full. Unlike io.ReadFull it distinguishes the end of a stream from one that broke off.
func fill(r io.Reader, p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = r.Read(p[n:])
		n += m
	}
	return n, err
}

// reserve counts bytes that are about to be written.
func (u *Uploads) reserve(n int64) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.total+n > u.max {
		return ErrFull
	}
	u.total += n
	return nil
}

func (u *Uploads) release(n int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.total -= n
}

// discard removes what was written.
func (u *Uploads) discard(w written) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.drop(w)
}

// drop is discard. Requires mu.
func (u *Uploads) drop(w written) {
	_ = u.root.Remove(w.temp) // what stays is swept
	u.total -= w.size + block
}

// joined reads files one after another, and opens each when its turn comes.
type joined struct {
	root  *os.Root
	names []string
	cur   *os.File
}

func (j *joined) Read(p []byte) (int, error) {
	for {
		if j.cur == nil {
			if len(j.names) == 0 {
				return 0, io.EOF
			}
			f, err := j.root.Open(j.names[0])
			if err != nil {
				return 0, err
			}
			j.cur, j.names = f, j.names[1:]
		}
		n, err := j.cur.Read(p)
		if !errors.Is(err, io.EOF) {
			return n, err
		}
		if err := j.Close(); err != nil || n > 0 {
			return n, err
		}
	}
}

func (j *joined) Close() error {
	if j.cur == nil {
		return nil
	}
	err := j.cur.Close()
	j.cur = nil
	return err
}
