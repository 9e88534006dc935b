package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.uber.org/zap"

	"switchyard/asset"
	"switchyard/cache"
	"switchyard/ledger"
	"switchyard/ledger/sqlite"
	"switchyard/ticket"
)

// openStores opens what is on disk.
func (s *sidecar) openStores(ctx context.Context, f *file) (err error) {
	data := f.data()
	if err := os.MkdirAll(data, 0o700); err != nil {
		return fmt.Errorf("%s: %w", f.dataKey(), err)
	}
	guard, err := ledger.Lock(filepath.Join(data, "switchyard.lock")) // also by one with another journal: tickets and kills lie here
	if err != nil {
		return fmt.Errorf("folder %q: %w", data, err)
	}
	s.opened = append(s.opened, guard)
	if s.journal, err = ledger.OpenJournal(ledger.JournalConfig{Dir: f.Store.Journal}); err != nil {
		return fmt.Errorf("store.journal: %w", err)
	}
	s.opened = append(s.opened, s.journal)
	for _, d := range s.journal.Damages() {
		s.log.Error("journal", zap.Error(d))
	}
	if s.store, err = f.Store.Database.open(ctx); err != nil {
		return fmt.Errorf("store.database: %w", err)
	}
	s.opened = append(s.opened, s.store)
	if err := s.openKills(filepath.Join(data, "kills.json")); err != nil {
		return err
	}
	if err := s.openTickets(ctx, f, data); err != nil {
		return err
	}
	s.replies, err = cache.New(cache.Config{Dir: filepath.Join(data, "replies"), TTL: f.Store.IdempotencyTTL})
	if err != nil {
		return err
	}
	s.shared, err = cache.New(cache.Config{Dir: filepath.Join(data, "cache"), Max: int64(f.Store.Cache)})
	if err != nil {
		return err
	}
	s.assets, err = asset.New(asset.Config{
		Dir: strings.TrimPrefix(f.Store.Assets.URL, "file:"), TTL: f.Store.Assets.TTL,
		Max: int64(f.Store.Assets.Max), MaxImage: int64(f.Server.MaxImage),
	})
	if err != nil {
		return fmt.Errorf("store.assets.url: %w", err)
	}
	s.opened = append(s.opened, s.assets)
	s.uploads, err = asset.NewUploads(asset.UploadsConfig{Dir: filepath.Join(data, "uploads"), MaxFile: int64(f.Server.MaxRequestBody)})
	if err != nil {
		return err
	}
	s.opened = append(s.opened, s.uploads)
	return nil
}

// openTickets opens the tickets, and the deliveries of their notices, which poll and so have a connection of their own.
func (s *sidecar) openTickets(ctx context.Context, f *file, data string) (err error) {
	path := f.tickets()
	if s.db, err = sqlite.Connect(sqlite.Config{Path: path}); err != nil {
		return err
	}
	s.opened = append(s.opened, s.db)
	if s.tickets, err = ticket.New(ctx, ticket.Config{DB: s.db, TTL: f.Store.TicketsTTL, Dir: filepath.Join(data, "tickets")}); err != nil {
		return err
	}
	if s.hookDB, err = sqlite.Connect(sqlite.Config{Path: path}); err != nil {
		return err
	}
	s.opened = append(s.opened, s.hookDB)
	return s.openHooks(ctx, filepath.Join(data, "webhook.key"))
}

// beginWork starts what goes on in the background until stop is called.
func (s *sidecar) beginWork(ctx context.Context, f *file) {
	s.applier = ledger.NewApplier(ledger.ApplierConfig{Journal: s.journal, Store: s.store, Linger: 200 * time.Millisecond, Report: func(err error) {
		s.log.Error("ledger", zap.Error(err))
	}})
	s.work, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	work := s.work
	s.background.Go(func() {
		if err := s.applier.Run(work); err != nil {
			s.log.Warn("ledger: the journal is applied at the next start", zap.Error(err))
		}
	})
	s.background.Go(func() { tuneMemory(work) })
	s.background.Go(func() {
		s.assets.Run(work, func(err error) { s.log.Warn("assets", zap.Error(err)) })
	})
	s.background.Go(func() {
		s.uploads.Run(work, func(err error) { s.log.Warn("uploads", zap.Error(err)) })
	})
	s.background.Go(func() { s.prune(work, f.Store.Retention) })
}

// prune forgets what is older than its time, once an hour.
func (s *sidecar) prune(ctx context.Context, retention time.Duration) {
	for tick := time.NewTicker(time.Hour); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case now := <-tick.C:
			if _, err := s.tickets.Prune(ctx, now); err != nil {
				s.log.Warn("tickets", zap.Error(err))
			}
			if err := errors.Join(s.replies.Sweep(), s.shared.Sweep()); err != nil {
				s.log.Warn("cache", zap.Error(err))
			}
			if _, err := s.hooks.Prune(ctx, now.Add(-24*time.Hour)); err != nil {
				s.log.Warn("webhooks", zap.Error(err))
			}
			if _, err := s.store.Prune(ctx, now.Add(-retention), 10_000); err != nil {
				s.log.Warn("ledger", zap.Error(err))
			}
		}
	}
}
