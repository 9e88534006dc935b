package migrate_test

import (
	"database/sql"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"

	_ "modernc.org/sqlite"

	"switchyard/migrate"
)

func connect(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate&_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func file(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }

func tables(files fstest.MapFS) migrate.Tables {
	return migrate.Tables{Technology: migrate.SQLite, Files: files, Version: "our_version"}
}

var two = fstest.MapFS{
	"0001_a.sql": file(`CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (1)`),
	"0002_b.sql": file(`UPDATE a SET x = x + 1`),
}

func value(t *testing.T, db *sql.DB, query string) (n int) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// Several processes start at once: each migration is carried out once.
func TestManyAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	value(t, connect(t, path), `SELECT 1`) // nobody waits for who changes a file to WAL
	var all sync.WaitGroup
	for range 8 {
		db := connect(t, path)
		all.Go(func() {
			if err := tables(two).Up(t.Context(), db); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	db := connect(t, path)
	if x, n := value(t, db, `SELECT x FROM a`), value(t, db, `SELECT COUNT(*) FROM our_version`); x != 2 || n != 2 {
		t.Errorf("x is %d after %d migrations", x, n)
	}
	if err := tables(two).Check(t.Context(), db); err != nil {
		t.Error(err)
	}
}

func TestAMigrationThatFailsLeavesNothing(t *testing.T) {
	db := connect(t, filepath.Join(t.TempDir(), "x.db"))
	broken := fstest.MapFS{"0001_a.sql": two["0001_a.sql"], "0002_b.sql": two["0002_b.sql"], "0003_c.sql": file(`UPDATE a SET x = 7; INSERT INTO nowhere VALUES (1)`)}
	if err := tables(broken).Up(t.Context(), db); err == nil || value(t, db, `SELECT COUNT(*) FROM sqlite_master`) != 0 {
		t.Fatalf("of an empty database: %v", err)
	}
	if err := tables(fstest.MapFS{"0001_a.sql": two["0001_a.sql"]}).Up(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	if err := tables(broken).Up(t.Context(), db); err == nil {
		t.Fatal("no error")
	}
	if x, n := value(t, db, `SELECT x FROM a`), value(t, db, `SELECT MAX(version) FROM our_version`); x != 1 || n != 1 {
		t.Errorf("x is %d at version %d", x, n)
	}
	if err := tables(two).Up(t.Context(), db); err != nil || value(t, db, `SELECT x FROM a`) != 2 {
		t.Errorf("a build that has mended it: %v", err)
	}
}

// TestWhole: what all migrations come to is for a database that has seen none of them, and later ones go on from there.
func TestWhole(t *testing.T) {
	whole := tables(two)
	whole.Whole = `CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (20)`
	three := whole
	three.Files = fstest.MapFS{"0001_a.sql": two["0001_a.sql"], "0002_b.sql": two["0002_b.sql"], "0003_c.sql": file(`UPDATE a SET x = x + 1`)}
	for _, c := range []struct {
		name  string
		steps []migrate.Tables
		x     int
	}{
		{"a new one", []migrate.Tables{whole}, 20},
		{"a new one, and a later build", []migrate.Tables{whole, three}, 21},
		{"one that was at the first", []migrate.Tables{tables(fstest.MapFS{"0001_a.sql": two["0001_a.sql"]}), whole}, 2},
	} {
		db := connect(t, filepath.Join(t.TempDir(), "x.db"))
		for _, step := range c.steps {
			if err := step.Up(t.Context(), db); err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
		}
		if err := c.steps[len(c.steps)-1].Check(t.Context(), db); err != nil || value(t, db, `SELECT x FROM a`) != c.x {
			t.Errorf("%s: x is %d, %v", c.name, value(t, db, `SELECT x FROM a`), err)
		}
	}
}

func TestVersionsOfOtherBuilds(t *testing.T) {
	db := connect(t, filepath.Join(t.TempDir(), "x.db"))
	var older *migrate.OlderError
	if err := tables(two).Check(t.Context(), db); !errors.As(err, &older) || older.Has != 0 || older.Knows != 2 {
		t.Errorf("an empty database: %v", err)
	}
	if err := tables(two).Up(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	one := tables(fstest.MapFS{"0001_a.sql": two["0001_a.sql"]})
	for _, err := range []error{one.Up(t.Context(), db), one.Check(t.Context(), db)} {
		var newer *migrate.NewerError
		if !errors.As(err, &newer) || newer.Has != 2 || newer.Knows != 1 {
			t.Errorf("got %v", err)
		}
	}
}

// A file that is up to date is not written to: another process may hold its lock.
func TestUpToDateIsNotWrittenTo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	if err := tables(two).Up(t.Context(), connect(t, path)); err != nil {
		t.Fatal(err)
	}
	if _, err := connect(t, path).BeginTx(t.Context(), nil); err != nil { // holds the lock until the test ends
		t.Fatal(err)
	}
	if err := tables(two).Up(t.Context(), connect(t, path)); err != nil {
		t.Error(err)
	}
}
