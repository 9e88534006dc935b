package main

import (
	"context"
	"encoding"
	"errors"
	"net/url"
	"path/filepath"
	"strings"

	"switchyard"
	"switchyard/ledger"
	"switchyard/ledger/postgres"
	"switchyard/ledger/sqlite"
)

// database is where the ledger is kept: sqlite:PATH or postgres://… . Printed, it has no password.
type database string

// sqlite is the path of a file.
func (d database) sqlite() (path string, ok bool) { return strings.CutPrefix(string(d), "sqlite:") }

func (d database) postgres() postgres.Config {
	return postgres.Config{URL: switchyard.NewSecret(string(d))}
}

func (d database) validate() error {
	path, file := d.sqlite()
	switch {
	case file && path == "":
		return errors.New("want sqlite:PATH, with a path")
	case file:
		return nil
	case strings.HasPrefix(string(d), "postgres://"), strings.HasPrefix(string(d), "postgresql://"):
		return d.postgres().Validate()
	}
	return errors.New("want sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE")
}

// open opens the ledger, to be written to.
func (d database) open(ctx context.Context) (ledger.Database, error) {
	if path, ok := d.sqlite(); ok {
		return opened(sqlite.Open(ctx, sqlite.Config{Path: path}))
	}
	return opened(postgres.Open(ctx, d.postgres()))
}

// read opens the ledger for questions alone, while another process may be writing to it.
func (d database) read(ctx context.Context) (ledger.Database, error) {
	if path, ok := d.sqlite(); ok {
		return opened(sqlite.Read(ctx, sqlite.Config{Path: path}))
	}
	return opened(postgres.Read(ctx, d.postgres()))
}

// opened is no database, rather than one that is nil, if there was an error.
func opened[T ledger.Database](s T, err error) (ledger.Database, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}

// String hides a password.
func (d database) String() string {
	if _, ok := d.sqlite(); ok {
		return string(d)
	}
	u, err := url.Parse(string(d))
	if err != nil {
		return "<secret>"
	}
	u.RawQuery = "" // it may hold one, too
	return u.Redacted()
}

// MarshalText is String: the config may be shown.
func (d database) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

var _ encoding.TextMarshaler = database("")

// data is the folder of what stays on this machine whatever the database is: beside the file, else beside the journal.
func (f *file) data() string {
	if path, ok := f.Store.Database.sqlite(); ok {
		return filepath.Dir(path)
	}
	return filepath.Dir(f.Store.Journal)
}

// dataKey is the key in the config that says where that is.
func (f *file) dataKey() string {
	if _, ok := f.Store.Database.sqlite(); ok {
		return "store.database"
	}
	return "store.journal"
}

// tickets is the file of tickets and webhooks. They belong to this process, which looks after their jobs.
func (f *file) tickets() string {
	if path, ok := f.Store.Database.sqlite(); ok {
		return path
	}
	return filepath.Join(f.data(), "tickets.db")
}
