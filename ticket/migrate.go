package ticket

import (
	"context"
	"database/sql"
	"embed"
	"io/fs"

	"switchyard/migrate"
)

//go:embed migrations/*.sql
var migrations embed.FS

// up brings our tables up to date.
func up(ctx context.Context, db *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	return migrate.Tables{Technology: migrate.SQLite, Files: files, Version: "ticket_version"}.Up(ctx, db)
}
