// Package sqlite keeps the ledger in a SQLite file. Nothing but the standard library and a driver in pure Go is needed.
package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"embed"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	_ "modernc.org/sqlite" // the driver, in pure Go: one static binary

	"switchyard/ledger"
	"switchyard/ledger/internal/sqlstore"
	"switchyard/migrate"
)

// Config is where the database is.
type Config struct {
	Path    string        // of the file; made if it does not exist
	Busy    time.Duration // how long to wait for another process's lock; 0: 5 s
	Readers int           // connections for queries; 0: 4
}

// Store is a ledger in a SQLite file. Many goroutines may use it; the owner calls Close. It writes on one connection,
// since SQLite has one writer anyway, and reads on a few others, which never wait for that one.
type Store struct {
	sqlstore.Store
	prepared map[string]*sql.Stmt // :: text → the statement on the writing connection
}

var technology = sqlstore.Technology{
	Created:        func(t time.Time) any { return t.UTC().Format("2006-01-02 15:04:05.000") }, // SQLite's date functions take that
	Entries:        `json_each($1) k`,
	RatingsInOrder: `r.rowid`,
	SameMoment:     `g.rowid`,
}

//go:embed migrations/*.sql
var migrations embed.FS

//go:embed schema.sql
var schema string

// tables are the ledger's in the file.
func tables() (migrate.Tables, error) {
	files, err := fs.Sub(migrations, "migrations")
	return migrate.Tables{Technology: migrate.SQLite, Files: files, Whole: schema, Version: "ledger_version"}, err
}

// Open opens the file and brings its tables up to date.
func Open(ctx context.Context, c Config) (_ *Store, err error) {
	s := &Store{Store: sqlstore.Store{Technology: technology}}
	defer func() { err = s.opened(c, err) }()
	if err := os.MkdirAll(filepath.Dir(c.Path), 0o750); err != nil {
		return nil, err
	}
	// A batch touches many pages. What the cache does not hold is written out early and read again.
	if s.Write, err = connect(c, "cache_size(-2048)"); err != nil {
		return nil, err
	}
	t, err := tables()
	if err != nil {
		return nil, err
	}
	if err := t.Up(ctx, s.Write); err != nil {
		return nil, err
	}
	if s.prepared, err = prepare(ctx, s.Write); err != nil {
		return nil, err
	}
	return s, s.openReaders(c)
}

// Read opens a file that another process may be writing to. It can only be read: whatever writes fails, Apply included.
func Read(ctx context.Context, c Config) (_ *Store, err error) {
	s := &Store{Store: sqlstore.Store{Technology: technology}}
	defer func() { err = s.opened(c, err) }()
	if _, err := os.Stat(c.Path); err != nil { // else it would be made
		return nil, err
	}
	if err := s.openReaders(c); err != nil {
		return nil, err
	}
	s.Write = s.Read
	t, err := tables()
	if err != nil {
		return nil, err
	}
	return s, t.Check(ctx, s.Read)
}

func (s *Store) openReaders(c Config) (err error) {
	if s.Read, err = sql.Open("sqlite", dsn(c, "query_only(1)")); err == nil {
		s.Read.SetMaxOpenConns(cmp.Or(c.Readers, 4))
	}
	return err
}

// opened adds to an error which file it is about, and closes what was opened in vain. If err is nil it does nothing.
func (s *Store) opened(c Config, err error) error {
	if err == nil {
		return nil
	}
	return errors.Join(Explain(c.Path, err), s.Close())
}

// Connect opens a single connection to the file for a package that keeps tables of its own there, such as tickets. The
// caller closes it.
func Connect(c Config) (*sql.DB, error) { return connect(c) }

func connect(c Config, more ...string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", dsn(c, more...))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

// dsn says how each connection behaves. Transactions take the write lock at once: one that began as a reader and then
// writes would fail instead of waiting. FULL syncs at every commit: a ledger that loses its last second in a power cut
// has lost money.
func dsn(c Config, more ...string) string {
	busy := cmp.Or(c.Busy, 5*time.Second)
	q := url.Values{"_txlock": {"immediate"}, "_pragma": append([]string{
		"busy_timeout(" + strconv.FormatInt(busy.Milliseconds(), 10) + ")", "journal_mode(WAL)", "synchronous(FULL)",
	}, more...)}
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: c.Path}).EscapedPath(), RawQuery: q.Encode()}).String()
}

var _ ledger.Database = (*Store)(nil)
