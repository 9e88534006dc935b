package spool

import (
	"bytes"
	"io"
	"os"
	"testing"
)

// What goes to disk is brought there as it comes, in order and but once; little is left for the kernel.
func TestWriteBack(t *testing.T) {
	p, err := New(Config{Memory: chunkSize, Dir: t.TempDir(), WriteBack: true})
	if err != nil {
		t.Fatal(err)
	}
	var done int64 // bytes of the file
	p.through = func(f *os.File, from, n int64) {
		if info, err := f.Stat(); err != nil || from != done || from+n != info.Size() {
			t.Errorf("%d bytes from %d of a file of %v, after %d (%v)", n, from, info.Size(), done, err)
		}
		writeBack(f, from, n)
		done = from + n
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
