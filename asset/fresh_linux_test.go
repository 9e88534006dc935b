package asset_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"switchyard/asset"
)

// TestFreshImagesAlone: of what has been written, the kernel keeps the newest in memory, and what it keeps no longer is
// served all the same.
func TestFreshImagesAlone(t *testing.T) {
	s, dir := store(t, asset.Config{})
	if !droppable(t, dir) {
		t.Skip("this file system has no disk under it")
	}
	first := put(t, s, png)
	var last string
	for range 33 {
		last = put(t, s, png+strings.Repeat("x", 2<<20))
	}
	if inMemory(t, filepath.Join(dir, first)) {
		t.Error("66 MiB later an image is still in memory")
	}
	if !inMemory(t, filepath.Join(dir, last)) {
		t.Error("the last image is not in memory")
	}
	if w := get(s, http.MethodGet, asset.Path(first)); w.Body.String() != png {
		t.Errorf("%d %q", w.Code, w.Body)
	}
}

// droppable reports whether the pages of a file in dir can be dropped at all: not where they are the file.
func droppable(t *testing.T, dir string) bool {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "probe"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	defer os.Remove(f.Name())
	if _, err := f.WriteString(png); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	return unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED) == nil && !inMemory(t, f.Name())
}

// inMemory reports whether the kernel has the beginning of a file in memory. To read it, be it without waiting, would bring it there.
func inMemory(t *testing.T, path string) bool {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	page, err := unix.Mmap(int(f.Fd()), 0, len(png), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Munmap(page) }()
	var there [1]byte
	if _, _, errno := unix.Syscall(unix.SYS_MINCORE, uintptr(unsafe.Pointer(&page[0])), uintptr(len(page)), uintptr(unsafe.Pointer(&there[0]))); errno != 0 {
		t.Fatal(errno)
	}
	return there[0]&1 != 0
}
