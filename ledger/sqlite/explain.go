package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Explain adds to an error of opening the file at path which file it is about, and what an operator can do. Nil stays nil.
func Explain(path string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("database %q: %w%s", path, err, advice(path, err))
}

func advice(path string, err error) string {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return ""
	}
	switch e.Code() & 0xff { // the main code, without its details
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return "; restore the file from a copy, or move it away: a new one is begun"
	case sqlite3.SQLITE_FULL:
		return fmt.Sprintf("; there is too little room on the disk of %q", filepath.Dir(path))
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN:
		if err := try(filepath.Dir(path)); err != nil {
			return "; " + err.Error()
		}
	}
	return ""
}

// try tries to write a file in a folder, and returns the system's error if that fails: SQLite does not tell it. The file is as
// large as what SQLite makes beside a database.
func try(dir string) error {
	f, err := os.CreateTemp(dir, ".room-*")
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, 64<<10))
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}
