package asset

import (
	"os"

	"golang.org/x/sys/unix"
)

// uncache drops a file's pages from the kernel's cache, where they are on disk and nobody uses them.
func uncache(f *os.File) {
	if conn, err := f.SyscallConn(); err == nil {
		_ = conn.Control(func(fd uintptr) { _ = unix.Fadvise(int(fd), 0, 0, unix.FADV_DONTNEED) })
	}
}
