package spool_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// broken gives nothing.
type broken struct{}

func (broken) ReadAt([]byte, int64) (int, error) { return 0, errors.New("gone") }

// TestMove: a body that has its bytes elsewhere is as it was, whatever it was in, and takes nothing here.
func TestMove(t *testing.T) {
	for name, text := range map[string]string{"small": "a red fox", "large": strings.Repeat("a red fox ", 50_000)} {
		for memory, where := range map[int64]string{0: "disk", 8 << 20: "memory"} {
			t.Run(name+" from "+where, func(t *testing.T) {
				p := newPool(t, memory)
				b := body(t, p, text)
				kept := b.Range(2, 7)
				b.Move(strings.NewReader(text))
				if p.Memory() != 0 || p.Files() != 0 {
					t.Errorf("%d bytes and %d files are held", p.Memory(), p.Files())
				}
				if got := read(t, b); got != text || copied(t, b) != text {
					t.Errorf("read %d bytes, want %d", len(got), len(text))
				}
				if got := read(t, kept); got != "red f" {
					t.Errorf("a range reads %q", got)
				}
				if err := b.Close(); err != nil {
					t.Error(err)
				}
				if _, err := b.Open(); err == nil {
					t.Error("a closed body can be read")
				}
			})
		}
	}
	b := body(t, newPool(t, 1<<20), "a red fox")
	defer b.Close()
	b.Move(broken{})
	r, err := b.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := new(bytes.Buffer).ReadFrom(r); err == nil {
		t.Error("half a body passed for a whole one")
	}
}
