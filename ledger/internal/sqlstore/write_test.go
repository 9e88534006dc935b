package sqlstore_test

import (
	"path/filepath"
	"strings"
	"testing"

	"switchyard/ledger/internal/sqlstore"
	"switchyard/ledger/sqlite"
)

// A start looks for what a crash has left, and must not read a ledger of millions for it: the open rows have indexes of their own.
func TestUnfinishedReadsOpenRowsAlone(t *testing.T) {
	s, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "db")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, query := range sqlstore.Unfinished {
		rows, err := s.Read.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, "j.2", "j.", 1)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		running := 0
		for rows.Next() {
			var id, parent, unused int
			var step string
			if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
				t.Fatal(err)
			}
			switch {
			case strings.Contains(step, "_running"):
				running++
			case strings.HasPrefix(step, "SCAN ") && step != "SCAN a" && step != "SCAN left_open": // what is open, by itself
				t.Errorf("all of a table is read: %s", step)
			}
		}
		if err := rows.Err(); err != nil || running == 0 {
			t.Errorf("the open rows are not found by their index: %v", err)
		}
	}
}
