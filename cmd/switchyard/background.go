package main

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"switchyard"
)

// beginWork starts what goes on in the background until stop is called. More joins it later: webhooks, probes, alerts, and what
// earlier processes left.
func (s *sidecar) beginWork(ctx context.Context, f *file) {
	s.work, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	work := s.work
	s.background.Go(func() {
		if err := s.applier.Run(work); err != nil {
			s.log.Warn("ledger: the journal is applied at the next start", zap.Error(err))
		}
	})
	s.background.Go(func() { tuneMemory(work) })
	s.background.Go(func() {
		s.assets.Run(work, func(err error) { s.log.Warn("hosted images not swept", zap.Error(err)) })
	})
	s.background.Go(func() {
		s.uploads.Run(work, func(err error) { s.log.Warn("apps' files not swept", zap.Error(err)) })
	})
	s.background.Go(func() { s.prune(work, f.Store.Retention) })
}

// prune forgets what is older than its time, once an hour. The first time comes soon: there are sidecars that do not live for an hour.
func (s *sidecar) prune(ctx context.Context, retention time.Duration) {
	for wait := time.Minute; switchyard.Sleep(ctx, wait); wait = time.Hour {
		now := time.Now()
		if _, err := s.tickets.Prune(ctx, now); err != nil {
			s.log.Warn("old tickets not removed", zap.Error(err))
		}
		if err := errors.Join(s.replies.Sweep(), s.shared.Sweep()); err != nil {
			s.log.Warn("kept answers not swept", zap.Error(err))
		}
		if _, err := s.hooks.Prune(ctx, now.Add(-24*time.Hour)); err != nil {
			s.log.Warn("old webhooks not removed", zap.Error(err))
		}
		if err := s.pruneLedger(ctx, now.Add(-retention)); err != nil {
			s.log.Warn("old generations not removed from the ledger", zap.Error(err))
		}
	}
}

// pruneBatch is how many generations go in one transaction.
const pruneBatch = 10_000

// pruneLedger forgets all that is older than before, a batch after the other. After each, the applier has the database to itself for as
// long as the batch took.
func (s *sidecar) pruneLedger(ctx context.Context, before time.Time) error {
	for {
		began := time.Now()
		n, err := s.store.Prune(ctx, before, pruneBatch)
		if err != nil || n < pruneBatch || !switchyard.Sleep(ctx, time.Since(began)) {
			return err
		}
	}
}
