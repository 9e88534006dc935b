package main

import (
	"context"
	"crypto/rand"
	"fmt"

	"go.uber.org/zap"

	"switchyard"
	"switchyard/admin"
	"switchyard/attempt"
	"switchyard/config"
	"switchyard/dialect"
	"switchyard/dialect/all"
	"switchyard/fetch"
	"switchyard/limit"
	"switchyard/proxy"
	"switchyard/router"
	"switchyard/spool"
)

// mostPolls is how many questions a second providers are asked about jobs, by all tickets together.
const mostPolls = 400

// openProxy makes the apps' side.
func (s *sidecar) openProxy(f *file) error {
	s.fetcher = fetch.New(fetch.Config{Allow: f.Server.FetchAllow})
	pool, err := spool.New(spool.Config{Memory: int64(f.Server.Memory), Dir: f.Server.TempDir, WriteBack: littleLegacyMemory()})
	if err != nil {
		return fmt.Errorf("server.temp_dir: %w", err)
	}
	s.handler = &proxy.Handler{
		Runner: s.runner(f, pool),

		Journal:  s.journal,
		Accounts: accounts{s.store, s.settled},
		Replies:  s.replies,
		Shared:   s.shared,
		Assets:   s.assets,
		Uploads:  s.uploads,

		Tickets:  s.tickets,
		Owner:    s.journal.Epoch(),
		Hooks:    hooks{s.hooks, s.fetcher},
		HookKeys: s.hookKeys,

		Deaths:     &s.deaths,
		Statistics: &s.statistics,
		Pace:       &s.pace,
		Breakers:   s.breakers.State,

		Ready:   s.unready,
		Observe: s.observe,
		Late:    s.late,
		Log:     s.log,
	}
	return nil
}

// runner makes what takes a generation to the providers.
func (s *sidecar) runner(f *file, pool *spool.Pool) *attempt.Runner {
	dialects := map[string]dialect.Dialect{}
	for _, d := range all.Dialects() {
		dialects[d.Name()] = d
	}
	return &attempt.Runner{
		Dialects:  dialects,
		Transport: s.transports.of,
		Fetcher:   s.fetcher,
		Switches:  &s.switches,
		Breaker:   &s.breakers,
		Limiter:   &s.limits,
		Budgets:   &s.budgets,
		Pool:      pool,
		Log:       s.log,
		MaxAnswer: int64(f.Server.MaxResponseBody),
		MaxImage:  int64(f.Server.MaxImage),
		Polls:     limit.NewTurns(mostPolls, mostPolls/4), // a beat of package attempt has that many at once
	}
}

// openAdmin makes the operator's side.
func (s *sidecar) openAdmin(f *file) {
	token := f.Admin.Token
	if token.IsZero() {
		token = switchyard.NewSecret(rand.Text())
		s.log.Info("admin token made up, since none is configured; the dashboard asks for it", zap.String("token", token.Reveal()))
	}
	s.admin = &admin.Handler{
		Token:    token,
		Ledger:   s.store,
		Settled:  func(ctx context.Context) { s.settled(ctx) },
		Metrics:  s.metrics,
		Breakers: s.breakers.States,
		Health:   s.health,
		Program:  s.program,
		Ready:    s.unready,
		Reload:   s.reload,
		Config:   s.config,
		Kills:    &s.switches,
		Names:    s.names,
		Audit:    s.audit,
		Alerts:   s.alertStates,
		Level:    &s.level,
		Observer: s.store,

		Experiments: func() config.Map[router.Experiment] { return s.file.Load().Experiments },
	}
	s.openDash(f)
	s.meters = admin.NewMeters(s.metrics)
	s.metrics.MustRegister(&admin.Gauges{Read: s.scrape})
	s.admin.Init()
}
