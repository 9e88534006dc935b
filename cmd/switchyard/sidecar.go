package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"switchyard"
	"switchyard/admin"
	"switchyard/asset"
	"switchyard/attempt"
	"switchyard/breaker"
	"switchyard/cache"
	"switchyard/config"
	"switchyard/dialect"
	"switchyard/dialect/all"
	"switchyard/fetch"
	"switchyard/ledger"
	"switchyard/limit"
	"switchyard/proxy"
	"switchyard/router"
	"switchyard/spool"
	"switchyard/ticket"
	"switchyard/ticket/hook"
	"switchyard/tracing"
)

// sidecar is the running program: what it owns, and the config in force.
type sidecar struct {
	log     *zap.Logger
	level   zap.AtomicLevel // of log
	name    string          // of the config file
	started time.Time

	reloading sync.Mutex // guards the next two
	load      func() (*file, error)
	text      []byte // of the file as it was last read, good or bad

	journal  *ledger.Journal
	store    ledger.Database
	applier  *ledger.Applier
	db       *sql.DB // of tickets
	hookDB   *sql.DB // of webhooks, in the same file
	tickets  *ticket.Store
	assets   *asset.Store
	uploads  *asset.Uploads
	fetcher  *fetch.Client
	replies  *cache.Replies
	shared   *cache.Replies
	hooks    *hook.Hooks
	hookKeys func(tenant string) dialect.HookKeys

	switches   breaker.Switches
	breakers   breaker.Registry
	limits     limit.Registry
	budgets    limit.Budgets
	deaths     router.Deaths
	statistics router.Statistics
	pace       router.Pace
	watch      admin.Watch
	meters     *admin.Meters
	tracer     *tracing.Tracer // nil without a collector
	metrics    *prometheus.Registry
	handler    *proxy.Handler
	admin      *admin.Handler
	live       *admin.Live
	audit      *admin.Audit
	alerts     alerts

	transports transports
	file       atomic.Pointer[file]
	refused    atomic.Pointer[string] // why the latest config was; nil if it was not
	ready      atomic.Bool
	probing    context.CancelFunc // ends the probes of the config in force; guarded by reloading, once it serves
	work       context.Context    // of what goes on in the background
	stop       context.CancelFunc
	background sync.WaitGroup
}

// mostPolls is how many questions a second providers are asked about jobs, by all tickets together.
const mostPolls = 400

// open makes a sidecar of a config, ready to serve; the caller closes it.
func open(ctx context.Context, f *file, log *zap.Logger) (_ *sidecar, err error) {
	s := &sidecar{log: log, level: zap.NewAtomicLevel(), started: time.Now(), metrics: prometheus.NewRegistry()}
	s.meters = admin.NewMeters(s.metrics)
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	s.fetcher = fetch.New(fetch.Config{Allow: f.Server.FetchAllow})
	if err := s.openStores(ctx, f); err != nil {
		return nil, err
	}
	s.beginWork(ctx, f)
	pool, err := spool.New(spool.Config{Memory: int64(f.Server.Memory), Dir: f.Server.TempDir})
	if err != nil {
		return nil, err
	}
	runner := &attempt.Runner{
		Dialects:  map[string]dialect.Dialect{},
		Transport: s.transports.of,
		Fetcher:   fetcher{s.fetcher},
		Switches:  &s.switches,
		Breaker:   &s.breakers,
		Limiter:   &s.limits,
		Budgets:   &s.budgets,
		Pool:      pool,
		MaxAnswer: int64(f.Server.MaxResponseBody),
		MaxImage:  int64(f.Server.MaxImage),
		Polls:     rate.NewLimiter(mostPolls, 1),
	}
	for _, d := range all.Dialects() {
		runner.Dialects[d.Name()] = d
	}
	s.handler = &proxy.Handler{
		Runner: runner, Transport: s.transports.of, Switches: &s.switches, Limiter: &s.limits, Journal: s.journal, Assets: s.assets, Uploads: s.uploads,
		Accounts: accounts{s.store, s.settled}, Tickets: s.tickets, Replies: s.replies, Shared: s.shared, Hooks: hooks{s.hooks, s.fetcher}, HookKeys: s.hookKeys, Deaths: &s.deaths, Statistics: &s.statistics, Pace: &s.pace, Breakers: s.breakers.State, Pool: pool, Observe: s.observe, Late: s.late, Ready: s.ready.Load, Log: log, Owner: s.journal.Epoch(),
	}
	if err := s.openTracing(ctx, f.Tracing); err != nil {
		return nil, err
	}
	if err := s.openAdmin(f); err != nil {
		return nil, err
	}
	if err := s.use(f); err != nil {
		return nil, err
	}
	if err := s.recover(ctx); err != nil {
		return nil, err
	}
	s.openAlerts(filepath.Join(f.data(), "alerts.json"))
	s.background.Go(func() { // not before all that it needs is there
		if err := s.hooks.Run(s.work); err != nil {
			s.log.Error("webhooks", zap.Error(err))
		}
	})
	return s, nil
}

