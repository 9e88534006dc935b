package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"switchyard/ledger"
	"switchyard/ledger/sqlite"
)

// path2dsn opens the file as a stranger would, with none of our settings.
func path2dsn(path string) string {
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}).String()
}

func TestTheFileIsWhereItWasAskedFor(t *testing.T) {
	_, path := fresh(t)
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

func TestEveryCommitIsSynced(t *testing.T) {
	db, err := sqlite.Connect(sqlite.Config{Path: filepath.Join(t.TempDir(), "x.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var mode string
	var level, busy int
	err = errors.Join(db.QueryRowContext(t.Context(), "PRAGMA journal_mode").Scan(&mode),
		db.QueryRowContext(t.Context(), "PRAGMA synchronous").Scan(&level),
		db.QueryRowContext(t.Context(), "PRAGMA busy_timeout").Scan(&busy))
	if err != nil || mode != "wal" || level != 2 || busy != 5000 {
		t.Errorf("journal_mode %s, synchronous %d, busy_timeout %d, %v", mode, level, busy, err)
	}
}

func TestOpeningAgainKeepsAll(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	for range 3 {
		s, err := sqlite.Open(t.Context(), sqlite.Config{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		apply(t, s, "e", ledger.OpenRecord(attempt("a", "g")))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if rows, err := open(t, path).Rows(t.Context(), start, 10); len(rows) != 1 || err != nil {
		t.Errorf("got %v, %v", rows, err)
	}
}

// A file of the first version, with a row in it, is brought up to date and goes on.
func TestAnOlderFileIsBroughtUpToDate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	first, err := os.ReadFile(filepath.Join("migrations", "0001_ledger.sql"))
	if err != nil {
		t.Fatal(err)
	}
	stranger(t, path, string(first)+`;
CREATE TABLE ledger_version (version INTEGER PRIMARY KEY) STRICT;
INSERT INTO ledger_version VALUES (1);
INSERT INTO attempts VALUES ('a', 'g', 'e', 1, 2, 'flux', 'fal', 'm', 1795500000000000000, '', 0, 0, '', 0, 0, 5, 'estimate', 5, 'estimate', 'possible', 'job')`)
	s := open(t, path)
	apply(t, s, "e", ledger.SettleRecord(done(attempt("a", "g"))), ledger.OpenRecord(attempt("b", "g")), ledger.EndRecord(ended(generation("g"))))
	acc := account(t, s, "g")
	if len(acc.Attempts) != 2 || acc.Attempts[0].Job != "job" || acc.Attempts[0].Cost.Amount != 24_000_000 || acc.Attempts[0].Estimate.Amount != 5 {
		t.Errorf("got %+v", acc)
	}
	stranger(t, path, `SELECT provider FROM generation_logs`)
}

func TestANewerFileIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	open(t, path)
	stranger(t, path, `INSERT INTO ledger_version VALUES (99)`)
	if s, err := sqlite.Open(t.Context(), sqlite.Config{Path: path}); err == nil {
		s.Close()
		t.Error("opened, though a newer build wrote it")
	}
}

func stranger(t *testing.T, path, query string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path2dsn(path))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(t.Context(), query); err != nil {
		t.Fatal(err)
	}
	return db
}

// A foreign process holds the write lock: we start, go on reading, and what we write waits in the journal.
func TestALockedFileDelaysRowsAndNothingElse(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.db")
	open(t, path)
	foreign := stranger(t, path, `BEGIN IMMEDIATE`)
	s := open(t, path)
	j, err := ledger.OpenJournal(ledger.JournalConfig{Dir: filepath.Join(dir, "journal")})
	if err != nil {
		t.Fatal(err)
	}
	reported := make(chan error, 1000)
	a := ledger.NewApplier(ledger.ApplierConfig{Journal: j, Store: s, Report: func(err error) { reported <- err }})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()

	if err := j.Open(t.Context(), attempt("a", "g")); err != nil {
		t.Fatal(err)
	}
	if err := <-reported; err == nil {
		t.Error("no error was reported")
	}
	if rows, err := s.Rows(t.Context(), start, 10); len(rows) != 0 || err != nil {
		t.Errorf("readers: %v, %v", rows, err)
	}
	if _, err := foreign.ExecContext(t.Context(), `COMMIT`); err != nil {
		t.Fatal(err)
	}
	if err := a.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if rows, err := s.Rows(t.Context(), start, 10); len(rows) != 1 || err != nil {
		t.Errorf("after: %v, %v", rows, err)
	}
	cancel()
	if err := errors.Join(<-ended, j.Close()); err != nil {
		t.Error(err)
	}
}
