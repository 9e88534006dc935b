package spool

import (
	"os"
	"syscall"
)

// Of sync_file_range(2), which package syscall does not name.
const (
	waitBefore = 1
	write      = 2
	waitAfter  = 4
)

// writeBack brings a part of a file to disk. It is no sync: the file has no name, and ends with the process. An error is the
// disk's, and is told by the next write or read.
func writeBack(f *os.File, from, n int64) {
	conn, err := f.SyscallConn()
	if err != nil {
		return
	}
	_ = conn.Control(func(fd uintptr) { _ = syscall.SyncFileRange(int(fd), from, n, waitBefore|write|waitAfter) })
}
