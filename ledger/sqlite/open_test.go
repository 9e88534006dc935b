package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"switchyard/ledger"
	"switchyard/ledger/ledgertest"
	"switchyard/ledger/sqlite"
	"switchyard/migrate"
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
		ledgertest.Apply(t, s, "e", ledger.OpenRecord(ledgertest.Attempt("a", "g")))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if rows, err := open(t, path).Rows(t.Context(), ledgertest.Start, 10); len(rows) != 1 || err != nil {
		t.Errorf("got %v, %v", rows, err)
	}
}

// TestTheWholeIsWhatTheMigrationsComeTo: a new file has the same tables as one that has come all the way.
func TestTheWholeIsWhatTheMigrationsComeTo(t *testing.T) {
	dir := t.TempDir()
	whole, grown := filepath.Join(dir, "whole.db"), filepath.Join(dir, "grown.db")
	open(t, whole)
	db, err := sqlite.Connect(sqlite.Config{Path: grown})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := (migrate.Tables{Technology: migrate.SQLite, Files: os.DirFS("migrations"), Version: "ledger_version"}).Up(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	if got, want := shape(t, whole), shape(t, grown); len(want) < 100 || !slices.Equal(got, want) {
		t.Errorf("new: %d lines\n%s\ngrown: %d lines\n%s", len(got), strings.Join(got, "\n"), len(want), strings.Join(want, "\n"))
	}
}

// shape is all that a file's tables, indexes and views are, but for the words in which they were made.
func shape(t *testing.T, path string) (lines []string) {
	t.Helper()
	db, err := sql.Open("sqlite", path2dsn(path))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), `
		SELECT format('%s %s of %s: column %s %s, not null %d, default %s, key %d', m.type, m.name, m.tbl_name, c.name, c.type, c."notnull", c.dflt_value, c.pk)
			FROM sqlite_master m JOIN pragma_table_xinfo(m.name) c WHERE m.type IN ('table', 'view')
		UNION ALL SELECT format('table %s: without rowid %d, strict %d', name, wr, strict) FROM pragma_table_list WHERE schema = 'main'
		UNION ALL SELECT format('index %s of %s: place %d is %s, descending %d', m.name, m.tbl_name, c.seqno, c.name, c."desc")
			FROM sqlite_master m JOIN pragma_index_xinfo(m.name) c WHERE m.type = 'index'
		UNION ALL SELECT sql FROM sqlite_master WHERE type IN ('view', 'index') AND sql <> ''
		UNION ALL SELECT format('version %d', MAX(version)) FROM ledger_version
		UNION ALL SELECT 'rating ' || (instr(sql, 'CHECK (rating IN') > 0) FROM sqlite_master WHERE name = 'ratings'
		ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return lines
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
INSERT INTO attempts VALUES ('a', 'g', 'e', 1, 2, 'flux', 'fal', 'm', 1795500000000000000, '', 0, 0, '', 0, 0, 5, 'estimate', 5, 'estimate', 'possible', 'job')`+
		olderRows())
	s := open(t, path)
	ledgertest.SumsAddUp(t, s)
	ledgertest.Apply(t, s, "e", ledger.SettleRecord(ledgertest.Done(ledgertest.Attempt("a", "g"))), ledger.OpenRecord(ledgertest.Attempt("b", "g")), ledger.EndRecord(ledgertest.Ended(ledgertest.Generation("g"))))
	acc, err := s.Generation(t.Context(), "g")
	if err != nil || len(acc.Attempts) != 2 || acc.Attempts[0].Job != "job" || acc.Attempts[0].Cost.Amount != 24_000_000 || acc.Attempts[0].Estimate.Amount != 5 {
		t.Errorf("got %+v", acc)
	}
	ledgertest.SumsAddUp(t, s)
	stranger(t, path, `SELECT provider FROM generation_logs`)
}

