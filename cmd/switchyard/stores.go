package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"switchyard/admin"
	"switchyard/asset"
	"switchyard/cache"
	"switchyard/ledger"
	"switchyard/ledger/sqlite"
	"switchyard/ticket"
	"switchyard/ticket/hook"
)

// stores are what is on disk: the books, and what lives in the folder of the data.
type stores struct {
	journal *ledger.Journal
	store   ledger.Database
	applier *ledger.Applier // from the one to the other

	db      *sql.DB // of tickets
	hookDB  *sql.DB // of webhooks, in the same file: their deliveries poll, and so have a connection of their own
	tickets *ticket.Store

	replies *cache.Replies // of requests with an Idempotency-Key, or whose app has left
	shared  *cache.Replies // of routes with a cache
	assets  *asset.Store
	uploads *asset.Uploads
	audit   *admin.Audit

	opened []io.Closer // in the order of opening

	upgrade errgroup.Group // brings tables up to date beside the rest
}

// open opens all of it, but for what upgraded waits for. What fails leaves the rest to close.
func (st *stores) open(ctx context.Context, f *file, log *zap.Logger) error {
	data := f.data()
	if err := os.MkdirAll(data, 0o700); err != nil {
		return fmt.Errorf("%s: %w", f.dataKey(), err)
	}
	guard, err := ledger.Lock(filepath.Join(data, "switchyard.lock")) // beside the journal's own lock: tickets and kills are here
	if err != nil {
		return fmt.Errorf("folder %q: %w", data, err)
	}
	st.opened = append(st.opened, guard)
	if st.store, err = f.Store.Database.open(ctx); err != nil {
		return fmt.Errorf("store.database: %w", err)
	}
	st.opened = append(st.opened, st.store)
	if err := st.openTickets(ctx, f, data); err != nil {
		return err
	}
	if err := st.openJournal(f, log); err != nil {
		return err
	}
	if err := st.openReplies(f, data); err != nil {
		return err
	}
	return st.openFiles(f, data)
}

// upgraded waits until all tables are up to date.
func (st *stores) upgraded() error { return st.upgrade.Wait() }

// close closes what has been opened, in the opposite order.
func (st *stores) close() error {
	_ = st.upgraded() // whoever opened it was told
	var errs []error
	for _, c := range slices.Backward(st.opened) {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// openJournal opens the journal, and what takes it to the ledger.
func (st *stores) openJournal(f *file, log *zap.Logger) (err error) {
	if st.journal, err = ledger.OpenJournal(ledger.JournalConfig{Dir: f.Store.Journal}); err != nil {
		return fmt.Errorf("store.journal: %w", err)
	}
	st.opened = append(st.opened, st.journal)
	for _, d := range st.journal.Damages() {
		log.Error("journal damaged", zap.Error(d))
	}
	st.applier = ledger.NewApplier(ledger.ApplierConfig{Journal: st.journal, Store: st.store, Linger: 200 * time.Millisecond, Report: func(err error) {
		log.Error("journal not applied to the ledger", zap.Error(err))
	}})
	return nil
}

// openTickets opens the tickets, and the database of their notices. In a new file the tables of the notices take as long as
// all else does.
func (st *stores) openTickets(ctx context.Context, f *file, data string) (err error) {
	path := f.tickets()
	if st.db, err = sqlite.Connect(sqlite.Config{Path: path}); err != nil {
		return err
	}
	st.opened = append(st.opened, st.db)
	if st.tickets, err = ticket.New(ctx, ticket.Config{DB: st.db, TTL: f.Store.TicketsTTL, Dir: filepath.Join(data, "tickets")}); err != nil {
		return sqlite.Explain(path, err)
	}
	if st.hookDB, err = sqlite.Connect(sqlite.Config{Path: path}); err != nil {
		return err
	}
	st.opened = append(st.opened, st.hookDB)
	st.upgrade.Go(func() error { return sqlite.Explain(path, hook.Up(ctx, st.hookDB)) })
	return nil
}

// openReplies opens the answers that may be given once more.
func (st *stores) openReplies(f *file, data string) (err error) {
	if st.replies, err = cache.New(cache.Config{Dir: filepath.Join(data, "replies"), TTL: f.Store.IdempotencyTTL}); err != nil {
		return err
	}
	hosts := func(name string) bool { _, err := st.assets.Open(name); return err == nil }
	st.shared, err = cache.New(cache.Config{Dir: filepath.Join(data, "cache"), Max: int64(f.Store.Cache), Hosts: hosts})
	return err
}

// openFiles opens hosted images, apps' files, and the record of what operators have done.
func (st *stores) openFiles(f *file, data string) (err error) {
	st.assets, err = asset.New(asset.Config{
		Dir: strings.TrimPrefix(f.Store.Assets.URL, "file:"), TTL: f.Store.Assets.TTL,
		Max: int64(f.Store.Assets.Max), MaxImage: int64(f.Server.MaxImage),
	})
	if err != nil {
		return fmt.Errorf("store.assets.url: %w", err)
	}
	st.opened = append(st.opened, st.assets)
	st.uploads, err = asset.NewUploads(asset.UploadsConfig{Dir: filepath.Join(data, "uploads"), MaxFile: int64(f.Server.MaxRequestBody)})
	if err != nil {
		return err
	}
	st.opened = append(st.opened, st.uploads)
	audit, err := admin.OpenAudit(filepath.Join(data, "audit.jsonl"))
	if err != nil {
		return err
	}
	st.audit, st.opened = audit, append(st.opened, audit)
	return nil
}

// settled waits a moment for what has been written to be readable, and reports whether all of it is.
func (st *stores) settled(ctx context.Context) bool {
	return st.applier.Wait(ctx, 250*time.Millisecond)
}
