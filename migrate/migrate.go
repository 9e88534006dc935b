// Package migrate brings a package's tables in a SQL database up to date. Migrations are files, embedded in the program and
// carried out in the order of their names; the database keeps how many were. All that are missing are carried out in one
// transaction: otherwise a new file's tables would wait for the disk once for each migration. A single text may say what all
// of them together make: it is quicker for a new database, and there one can look up what the tables are.
package migrate

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
)

// Technology is what databases do differently.
type Technology struct {
	exists string // query that counts the tables of a name
	lock   string // statement that makes others who migrate wait until the transaction ends; empty if every transaction does that anyway
}

// SQLite keeps tables in a file. Its connections must begin transactions with the write lock (_txlock=immediate): that is
// how two processes that start at once are kept apart.
var SQLite = Technology{exists: `SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = $1`}

// PostgreSQL looks for tables in the connection's schema. Its transactions do not wait for each other, so they take a lock
// of their own; its number is an arbitrary one that nobody else uses.
var PostgreSQL = Technology{
	exists: `SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = $1`,
	lock:   `SELECT pg_advisory_xact_lock(7949127031)`,
}

// Tables are the tables of one package, in a database in which others may keep tables, too.
type Tables struct {
	Technology
	Files   fs.FS  // the migrations: all its files, in the order of their names
	Whole   string // what all of them together make, for a new database; empty: that, too, gets them one by one
	Version string // name of the table that says how many were carried out
}

// NewerError says that a newer build has migrated the database. An older one must not touch tables that it does not know.
type NewerError struct {
	Table      string // the table with the version
	Has, Knows int
}

func (e *NewerError) Error() string {
	return fmt.Sprintf("its tables are at version %d (%s), of a newer build; this one knows %d", e.Has, e.Table, e.Knows)
}

// OlderError says that the database has yet to be migrated, which Check does not do.
type OlderError struct {
	Table      string
	Has, Knows int
}

func (e *OlderError) Error() string {
	return fmt.Sprintf("its tables are at version %d (%s), of an older build; this one needs %d, which serve brings them to", e.Has, e.Table, e.Knows)
}

// Up carries out the migrations that the database has not had, all or none of them. If none is missing it writes nothing, so
// that another process's lock cannot keep the program from starting. Any number of processes may call it at once.
func (t Tables) Up(ctx context.Context, db *sql.DB) error {
	names, done, err := t.compare(ctx, db)
	if err != nil || done == len(names) {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	if t.lock != "" {
		if _, err := tx.ExecContext(ctx, t.lock); err != nil {
			return err
		}
	}
	if names, done, err = t.compare(ctx, tx); err != nil { // another process may have migrated before we held the lock
		return err
	}
	if done == 0 && t.Whole != "" {
		if err := t.one(ctx, tx, t.Whole, len(names)); err != nil {
			return fmt.Errorf("all tables: %w", err)
		}
		done = len(names)
	}
	for i, name := range names[done:] {
		text, err := fs.ReadFile(t.Files, name)
		if err == nil {
			err = t.one(ctx, tx, string(text), done+i+1)
		}
		if err != nil {
			return fmt.Errorf("migration %s: %w", name, err)
		}
	}
	return tx.Commit()
}

// one carries out a text that brings the tables to a version, and writes that down.
func (t Tables) one(ctx context.Context, tx *sql.Tx, text string, version int) error {
	for _, q := range []string{
		`CREATE TABLE IF NOT EXISTS ` + t.Version + ` (version INTEGER PRIMARY KEY)`,
		text,
		fmt.Sprintf(`INSERT INTO %s VALUES (%d)`, t.Version, version),
	} {
		if _, err := tx.ExecContext(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

// Check reports whether the database is as this build wants it: a NewerError or an OlderError if it is not. It changes
// nothing.
func (t Tables) Check(ctx context.Context, db *sql.DB) error {
	names, done, err := t.compare(ctx, db)
	if err == nil && done < len(names) {
		err = &OlderError{t.Version, done, len(names)}
	}
	return err
}

// compare returns the names of all migrations, and how many of them the database has had; a NewerError if it has had more.
func (t Tables) compare(ctx context.Context, q querier) (names []string, done int, err error) {
	if names, err = t.names(); err != nil {
		return nil, 0, err
	}
	if done, err = t.version(ctx, q); err == nil && done > len(names) {
		err = &NewerError{t.Version, done, len(names)}
	}
	return names, done, err
}

func (t Tables) names() ([]string, error) {
	files, err := fs.ReadDir(t.Files, ".") // sorted by name
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = f.Name()
	}
	return names, err
}

// querier is a database or a transaction.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// version returns how many migrations were carried out.
func (t Tables) version(ctx context.Context, q querier) (version int, err error) {
	var tables int
	if err := q.QueryRowContext(ctx, t.exists, t.Version).Scan(&tables); err != nil || tables == 0 {
		return 0, err
	}
	err = q.QueryRowContext(ctx, `SELECT COALESCE(MAX(version), 0) FROM `+t.Version).Scan(&version)
	return version, err
}
