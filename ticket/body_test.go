package ticket_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"switchyard/ticket"
)

// TestBodiesLastUntilTheTicketIsDone: small ones in the row, large ones in a file, by whichever process.
func TestBodiesLastUntilTheTicketIsDone(t *testing.T) {
	for name, text := range map[string]string{"small": `{"prompt":"x"}`, "large": strings.Repeat("x", 200_000)} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			c := ticket.Config{DB: database(t, filepath.Join(dir, "x.db")), Dir: filepath.Join(dir, "bodies")}
			if _, err := store(t, c).Create(t.Context(), draft("a"), sent(text)); err != nil {
				t.Fatal(err)
			}
			s := store(t, c) // another process
			taken := func() {
				if _, err := s.Create(t.Context(), draft("a"), sent(strings.Repeat("y", len(text)))); !errors.Is(err, ticket.ErrExists) {
					t.Errorf("another of the same id: %v", err)
				}
			}
			taken()
			body, size, err := s.Body(t.Context(), "a")
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(body)
			_ = body.Close()
			if err != nil || string(got) != text || size != int64(len(text)) {
				t.Errorf("%d of %d bytes came back, %v", len(got), size, err)
			}
			if _, err := s.Advance(t.Context(), move("a", ticket.Accepted, ticket.Done)); err != nil {
				t.Fatal(err)
			}
			taken()
			if _, _, err := s.Body(t.Context(), "a"); err == nil && name == "large" {
				t.Error("the body outlived its ticket")
			}
			if files, _ := os.ReadDir(c.Dir); len(files) != 0 {
				t.Errorf("%d files are left", len(files))
			}
		})
	}
}

func TestBodiesWithoutTicketsAreSwept(t *testing.T) {
	dir := t.TempDir()
	c := ticket.Config{DB: database(t, filepath.Join(dir, "x.db")), Dir: dir + "/bodies"}
	large := sent(strings.Repeat("x", 200_000))
	if _, err := store(t, c).Create(t.Context(), draft("open"), large); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(c.Dir, "left"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	store(t, c)
	files, err := os.ReadDir(c.Dir)
	if err != nil || len(files) != 1 || files[0].Name() != "open" {
		t.Errorf("left %v, %v", files, err)
	}
}

// TestWhatIsNotOnDiskLeavesNothing: the app, or the owner, can try again when the disk is well.
func TestWhatIsNotOnDiskLeavesNothing(t *testing.T) {
	errDisk := errors.New("the disk is gone")
	for _, ill := range []string{"file", "folder"} {
		healed := false
		dir := t.TempDir()
		c := ticket.Config{DB: database(t, filepath.Join(dir, "x.db")), Dir: filepath.Join(dir, "bodies")}.WithSync(func(f *os.File) error {
			what := "file"
			if info, err := f.Stat(); err == nil && info.IsDir() {
				what = "folder"
			}
			if what == ill && !healed {
				return errDisk
			}
			return f.Sync()
		})
		s := store(t, c)
		large, done := sent(strings.Repeat("x", 200_000)), move("b", ticket.Accepted, ticket.Done)
		_, created := s.Create(t.Context(), draft("a"), large)
		aside := s.SetAside(done)
		if !errors.Is(created, errDisk) || !errors.Is(aside, errDisk) {
			t.Errorf("%s: created %v, set aside %v", ill, created, aside)
		}
		if files, err := os.ReadDir(c.Dir); err != nil || len(files) != 0 {
			t.Errorf("%s: left %v, %v", ill, files, err)
		}
		healed = true
		_, created = s.Create(t.Context(), draft("a"), large)
		if err := errors.Join(created, s.SetAside(done)); err != nil {
			t.Errorf("%s: again: %v", ill, err)
		}
	}
}

func TestALargeBodyNeedsAFolder(t *testing.T) {
	if _, err := store(t, ticket.Config{}).Create(t.Context(), draft("a"), sent(strings.Repeat("x", 200_000))); !errors.Is(err, ticket.ErrTooLarge) {
		t.Errorf("got %v", err)
	}
}

// TestABodyWithoutATicketIsNotFound: whoever asks need not try again.
func TestABodyWithoutATicketIsNotFound(t *testing.T) {
	if _, _, err := store(t, ticket.Config{}).Body(t.Context(), "a"); !errors.Is(err, ticket.ErrNotFound) {
		t.Errorf("%v", err)
	}
}
