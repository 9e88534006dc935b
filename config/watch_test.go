package config_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"switchyard/config"
)

// deadline is for what must come, and generous: a slow machine is no fault.
const deadline = 20 * time.Second

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// watch runs w until the test ends, and sends the content at each report.
func watch(t *testing.T, w config.Watcher) <-chan string {
	t.Helper()
	reports := make(chan string, 10)
	ended := make(chan error)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		ended <- w.Run(ctx, func() {
			text, err := os.ReadFile(w.Path)
			if err != nil {
				t.Error(err)
			}
			reports <- string(text)
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		select {
		case text := <-reports:
			t.Errorf("one report too many: %q", text)
		default:
		}
	})
	return reports
}

func expect(t *testing.T, reports <-chan string, want string) {
	t.Helper()
	select {
	case got := <-reports:
		if got != want {
			t.Fatalf("reported %q, want %q", got, want)
		}
	case <-time.After(deadline):
		t.Fatalf("no report of %q", want)
	}
}

// quick settles fast and never polls, so that only events can tell.
func quick(path, seen string) config.Watcher {
	return config.Watcher{Path: path, Seen: []byte(seen), Settle: 20 * time.Millisecond, Poll: time.Hour}
}

func TestWatchAWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.yaml")
	write(t, path, "one")
	reports := watch(t, quick(path, "zero"))
	expect(t, reports, "one") // it had changed before Run began
	write(t, path, "two")
	expect(t, reports, "two")
}

func TestWatchASaveByRename(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "config.yaml")
	write(t, path, "one")
	reports := watch(t, quick(path, "zero"))
	expect(t, reports, "one") // so it is watching
	for _, text := range []string{"two", "three"} {
		write(t, path+"~", text)
		if err := os.Rename(path+"~", path); err != nil {
			t.Fatal(err)
		}
		expect(t, reports, text)
	}
}

// As Kubernetes does it: config.yaml → ..data/config.yaml, and ..data is swapped.
func TestWatchAConfigMap(t *testing.T) {
	dir := t.TempDir()
	link := func(from, to string) {
		t.Helper()
		if err := os.Symlink(from, filepath.Join(dir, to)); err != nil {
			t.Fatal(err)
		}
	}
	version := func(name, text string) {
		t.Helper()
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, name, "config.yaml"), text)
	}
	version("..v1", "one")
	link("..v1", "..data")
	link("..data/config.yaml", "config.yaml")
	reports := watch(t, quick(filepath.Join(dir, "config.yaml"), "zero"))
	expect(t, reports, "one")
	version("..v2", "two")
	link("..v2", "..tmp")
	if err := os.Rename(filepath.Join(dir, "..tmp"), filepath.Join(dir, "..data")); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "..v1")); err != nil {
		t.Fatal(err)
	}
	expect(t, reports, "two")
}

func TestWatchASlowCopy(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.yaml")
	write(t, path, "one")
	w := quick(path, "zero")
	w.Settle = 300 * time.Millisecond
	reports := watch(t, w)
	expect(t, reports, "one")
	copySlowly(t, path, reports)
}

// Without events one look is not enough: the copy may be in the middle of it.
func TestWatchASlowCopyByPolls(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "later")
	path := filepath.Join(dir, "config.yaml")
	reports := watch(t, config.Watcher{Path: path, Seen: []byte("zero"), Settle: 400 * time.Millisecond, Poll: 10 * time.Millisecond})
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	copySlowly(t, path, reports)
}

// copySlowly writes a file in parts, over about 600 ms, and expects a report of the whole alone.
func copySlowly(t *testing.T, path string, reports <-chan string) {
	t.Helper()
	f, err := os.Create(path) // empty for a moment
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	want := ""
	for range 20 {
		want += "part, "
		if _, err := f.WriteString("part, "); err != nil {
			t.Fatal(err)
		}
		select { // much shorter than Settle
		case got := <-reports:
			t.Fatalf("reported %q", got)
		case <-time.After(30 * time.Millisecond):
		}
	}
	expect(t, reports, want)
}

// Without events, as on a network file system or in a folder that is not there yet, the polls find it.
func TestWatchPolls(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "later")
	path := filepath.Join(dir, "config.yaml")
	reports := watch(t, config.Watcher{Path: path, Seen: []byte("zero"), Settle: 10 * time.Millisecond, Poll: 20 * time.Millisecond})
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, path, "one")
	expect(t, reports, "one")
}

func TestWatchSameContentIsNoChange(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.yaml")
	write(t, path, "one")
	reports := watch(t, quick(path, "zero"))
	expect(t, reports, "one")
	write(t, path, "one")
	write(t, path, "two")
	write(t, path, "one")
	write(t, path+".other", "x")
	write(t, path, "three")
	expect(t, reports, "three")
}

// Many editors and copies empty the file first. An empty config.yaml is valid, and would turn everything off.
func TestWatchAnEmptyFileIsNotBelieved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.yaml")
	write(t, path, "one")
	reports := watch(t, quick(path, "zero"))
	expect(t, reports, "one")
	write(t, path, "")
	select { // many times Settle
	case got := <-reports:
		t.Fatalf("reported %q", got)
	case <-time.After(300 * time.Millisecond):
	}
	write(t, path, "two")
	expect(t, reports, "two")
}
