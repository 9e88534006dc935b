//go:build unix

package ledger

import (
	"fmt"
	"os"
	"syscall"
)

// Lock keeps a second process away for as long as the file is open that it makes at path; the second gets ErrInUse. The
// kernel releases the lock when this process ends, however it ends.
func Lock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o640)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("%w: %w", ErrInUse, err)
	}
	return f, nil
}
