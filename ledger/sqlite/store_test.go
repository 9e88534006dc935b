package sqlite_test

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"switchyard/ledger"
	"switchyard/ledger/ledgertest"
	"switchyard/ledger/sqlite"
)

func open(t testing.TB, path string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), sqlite.Config{Path: path, Busy: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func fresh(t testing.TB) (*sqlite.Store, string) {
	path := filepath.Join(t.TempDir(), "new", "odd ?#%.db")
	return open(t, path), path
}

func TestDatabase(t *testing.T) {
	ledgertest.Technology{
		Fresh: func(t *testing.T) (ledger.Database, *sql.DB) {
			s, path := fresh(t)
			return s, stranger(t, path)
		},
		DayAgo: `datetime('now', '-24 hours')`,
	}.Run(t)
}

// SQLite's own date functions take created_at as it is.
func TestDatesInTheView(t *testing.T) {
	s, path := fresh(t)
	ledgertest.Apply(t, s, "e", ledger.EndRecord(ledgertest.Ended(ledgertest.Generation("g"))))
	var at string
	err := stranger(t, path).QueryRowContext(t.Context(), `SELECT created_at FROM generation_logs
WHERE created_at >= datetime('2026-11-25', '-7 days') AND date(created_at) = '2026-11-24'`).Scan(&at)
	if err != nil || at != "2026-11-24 06:00:00.123" {
		t.Errorf("got %q, %v", at, err)
	}
}

// The report of an experiment reads its own generations only.
func TestObservationsUseTheIndex(t *testing.T) {
	_, path := fresh(t)
	rows, err := stranger(t, path).QueryContext(t.Context(),
		`EXPLAIN QUERY PLAN SELECT id FROM generations WHERE variant <> '' AND variant >= $1 AND variant < $2`, "x:", "x;")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	plan := ""
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		plan += detail + "\n"
	}
	if !strings.Contains(plan, "USING INDEX generations_variant") || rows.Err() != nil {
		t.Errorf("the whole ledger is read: %s%v", plan, rows.Err())
	}
}
