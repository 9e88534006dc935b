package spool_test

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"testing"

	"switchyard/spool"
)

// TestCloseWhileRead: net/http may close a request body that its other goroutine is reading. A reader closed so gives
// an error, panics never, and hands no buffer on that somebody still writes to.
func TestCloseWhileRead(t *testing.T) {
	p := newPool(t, 8<<20)
	raw := body(t, p, strings.Repeat("image", 200_000))
	defer raw.Close()
	blob := spool.Concat{spool.Bytes(`{"image":"`), spool.Base64(raw), spool.Bytes(`"}`)}
	want, err := blob.Open()
	if err != nil {
		t.Fatal(err)
	}
	whole, err := io.ReadAll(want)
	if err != nil {
		t.Fatal(err)
	}
	_ = want.Close()
	var all sync.WaitGroup
	for range 50 {
		r, err := blob.Open()
		if err != nil {
			t.Fatal(err)
		}
		begun := make(chan struct{})
		all.Go(func() {
			begin := sync.OnceFunc(func() { close(begun) })
			var got []byte
			for buf := make([]byte, 32<<10); ; {
				n, err := r.Read(buf)
				got = append(got, buf[:n]...)
				begin()
				if err != nil {
					break
				}
			}
			if !bytes.HasPrefix(whole, got) {
				t.Error("it read something else than what was there")
			}
		})
		all.Go(func() {
			<-begun
			_ = r.Close()
		})
	}
	all.Wait()
}
