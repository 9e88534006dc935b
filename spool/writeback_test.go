package spool

import (
	"bytes"
	"errors"
	"io"
	"os"
	"syscall"
	"testing"
)

// What goes to disk is brought there as it comes, in order and but once; little is left for the kernel.
func TestWriteBack(t *testing.T) {
	p, err := New(Config{Memory: chunkSize, Dir: t.TempDir(), WriteBack: true})
	if err != nil {
		t.Fatal(err)
	}
	var done int64 // bytes of the file
	p.through = func(f *os.File, from, n int64) error {
		if info, err := f.Stat(); err != nil || from != done || from+n != info.Size() {
			t.Errorf("%d bytes from %d of a file of %v, after %d (%v)", n, from, info.Size(), done, err)
		}
		done = from + n
		return writeBack(f, from, n)
	}
	w := p.Writer(1 << 30)
	text := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	rest := text
	for _, size := range []int{1, 1 << 10, 100_000, 1 << 18, 1 << 19} {
		if _, err := w.Write(rest[:size]); err != nil {
			t.Fatal(err)
		}
		rest = rest[size:]
	}
	text = text[:len(text)-len(rest)]
	b := w.Body()
	defer b.Close()
	if left := b.Len() - p.Memory() - done; left < 0 || left >= mostDirty {
		t.Errorf("%d bytes are left, of %d", left, b.Len())
	}
	r, err := b.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, text) {
		t.Errorf("%d bytes come back, %v", len(got), err)
	}
}

// The kernel tells only once that a disk has not taken what it was given.
func TestWriteBackFails(t *testing.T) {
	p, err := New(Config{Memory: chunkSize, Dir: t.TempDir(), WriteBack: true})
	if err != nil {
		t.Fatal(err)
	}
	p.through = func(*os.File, int64, int64) error { return syscall.EIO }
	w := p.Writer(1 << 30)
	defer w.Abort()
	if _, err := w.Write(make([]byte, 1<<20)); !errors.Is(err, syscall.EIO) {
		t.Errorf("the write says %v", err)
	}
}
