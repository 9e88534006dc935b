package asset

import (
	"os"

	"golang.org/x/sys/unix"
)

// uncache drops those of a file's pages from the kernel's cache that are on disk and that nobody uses.
func uncache(f *os.File) {
	if conn, err := f.SyscallConn(); err == nil {
		_ = conn.Control(func(fd uintptr) { _ = unix.Fadvise(int(fd), 0, 0, unix.FADV_DONTNEED) })
	}
}
