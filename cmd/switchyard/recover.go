package main

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"switchyard"
	"switchyard/ledger"
	"switchyard/ticket"
)

// recover goes on where an earlier process ended. What it left in doubt is settled as possibly charged. Tickets whose
// jobs go on at their providers are taken up again, and those for which nothing was sent are begun. A job that nobody
// can come back for is cancelled at its provider.
func (s *sidecar) recover(ctx context.Context) error {
	orphans, err := s.applier.Recover(ctx)
	if err != nil {
		return err
	}
	left, err := s.tickets.Recover(ctx, ticket.Claim{
		Owner: s.handler.Owner, Lease: time.Now().Add(time.Minute), Jobs: jobsOf(orphans),
	})
	if err != nil {
		return err
	}
	revived := map[string]bool{} // :: generation
	for _, tk := range append(left.Reattach, left.Run...) {
		err := s.revive(ctx, tk)
		if revived[tk.Generation] = err == nil; err == nil {
			continue
		}
		s.log.Error("ticket", zap.String("id", tk.ID), zap.Error(err))
		left.Lost = append(left.Lost, tk)
	}
	for _, tk := range left.Lost {
		if err := s.handler.Lose(ctx, tk); err != nil {
			return err
		}
	}
	for _, o := range orphans {
		if id := o.Generation.ID; !revived[id] {
			revived[id] = true // with all that it has
			if err := s.abandon(ctx, id); err != nil {
				return err
			}
		}
	}
	if n := len(orphans) + len(left.Run) + len(left.Reattach) + len(left.Lost); n > 0 {
		s.log.Warn("an earlier process left work open", zap.Int("begun", len(left.Run)), zap.Int("taken up again", len(left.Reattach)),
			zap.Int("lost", len(left.Lost)))
	}
	return nil
}

// jobsOf is the jobs that the ledger knows of. :: generation → one of its jobs
func jobsOf(orphans []ledger.Orphan) map[string]string {
	jobs := map[string]string{}
	for _, o := range orphans {
		jobs[o.Generation.ID] = o.Attempt.Job
	}
	return jobs
}

// revive has a ticket worked on again.
func (s *sidecar) revive(ctx context.Context, tk ticket.Ticket) error {
	account, err := s.store.Generation(ctx, tk.Generation)
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return err
	}
	return s.handler.Revive(context.WithoutCancel(ctx), tk, account.Attempts)
}

// abandon cancels the jobs of a generation at their provider, and books them as possibly charged. The app of a
// synchronous request has gone with its connection.
func (s *sidecar) abandon(ctx context.Context, generation string) error {
	account, err := s.store.Generation(ctx, generation)
	if err != nil {
		return err
	}
	var records []ledger.Record
	costs := make([]switchyard.Cost, len(account.Attempts))
	for i, a := range account.Attempts {
		if a.Outcome == "" {
			s.takeBack(ctx, a)
			a = ledger.Lose(a)
			records = append(records, ledger.SettleRecord(a))
		}
		costs[i] = a.Cost
	}
	g := account.Generation
	g.Outcome, g.Cost, g.Attempts = switchyard.Lost, ledger.Sum(costs...), len(costs)
	return s.journal.Append(ctx, append(records, ledger.EndRecord(g))...)
}

// takeBack cancels a job in the background: the start does not wait for a provider.
func (s *sidecar) takeBack(ctx context.Context, a switchyard.Attempt) {
	t := s.handler.Target(a.Target)
	if t == nil || a.Job == "" {
		return
	}
	s.background.Go(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		if err := s.handler.Runner.TakeBack(ctx, t, a); err != nil {
			s.log.Warn("job", zap.String("target", t.Name), zap.String("job", a.Job), zap.Error(err))
		}
	})
}
