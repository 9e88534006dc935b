package hook

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrate carries out the migrations that the database has not seen, each in a transaction of its own. It writes nothing
// if there are none. The version has a table of its own, since others keep tables in the same file.
func migrate(ctx context.Context, db *sql.DB) error {
	files, err := migrations.ReadDir("migrations") // sorted by name
	if err != nil {
		return err
	}
	done, err := migrated(ctx, db)
	if err != nil {
		return err
	}
	if done > len(files) {
		return fmt.Errorf("notice tables are at version %d, of a newer build; this one knows %d", done, len(files))
	}
	for i, f := range files[done:] {
		text, err := migrations.ReadFile("migrations/" + f.Name())
		if err != nil {
			return err
		}
		if err := migrateOne(ctx, db, string(text), done+i+1); err != nil {
			return fmt.Errorf("migration %s: %w", f.Name(), err)
		}
	}
	return nil
}

func migrated(ctx context.Context, db *sql.DB) (version int, err error) {
	var name string
	err = db.QueryRowContext(ctx, `SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'ticket_notices_version'`).Scan(&name)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	err = db.QueryRowContext(ctx, `SELECT COALESCE(MAX(version), 0) FROM ticket_notices_version`).Scan(&version)
	return version, err
}

func migrateOne(ctx context.Context, db *sql.DB, text string, version int) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	for _, q := range []string{
		`CREATE TABLE IF NOT EXISTS ticket_notices_version (version INTEGER PRIMARY KEY) STRICT`,
		text,
		fmt.Sprintf(`INSERT INTO ticket_notices_version VALUES (%d)`, version),
	} {
		if _, err := tx.ExecContext(ctx, q); err != nil {
			return err
		}
	}
	return tx.Commit()
}
