package sqlite_test

import (
	"path/filepath"
	"strings"
	"testing"

	"switchyard/ledger/sqlite"
)

// TestAFullDiskIsToldByItsFolder: SQLite says that the disk is full, or that something has gone wrong with it, and neither where nor what.
func TestAFullDiskIsToldByItsFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	db, err := sqlite.Connect(sqlite.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), `PRAGMA max_page_count = 1`); err != nil {
		t.Fatal(err)
	}
	_, full := db.ExecContext(t.Context(), `CREATE TABLE x (a)`) // for which there is no page
	for err, want := range map[error]string{
		sqlite.Explain(path, full):                   `there is too little room on the disk of "` + filepath.Dir(path) + `"`,
		opened(t, filepath.Join(path+"-gone", "db")): "no such file or directory",
	} {
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), `database "`+filepath.Dir(path)) {
			t.Errorf("%v; want %s", err, want)
		}
	}
	if err := sqlite.Explain(path, nil); err != nil {
		t.Errorf("no error is %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); err != nil || len(left) > 0 {
		t.Errorf("it leaves %q, %v", left, err)
	}
}

// opened is what opening a database fails with, of whose folder somebody has been rid.
func opened(t *testing.T, path string) error {
	t.Helper()
	db, err := sqlite.Connect(sqlite.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	return sqlite.Explain(path, db.PingContext(t.Context()))
}
