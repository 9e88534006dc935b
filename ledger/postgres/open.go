// Package postgres keeps the ledger in a PostgreSQL database.
package postgres

import (
	"cmp"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"switchyard"
	"switchyard/ledger"
	"switchyard/ledger/internal/sqlstore"
	"switchyard/migrate"
)

// Config is where the database is.
type Config struct {
	URL     switchyard.Secret // postgres://…, for it may hold a password
	Timeout time.Duration     // for a connection, and for a batch; 0: 10 s
	Readers int               // connections for queries, at most; 0: 4
}

// Validate reports whether the address can be understood.
func (c Config) Validate() error {
	_, err := c.parse()
	return err
}

// parse never returns the library's error: it quotes the address, and does not always find the password to hide it.
func (c Config) parse() (*pgx.ConnConfig, error) {
	conf, err := pgx.ParseConfig(c.URL.Reveal())
	if err != nil {
		return nil, errors.New("want postgres://USER:PASSWORD@HOST:PORT/DATABASE")
	}
	conf.ConnectTimeout = cmp.Or(conf.ConnectTimeout, c.timeout())
	return conf, nil
}

func (c Config) timeout() time.Duration { return cmp.Or(c.Timeout, 10*time.Second) }

// Store is a ledger in PostgreSQL. Many goroutines may use it; the owner calls Close. It goes through database/sql, and so
// shares every statement and the reading of every row with SQLite; only a batch is sent in PostgreSQL's own way.
type Store struct {
	sqlstore.Store
	timeout time.Duration
}

var technology = sqlstore.Technology{
	Created:        func(t time.Time) any { return t.UTC() },
	Text:           text,
	Entries:        `jsonb_array_elements(CAST($1 AS jsonb)) k`,
	RatingsInOrder: `r.first`,
	SameMoment:     `g.id`,
	Turn:           oneAtATime,
}

// text makes of s what PostgreSQL can hold: Unicode without zeros. Apps may send anything; it must not stop the ledger.
func text(s string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "\uFFFD"), "\uFFFD")
}

//go:embed migrations/*.sql
var migrations embed.FS

// tables are the ledger's in the database.
func tables() (migrate.Tables, error) {
	files, err := fs.Sub(migrations, "migrations")
	return migrate.Tables{Technology: migrate.PostgreSQL, Files: files, Version: "ledger_version"}, err
}

// Open connects and brings the tables up to date.
func Open(ctx context.Context, c Config) (*Store, error) {
	return open(ctx, c, "read-write", migrate.Tables.Up)
}

// Read connects to a database that another process writes to. It can only be read; whatever writes fails.
func Read(ctx context.Context, c Config) (*Store, error) {
	return open(ctx, c, "read-only", migrate.Tables.Check)
}

func open(ctx context.Context, c Config, access string, ready func(migrate.Tables, context.Context, *sql.DB) error) (_ *Store, err error) {
	s := &Store{Store: sqlstore.Store{Technology: technology}, timeout: c.timeout()}
	conf, err := c.parse()
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("database %q on %s: %w", conf.Database, conf.Host, err), s.Close())
		}
	}()
	writing, reading := conf.Copy(), conf.Copy()
	reading.RuntimeParams["default_transaction_read_only"] = "on"
	if access == "read-only" {
		writing = reading
	}
	s.Write, s.Read = stdlib.OpenDB(*writing), stdlib.OpenDB(*reading)
	s.Write.SetMaxOpenConns(2) // the applier's, and one for ratings
	s.Read.SetMaxOpenConns(cmp.Or(c.Readers, 4))
	t, err := tables()
	if err != nil {
		return nil, err
	}
	return s, ready(t, ctx, s.Write)
}

var _ ledger.Database = (*Store)(nil)
