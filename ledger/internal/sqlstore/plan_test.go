package sqlstore_test

import (
	"path/filepath"
	"strings"
	"testing"

	"switchyard/ledger"
	"switchyard/ledger/internal/sqlstore"
	"switchyard/ledger/sqlite"
)

// explain is how SQLite carries a statement out, step by step.
func explain(t *testing.T, s *sqlite.Store, query string, args ...any) (steps []string) {
	t.Helper()
	rows, err := s.Read.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, step)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return steps
}

func fresh(t *testing.T) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// A start looks for what a crash has left, and must not read a ledger of millions for it: the open rows have indexes of their own.
func TestUnfinishedReadsOpenRowsAlone(t *testing.T) {
	s := fresh(t)
	for _, query := range sqlstore.Unfinished {
		running := 0
		for _, step := range explain(t, s, query, "j.2", "j.", 1) {
			switch {
			case strings.Contains(step, "_running"):
				running++
			case strings.HasPrefix(step, "SCAN ") && step != "SCAN a" && step != "SCAN left_open": // what is open, by itself
				t.Errorf("all of a table is read: %s", step)
			}
		}
		if running == 0 {
			t.Error("the open rows are not found by their index")
		}
	}
}

// A report of a day reads that day's rows, one after the other: to sort millions takes longer than all the rest, and room on the disk.
func TestReportsReadTheirSpanAlone(t *testing.T) {
	s := fresh(t)
	for _, by := range []ledger.Dimension{
		ledger.ByProvider, ledger.ByModel, ledger.ByTier, ledger.ByTenant, ledger.ByExperiment, ledger.ByRoute, ledger.ByKey, ledger.ByDay,
	} {
		query, ok := sqlstore.ReportBy(s.Technology, by)
		if !ok {
			t.Fatalf("there is no report by %s", by)
		}
		spans := 0
		for _, step := range explain(t, s, query, 1, 2) {
			if strings.Contains(step, "_started (started>? AND started<?)") {
				spans++
			}
			if strings.HasPrefix(step, "SCAN g ") || strings.HasPrefix(step, "SCAN attempts ") {
				t.Errorf("by %s: all of a table is read: %s", by, step)
			}
			if strings.Contains(step, "TEMP B-TREE") || strings.HasPrefix(step, "MATERIALIZE") {
				t.Errorf("by %s: rows are put aside: %s", by, step)
			}
		}
		if spans != 1 {
			t.Errorf("by %s: rows are found by their time %d times", by, spans)
		}
	}
}
