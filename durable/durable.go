// Package durable writes files that are there whole, or not at all, whenever the process is killed or the power is cut.
//
// It takes four steps, in this order: what is written goes to a file under another name, which is synced; it gets its own
// name, in the place of whatever had it; and the folder is synced, for a name may be lost although its file was not. A
// killed process has lost no step that it took, while a power cut takes all that no sync has brought to disk.
package durable

import (
	"cmp"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Writer is how files are written. Its zero value is ready, and many goroutines may use one.
type Writer struct {
	Perm fs.FileMode          // of each file, before the umask; 0: 0600
	Sync func(*os.File) error // brings a file, or a folder with the names in it, to disk; nil: (*os.File).Sync
}

// Fill writes what belongs into a file. Once it has failed, nothing of the file is left.
type Fill func(*os.File) error

// Bytes fills a file with text.
func Bytes(text []byte) Fill {
	return func(f *os.File) error {
		_, err := f.Write(text)
		return err
	}
}

// Replace puts a file at path, in the place of the one there is. When it has returned nil, a power cut does not lose it.
// Until then, and after an error, there is the old file or the new one: the new one only if the folder could not be synced.
// A kill may leave a file of which Temporary knows the name.
func (w Writer) Replace(path string, fill Fill) error {
	if err := w.Place(path, fill); err != nil {
		return err
	}
	return w.SyncFolder(filepath.Dir(path))
}

// Place is Replace without the last step: until the folder is synced, a power cut may bring the old file back, or none. It
// is for those who sync once for several files, or count on none of them.
func (w Writer) Place(path string, fill Fill) error {
	temp, err := w.Temp(filepath.Dir(path), fill)
	if err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		_ = os.Remove(temp)
		return err
	}
	return nil
}

// Create puts a file at path, where there must be none: else the error wraps fs.ErrExist. Of two at once, one succeeds. When
// it has returned nil, a power cut does not lose the file; after an error there is none of ours. Until then a part of it can be
// seen, and is what a kill leaves: no other way is as sure to spare a file that is there.
func (w Writer) Create(path string, fill Fill) error {
	if err := w.write(path, fill); err != nil {
		return err
	}
	if err := w.SyncFolder(filepath.Dir(path)); err != nil {
		_ = os.Remove(path)
		return err
	}
	return nil
}

const tempPrefix = ".tmp-"

// Temporary reports whether a file of that name is still being written, or was when a process died. Who has a folder that is
// written to for long removes such files when they are old, or at the start.
func Temporary(name string) bool { return strings.HasPrefix(name, tempPrefix) }

// Temp writes a file of which the caller does not know the name yet, or whether it is wanted, and tells its path. It is synced,
// its name, which is Temporary, is not. After an error there is none.
func (w Writer) Temp(dir string, fill Fill) (path string, err error) {
	path = filepath.Join(dir, tempPrefix+strings.ToLower(rand.Text()))
	return path, w.write(path, fill)
}

// write makes a new file, and syncs it. After an error there is none.
func (w Writer) write(path string, fill Fill) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, cmp.Or(w.Perm, 0o600))
	if err != nil {
		return err
	}
	if err = fill(f); err == nil {
		err = w.sync(f)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		_ = os.Remove(path)
	}
	return err
}

// SyncFolder brings the names in a folder to disk: of what was made, renamed or removed.
func (w Writer) SyncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(w.sync(d), d.Close())
}

func (w Writer) sync(f *os.File) error {
	if w.Sync == nil {
		return f.Sync()
	}
	return w.Sync(f)
}