func (s *sidecar) openAdmin(f *file) (err error) {
	if s.audit, err = admin.OpenAudit(filepath.Join(f.data(), "audit.jsonl")); err != nil {
		return err
	}
	token := f.Admin.Token
	if token.IsZero() {
		token = switchyard.NewSecret(rand.Text())
		s.log.Info("admin token made up, since none is configured; the dashboard asks for it", zap.String("token", token.Reveal()))
	}
	s.admin = &admin.Handler{
		Token: token, Ledger: s.store, Metrics: s.metrics,
		Settled:  s.settled,
		Breakers: s.breakers.States,
		Health:   s.health,
		Program:  s.program,
		Ready:    s.ready.Load,
		Reload:   s.reload,
		Config:   s.inForce,
		Kills:    &s.switches,
		Names:    s.names,
		Audit:    s.audit,
		Alerts:   s.alertStates,
		Level:    &s.level,

		Experiments: func() config.Map[router.Experiment] { return s.file.Load().Experiments },
		Observer:    s.store,
	}
	s.openDash(f)
	s.metrics.MustRegister(&admin.Gauges{Read: s.scrape})
	s.admin.Init()
	return nil
}

// settled waits a moment for what has been written to be readable.
func (s *sidecar) settled(ctx context.Context) { s.applier.Wait(ctx, 250*time.Millisecond) }

// loadOf is how many requests a target works on, or has in line.
func (s *sidecar) loadOf(t *switchyard.Target) int {
	load := s.limits.Load(limit.Name{Scope: limit.Target, Name: t.Name})
	return load.InFlight + load.Waiting
}

// use puts a config into force.
func (s *sidecar) use(f *file) error {
	snap, err := f.snapshot(router.Config{Deaths: &s.deaths, Statistics: &s.statistics, Load: s.loadOf, Stopped: s.stopped})
	if err != nil {
		return err
	}
	if err := s.transports.configure(f.transports()); err != nil {
		return err
	}
	if err := s.budgets.Configure(s.work, f.budgets(), time.Now(), s.books); err != nil {
		return err
	}
	if err := s.alerts.use(f); err != nil {
		return err
	}
	s.breakers.Configure(f.breakers())
	s.limits.Configure(f.limits())
	s.handler.Admit(f.Server.MaxInFlight, f.Server.MaxQueue)
	s.handler.Use(snap)
	f.loaded = time.Now()
	s.file.Store(f)
	s.probe(f)
	for _, warning := range f.dying(time.Now()) {
		s.log.Warn("config", zap.String("warning", warning))
	}
	return nil
}

// reload reads the file again. A bad one is refused whole: the old one stays in force, and health says so.
func (s *sidecar) reload() error {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	f, err := s.load()
	if err == nil {
		old := s.file.Load()
		if names := old.needsRestart(f); len(names) > 0 {
			s.log.Warn("config: these take a restart", zap.Strings("sections", names))
		}
		if err = s.use(f); err == nil && old.Log.Level != f.Log.Level { // else what an operator has set stays
			err = s.level.UnmarshalText([]byte(f.Log.Level))
		}
	}
	s.meters.Reload(err)
	if err != nil {
		text := err.Error()
		s.refused.Store(&text)
		s.log.Error("config refused, the old one stays in force", zap.Error(err))
		return err
	}
	s.refused.Store(nil)
	s.log.Info("config reloaded", zap.String("file", s.name))
	return nil
}

func (s *sidecar) seen() []byte {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	return s.text
}

// close gives everything back, in the order opposite to opening. It may be called on what was opened in part.
func (s *sidecar) close() {
	if s.stop != nil {
		s.stop()
	}
	s.background.Wait()
	var errs []error
	closers := []io.Closer{}
	if s.journal != nil {
		closers = append(closers, s.journal)
	}
	if s.assets != nil {
		closers = append(closers, s.assets)
	}
	if s.uploads != nil {
		closers = append(closers, s.uploads)
	}
	if s.hookDB != nil {
		closers = append(closers, s.hookDB)
	}
	if s.db != nil {
		closers = append(closers, s.db)
	}
	if s.store != nil {
		closers = append(closers, s.store)
	}
	if s.audit != nil {
		closers = append(closers, s.audit)
	}
	for _, c := range closers {
		errs = append(errs, c.Close())
	}
	errs = append(errs, s.tracer.Close())
	if s.fetcher != nil {
		s.fetcher.Close()
	}
	s.transports.close()
	if err := errors.Join(errs...); err != nil {
		s.log.Error("close", zap.Error(err))
	}
}

// fetcher is the guarded client as package attempt wants it.
type fetcher struct{ client *fetch.Client }

func (f fetcher) Fetch(ctx context.Context, url string, limit int64) (io.ReadCloser, int64, error) {
	resp, err := f.client.Get(ctx, url, limit)
	if err != nil {
		return nil, 0, err
	}
	return resp.Body, resp.Length, nil
}

// transports are the connections to providers. They live on through reloads that do not change how one is reached.
type transports struct {
	mu  sync.RWMutex
	cfg map[string]fetch.TransportConfig
	m   map[string]*http.Transport // :: provider → its connections
}

func (t *transports) of(provider string) http.RoundTripper {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if tr, ok := t.m[provider]; ok {
		return tr
	}
	return http.DefaultTransport // a provider that a reload has taken out, asked for by a request in flight
}

func (t *transports) configure(cfg map[string]fetch.TransportConfig) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	m := map[string]*http.Transport{}
	for name, c := range cfg {
		if old, ok := t.m[name]; ok && t.cfg[name] == c {
			m[name] = old
			continue
		}
		tr, err := fetch.Transport(c)
		if err != nil {
			return fmt.Errorf("provider %q: %w", name, err)
		}
		m[name] = tr
	}
	for name, old := range t.m {
		if m[name] != old {
			old.CloseIdleConnections()
		}
	}
	t.cfg, t.m = cfg, m
	return nil
}

func (t *transports) close() {
	for _, tr := range t.m {
		tr.CloseIdleConnections()
	}
}
