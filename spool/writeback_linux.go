package spool

import (
	"errors"
	"os"
	"syscall"
)

// writeBack brings a part of a file to disk. It is no sync: the file has no name, and ends with the process. The error is one
// of the disk, which the kernel tells only once; a file system that cannot do it does it in its own time.
func writeBack(f *os.File, from, n int64) error {
	const waitBefore, write, waitAfter = 1, 2, 4 // of sync_file_range(2), which package syscall does not name
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = conn.Control(func(fd uintptr) { failed = syscall.SyncFileRange(int(fd), from, n, waitBefore|write|waitAfter) })
	if errors.Is(failed, syscall.EIO) || errors.Is(failed, syscall.ENOSPC) || errors.Is(failed, syscall.EDQUOT) {
		return &os.PathError{Op: "write back", Path: f.Name(), Err: failed}
	}
	return err
}