// olderRows are attempts and generations on both sides of each bound of a latency, of all sorts of cost and outcome.
func olderRows() (text string) {
	latencies := []time.Duration{0, 0}
	for _, b := range ledger.Bounds {
		latencies = append(latencies, b, b, b+1, b+1)
	}
	for i, d := range latencies {
		outcome := []string{"ok", "timeout", "ok", "filtered", "ok", "canceled", "ok", "refused"}[i%8] // each latency once well, once not
		cost := []string{"7, 'price-book', 'settled'", "NULL, 'unknown', 'settled'", "9, 'estimate', 'possible'", "NULL, 'unknown', 'none'"}[i%4]
		started := 1795500000000000000 + int64(i)*int64(3*time.Minute)
		kind := []string{"generation", "generation", "generation", "generation", "passthrough"}[i%5]
		text += fmt.Sprintf(`;
INSERT INTO attempts VALUES ('b%d', 'o', 'e', 1, 0, 'flux', 'fal', 'm', %d, '', %d, 2, '%s', 200, 2, 5, 'estimate', %s, '');
INSERT INTO generations VALUES ('h%d', 'e', '', 't', '', '%s', 'fal', '', '', 'all', '', %d, '', %d, '%s', '', '', '', 1, 1, 1, %s, '', '', '{}')`,
			i, started, d, outcome, cost, i, kind, started, d, outcome, cost)
	}
	return text
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

// Who only reads may do so while another writes, and changes nothing.
func TestReading(t *testing.T) {
	conf := sqlite.Config{Path: filepath.Join(t.TempDir(), "x.db")}
	if s, err := sqlite.Read(t.Context(), conf); err == nil {
		s.Close()
		t.Error("a file that is not there was opened")
	}
	writer := open(t, conf.Path)
	s, err := sqlite.Read(t.Context(), conf)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ledgertest.Apply(t, writer, "e", ledger.EndRecord(ledgertest.Ended(ledgertest.Generation("g"))))
	if _, err := s.Generation(t.Context(), "g"); err != nil {
		t.Error(err)
	}
	if err := s.Rate(t.Context(), "acme", "g", ledger.ThumbsUp); err == nil {
		t.Error("it was written to")
	}
	if err := s.Apply(t.Context(), ledger.Batch{Journal: "j", Last: 9}); err == nil {
		t.Error("a batch was applied")
	}
	stranger(t, conf.Path, `DELETE FROM ledger_version WHERE version > 2`)
	var older *migrate.OlderError
	if _, err := sqlite.Read(t.Context(), conf); !errors.As(err, &older) {
		t.Errorf("an older file: %v", err)
	}
}

func stranger(t *testing.T, path string, queries ...string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path2dsn(path))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1)
	for _, query := range queries {
		if _, err := db.ExecContext(t.Context(), query); err != nil {
			t.Fatal(err)
		}
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

	if err := j.Append(t.Context(), ledger.OpenRecord(ledgertest.Attempt("a", "g"))); err != nil {
		t.Fatal(err)
	}
	if err := <-reported; err == nil {
		t.Error("no error was reported")
	}
	if rows, err := s.Rows(t.Context(), ledgertest.Start, 10); len(rows) != 0 || err != nil {
		t.Errorf("readers: %v, %v", rows, err)
	}
	if _, err := foreign.ExecContext(t.Context(), `COMMIT`); err != nil {
		t.Fatal(err)
	}
	if err := a.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if rows, err := s.Rows(t.Context(), ledgertest.Start, 10); len(rows) != 1 || err != nil {
		t.Errorf("after: %v, %v", rows, err)
	}
	cancel()
	if err := errors.Join(<-ended, j.Close()); err != nil {
		t.Error(err)
	}
}

// TestADamagedFileIsToldWithWhatToDo, be it damaged in its head or further on.
func TestADamagedFileIsToldWithWhatToDo(t *testing.T) {
	for name, damage := range map[string]func([]byte){
		"head": func(b []byte) { copy(b, "no database at all") },
		"page": func(b []byte) { clear(b[100:min(len(b), 40_000)]) },
	} {
		path := filepath.Join(t.TempDir(), "ledger.db")
		s, err := sqlite.Open(t.Context(), sqlite.Config{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		damage(text)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if s, err := sqlite.Open(t.Context(), sqlite.Config{Path: path}); err == nil || !strings.Contains(err.Error(), "restore the file from a copy, or move it away") {
			t.Errorf("%s: %v", name, err)
			if err == nil {
				_ = s.Close()
			}
		}
	}
}
