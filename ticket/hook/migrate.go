package hook

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"

	"switchyard/migrate"
)

//go:embed migrations/*.sql
var migrations embed.FS

// riverTables are what the migrations of the River in go.mod make of a new file. They are River's: a test writes them.
//
//go:embed river.sql
var riverTables string

// Up brings the tables of a database, as Config.DB wants it, up to date: ours and River's.
func Up(ctx context.Context, db *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	ours := migrate.Tables{Technology: migrate.SQLite, Files: files, Version: "ticket_notices_version"}
	if err := ours.Up(ctx, db); err != nil {
		return fmt.Errorf("hooks: %w", err)
	}
	if err := upRiver(ctx, db); err != nil {
		return fmt.Errorf("hooks: tables of River: %w", err)
	}
	return nil
}

// upRiver brings River's tables up to date. To a new file its migrations come one after another, since some must not share a
// transaction, and take longer than all else that a start does. So such a file first gets what they make together, in one go.
func upRiver(ctx context.Context, db *sql.DB) error {
	var tables int
	if err := db.QueryRowContext(ctx, `SELECT COUNT(*) FROM sqlite_master WHERE name = 'river_migration'`).Scan(&tables); err != nil {
		return err
	}
	if tables == 0 {
		if err := carryOut(ctx, db, riverTables); err != nil {
			return err
		}
	}
	m, err := rivermigrate.New(riversqlite.New(db), &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	_, err = m.Migrate(ctx, rivermigrate.DirectionUp, nil)
	return err
}

// carryOut carries out all that text says, or nothing.
func carryOut(ctx context.Context, db *sql.DB, text string) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	if _, err := tx.ExecContext(ctx, text); err != nil {
		return err
	}
	return tx.Commit()
}
