package hook_test

import (
	"database/sql"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"

	"switchyard/ticket/hook"
)

var update = flag.Bool("update", false, "write river.sql anew")

// TestTablesOfRiver: a new file gets the tables that River's own migrations make. After an upgrade of River, -update has
// river.sql say what they are now; files that are there get the new migrations alone.
func TestTablesOfRiver(t *testing.T) {
	dir := t.TempDir()
	its := database(t, filepath.Join(dir, "its.db"))
	m, err := rivermigrate.New(riversqlite.New(its), &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Migrate(t.Context(), rivermigrate.DirectionUp, nil); err != nil {
		t.Fatal(err)
	}
	want := riverTables(t, its)
	if *update {
		const head = "-- River's tables in a new file, as its own migrations make them. Written by go test -update.\n\n"
		if err := os.WriteFile("river.sql", []byte(head+want), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Skip("written; the next build has it")
	}
	text, err := os.ReadFile("river.sql")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(string(text), "\n\n"+want) {
		t.Errorf("river.sql is not what River's migrations make:\n%s", want)
	}
	ours := database(t, filepath.Join(dir, "ours.db"))
	if err := hook.Up(t.Context(), ours); err != nil {
		t.Fatal(err)
	}
	if got := riverTables(t, ours); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got, all := changes(t, ours), changes(t, its); got >= all {
		t.Errorf("%d changes of the schema; River's migrations have %d", got, all)
	}
}

// changes is how often the schema of a file has been changed.
func changes(t *testing.T, db *sql.DB) (n int) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), `PRAGMA schema_version`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// riverTables is the text that makes River's tables what they are in a file.
func riverTables(t *testing.T, db *sql.DB) string {
	t.Helper()
	var b strings.Builder
	for _, query := range []string{
		`SELECT sql || ';' FROM sqlite_master WHERE tbl_name LIKE 'river%' AND sql <> '' ORDER BY rowid`,
		`SELECT format('INSERT INTO river_migration (line, version) VALUES (''%s'', %d);', line, version) FROM river_migration ORDER BY line, version`,
	} {
		rows, err := db.QueryContext(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintln(&b, line)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}
