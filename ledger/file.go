package ledger

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
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

// temporary ends the name of a file while it is being written, before it gets its own name.
const temporary = ".new"

// removeTemporary removes what a process that died was writing.
func removeTemporary(dir string) error {
	files, err := os.ReadDir(dir)
	for _, f := range files {
		if strings.HasSuffix(f.Name(), temporary) {
			err = errors.Join(err, os.Remove(filepath.Join(dir, f.Name())))
		}
	}
	return err
}

// writeFile puts data at path, whole or not at all, also across a power cut.
func writeFile(path string, data []byte) error {
	temp := path + temporary
	f, err := os.OpenFile(temp, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o640)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, fsync(f), f.Close())
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	return syncDir(filepath.Dir(path))
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

// syncDir makes names in a folder durable: a file that was synced but whose name was not is lost all the same.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(fsync(d), d.Close())
}

// syncParent makes a folder's own name durable. The parent may be a folder that we cannot list; then somebody else made
// dir.
func syncParent(dir string) error {
	err := syncDir(filepath.Dir(dir))
	if errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return err
}
