package ticket_test

import (
	"io"
	"path/filepath"
	"strings"
	"testing"

	"switchyard/ticket"
)

// TestAt reads any part of what the app sent, wherever it is kept.
func TestAt(t *testing.T) {
	for name, text := range map[string]string{"in its row": strings.Repeat("0123456789", 100), "in a file": strings.Repeat("0123456789", 20_000)} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := store(t, ticket.Config{DB: database(t, filepath.Join(dir, "x.db")), Dir: filepath.Join(dir, "bodies")})
			if _, err := s.Create(t.Context(), draft("a"), sent(text)); err != nil {
				t.Fatal(err)
			}
			at := s.At("a")
			for _, c := range []struct{ off, n int }{{0, len(text)}, {3, 4}, {len(text) - 2, 2}} {
				got := make([]byte, c.n)
				if _, err := at.ReadAt(got, int64(c.off)); err != nil && err != io.EOF || string(got) != text[c.off:c.off+c.n] {
					t.Errorf("%d bytes at %d: %.20q, %v", c.n, c.off, got, err)
				}
			}
			if n, err := at.ReadAt(make([]byte, 5), int64(len(text)-2)); n != 2 || err != io.EOF {
				t.Errorf("over the end: %d, %v", n, err)
			}
			if _, err := s.At("nobody").ReadAt(make([]byte, 1), 0); err == nil {
				t.Error("a ticket that is not there has a body")
			}
		})
	}
}
