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
	plan := explain(t, `SELECT id FROM generations WHERE variant <> '' AND variant >= $1 AND variant < $2`, "x:", "x;")
	if !strings.Contains(plan, "USING INDEX generations_variant") {
		t.Errorf("the whole ledger is read: %s", plan)
	}
}

// A page of generations begins where it is, however old.
func TestPagesUseTheIndex(t *testing.T) {
	plan := explain(t, `SELECT * FROM generations g
WHERE g.started >= $1 AND g.started <= $2 AND (g.started <> $3 OR g.id > $4) ORDER BY g.started DESC, g.id LIMIT $5`, 1, 9, 9, "x", 50)
	if !strings.Contains(plan, "USING INDEX generations_started (started>? AND started<?)") || strings.Contains(plan, "TEMP B-TREE FOR ORDER BY") {
		t.Errorf("newer generations are read: %s", plan)
	}
}

// explain is how SQLite carries a query out.
func explain(t *testing.T, query string, args ...any) (plan string) {
	t.Helper()
	_, path := fresh(t)
	rows, err := stranger(t, path).QueryContext(t.Context(), `EXPLAIN QUERY PLAN `+query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		plan += detail + "\n"
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return plan
}
