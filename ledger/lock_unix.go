//go:build unix

package ledger

import (
	"fmt"
	"os"
	"syscall"
)

// Lock keeps a second process away, as long as the file that it makes at path is open; for the second the error is ErrInUse.
// The kernel lets go of it when this process ends, however it ends.
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
