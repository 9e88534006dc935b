package ledger

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"switchyard/durable"
)

// syncError is the error of a failed sync. The kernel reports it once: the next sync may claim to have succeeded without
// having brought everything to disk.
type syncError struct{ error }

func (e syncError) Unwrap() error { return e.error }

func fsync(f *os.File) error {
	if err := f.Sync(); err != nil {
		return syncError{err}
	}
	return nil
}

// onDisk is how files are written that take the place of others.
var onDisk = durable.Writer{Perm: 0o640, Sync: fsync}

// removeTemporary removes what a process that died was writing.
func removeTemporary(dir string) error {
	files, err := os.ReadDir(dir)
	for _, f := range files {
		if durable.Temporary(f.Name()) {
			err = errors.Join(err, os.Remove(filepath.Join(dir, f.Name())))
		}
	}
	return err
}

// cut shortens the file at path.
func cut(path string, size int64) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(size), fsync(f), f.Close())
}

// syncFile brings to disk what others have written to the file at path.
func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(fsync(f), f.Close())
}

// syncParent makes a folder's own name durable. The parent may be a folder that we cannot list; then somebody else made
// dir.
func syncParent(dir string) error {
	err := onDisk.SyncFolder(filepath.Dir(dir))
	if errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return err
}
