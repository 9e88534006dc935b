package hook

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"

	"switchyard/migrate"
)

//go:embed migrations/*.sql
var migrations embed.FS

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

// upRiver brings River's tables up to date. In a new file that takes eight transactions, since some of its migrations must not
// share one. None of them waits for the disk: if a power cut undoes one, the next start does it again.
func upRiver(ctx context.Context, db *sql.DB) (err error) {
	m, err := rivermigrate.New(riversqlite.New(db), &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	if err := synchronous(ctx, db, "NORMAL"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, synchronous(context.WithoutCancel(ctx), db, "FULL")) }()
	_, err = m.Migrate(ctx, rivermigrate.DirectionUp, nil)
	return err
}

// synchronous sets what commits wait for.
func synchronous(ctx context.Context, db *sql.DB, mode string) error {
	_, err := db.ExecContext(ctx, `PRAGMA synchronous = `+mode)
	return err
}
