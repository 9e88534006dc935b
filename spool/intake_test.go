package spool

import (
	"io"
	"strings"
	"testing"
)

// TestManyIntakes: of the bodies that go to disk while they come in, so many have a large buffer and the others a small
// one; all come whole, and give their buffers back.
func TestManyIntakes(t *testing.T) {
	p, err := New(Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Repeat("0123456789abcdef", 5*smallBuffer/16)
	intakes := make([]*intake, largeBuffers+3)
	for i := range intakes {
		c := p.claimFor(-1, 1<<20)
		defer c.Close()
		in := newIntake(c, strings.NewReader(text), 1<<20)
		if _, err := in.next(); err != nil {
			t.Fatal(err)
		}
		want := chunkSize
		if i >= largeBuffers {
			want = smallBuffer
		}
		if len(in.buf) != want {
			t.Errorf("body %d has a buffer of %d bytes, want %d", i, len(in.buf), want)
		}
		intakes[i] = in
	}
	for i, in := range intakes {
		b, err := in.end()
		if err != nil {
			t.Fatal(err)
		}
		r, err := b.Open()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || string(got) != text {
			t.Errorf("body %d came with %d bytes of %d: %v", i, len(got), len(text), err)
		}
		_, _ = r.Close(), b.Close()
		in.close()
	}
	if n := p.lent.Load(); n != 0 {
		t.Errorf("%d buffers were not given back", n)
	}
}
