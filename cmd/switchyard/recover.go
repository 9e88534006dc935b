package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.uber.org/zap"

	"switchyard"
	"switchyard/ledger"
	"switchyard/proxy"
	"switchyard/ticket"
)

// longestWork is how long a generation of another sidecar's journal, in the same database, is taken to be under way. An
// attempt has three minutes unless timeouts.attempt says otherwise, and a request has server.request_timeout; whoever waits
// for a picture longer than a day has died, and perhaps its machine and its journal, so that nobody else would settle it.
const longestWork = 24 * time.Hour

// takeStock looks at all that earlier processes left, decides on it, and writes down what is certain already. Nothing is
// sent: if the start fails, the next one finds the rest as it was.
func (s *sidecar) takeStock(ctx context.Context) error {
	all, err := s.left(ctx)
	if err != nil {
		return err
	}
	for _, l := range all {
		f := judge(l)
		if err := s.record(ctx, f); err != nil {
			return err
		}
		s.fates = append(s.fates, f)
	}
	return nil
}

// left is what earlier processes left, each generation with its ticket if it has one. The tickets are ours from then on.
func (s *sidecar) left(ctx context.Context) ([]left, error) {
	if err := s.applier.Flush(ctx); err != nil {
		return nil, err
	}
	accounts, err := s.store.Unfinished(ctx, s.journal.Epoch(), time.Now().Add(-longestWork))
	if err != nil {
		return nil, err
	}
	tickets, err := s.tickets.Recover(ctx, ticket.Claim{Owner: s.handler.Owner, Lease: time.Now().Add(time.Minute)})
	if err != nil {
		return nil, err
	}
	open := map[string]ledger.Account{} // :: generation → its account
	for _, acc := range accounts {
		open[acc.Generation.ID] = acc
	}
	var all []left
	for i, tk := range tickets {
		acc, ok := open[tk.Generation]
		if !ok { // nothing was sent for it, or all that was has ended
			if acc, err = s.store.Generation(ctx, tk.Generation); err != nil && !errors.Is(err, ledger.ErrNotFound) {
				return nil, err
			}
		}
		delete(open, tk.Generation)
		all = append(all, left{withJob(acc, tk), &tickets[i]})
	}
	for _, acc := range accounts {
		if _, alone := open[acc.Generation.ID]; alone {
			all = append(all, left{account: acc})
		}
	}
	return all, nil
}

// withJob adds to an account the job that the journal had no room for, as the ticket's row has it. A row has only the job of its latest
// request: if several attempts are under way, nobody knows whose it is.
func withJob(acc ledger.Account, tk ticket.Ticket) ledger.Account {
	var open []int
	for i, a := range acc.Attempts {
		if a.Outcome == "" {
			open = append(open, i)
		}
	}
	if tk.State != ticket.Held || len(open) != 1 || acc.Attempts[open[0]].Job != "" || acc.Attempts[open[0]].Target != tk.Target {
		return acc
	}
	acc.Attempts = slices.Clone(acc.Attempts)
	acc.Attempts[open[0]].Job = tk.Job
	return acc
}

// record writes down what is certain of a fate. That a job is lost is certain only once it has been cancelled.
func (s *sidecar) record(ctx context.Context, f fate) error {
	if len(f.jobs) == 0 && len(f.records) > 0 {
		if err := s.journal.Append(ctx, f.records...); err != nil {
			return err
		}
	}
	tk := f.ticket
	switch {
	case f.do == end:
		return s.handler.End(ctx, *tk)
	case f.do == reattach && tk.State == ticket.Sending: // the provider had answered with a job, and only the ledger knew
		next, err := s.tickets.Advance(ctx, ticket.Move{ID: tk.ID, Owner: tk.Owner, From: tk.State, To: ticket.Held, Job: f.held[0].Job})
		if err != nil {
			return err
		}
		*tk = next
	}
	return nil
}

// resume goes on with what takeStock has found: tickets are begun, or their jobs asked for, and jobs that nobody can come
// back for are cancelled. From here on money is spent, so nothing may keep the process from serving any more.
func (s *sidecar) resume(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	did := map[verdict]int{}
	for _, f := range s.fates {
		if f.do == begin || f.do == reattach {
			s.revive(ctx, f)
		} else {
			s.cancel(ctx, f)
		}
		did[f.do]++
	}
	if len(s.fates) > 0 {
		s.log.Warn("an earlier process left work open", zap.Any("of it", did))
	}
	s.fates = nil
}

// revive has a ticket worked on again, now or as soon as what is in the way has passed: a full disk is no reason to give up
// what has been paid for. If it can never be, the ticket is lost.
func (s *sidecar) revive(ctx context.Context, f fate) {
	if s.tryRevive(ctx, f) {
		return
	}
	s.background.Go(func() {
		pauses := switchyard.Growing(time.Second, 30*time.Second)
		for pauses.Sleep(s.work) { // otherwise the next start finds it
			if s.tryRevive(ctx, f) {
				return
			}
		}
	})
}

// tryRevive has a ticket worked on again, or ends one that never can be. It reports whether either has come about.
func (s *sidecar) tryRevive(ctx context.Context, f fate) bool {
	err := s.handler.Revive(ctx, *f.ticket, f.account.Generation.Route, f.over, f.held)
	if err != nil {
		s.log.Error("ticket not gone on with", zap.String("id", f.ticket.ID), zap.Error(err))
		if !errors.Is(err, proxy.ErrUnrevivable) {
			return false
		}
		f.ticket.Outcome = switchyard.Lost
		f = judge(f.left)
		if err := s.record(ctx, f); err != nil {
			s.log.Error("lost ticket not ended, the next start does it", zap.String("id", f.ticket.ID), zap.Error(err))
		}
	}
	s.cancel(ctx, f)
	return true
}

// cancel takes the jobs back that nobody will ask for, and books them as lost. It waits for no provider.
func (s *sidecar) cancel(ctx context.Context, f fate) {
	if len(f.jobs) == 0 {
		return
	}
	for _, a := range f.jobs {
		s.background.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
			defer cancel()
			s.handler.TakeBack(ctx, a)
		})
	}
	if err := s.journal.Append(ctx, f.records...); err != nil {
		s.log.Error("lost jobs not booked, the next start does it", zap.Error(err))
	}
}
