package main

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"switchyard/admin"
	"switchyard/asset"
	"switchyard/breaker"
	"switchyard/cache"
	"switchyard/dialect"
	"switchyard/fetch"
	"switchyard/ledger"
	"switchyard/limit"
	"switchyard/proxy"
	"switchyard/router"
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
	began   *file // what it was opened with; some of it stays in force until the end

	load func() (*file, error) // reads the config file again

	reloading sync.Mutex         // guards the next, once it serves
	probing   context.CancelFunc // ends the probes of the config in force

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
	work       context.Context // of what goes on in the background
	stop       context.CancelFunc
	background sync.WaitGroup
	opened     []io.Closer // files and databases, in the order of opening
	fates      []fate      // of what earlier processes left
	resumed    sync.Once   // when it first serves, it goes on with that
}

// open makes a sidecar of a config, ready to serve; the caller closes it. Nothing is sent to a provider before it serves.
func open(ctx context.Context, f *file, log *zap.Logger) (*sidecar, error) {
	s := &sidecar{log: log, level: zap.NewAtomicLevel(), started: time.Now(), began: f, metrics: prometheus.NewRegistry()}
	if err := s.start(ctx, f); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// start opens everything in the order in which it builds upon each other. What fails leaves the rest to close.
func (s *sidecar) start(ctx context.Context, f *file) error {
	if err := s.openStores(ctx, f); err != nil {
		return err
	}
	s.beginWork(ctx, f)
	if err := s.openProxy(f); err != nil {
		return err
	}
	if err := s.openTracing(ctx, f.Tracing); err != nil {
		return err
	}
	if err := s.openAdmin(f); err != nil {
		return err
	}
	if err := s.use(f); err != nil {
		return err
	}
	if err := s.takeStock(ctx); err != nil {
		return err
	}
	s.openAlerts(filepath.Join(f.data(), "alerts.json"))
	s.beginHooks() // not before all that they need is there
	return nil
}

// close gives everything back, in the order opposite to opening. It may be called on what was opened in part. What is still
// under way is cut, and booked, while there is a journal to book it in.
func (s *sidecar) close() {
	if s.handler != nil {
		over, cut := context.WithCancel(context.Background())
		cut()
		s.handler.Drain(over)
	}
	if s.stop != nil {
		s.stop()
	}
	s.background.Wait()
	errs := []error{s.tracer.Close()}
	for _, c := range slices.Backward(s.opened) {
		errs = append(errs, c.Close())
	}
	if s.fetcher != nil {
		s.fetcher.Close()
	}
	s.transports.close()
	if err := errors.Join(errs...); err != nil {
		s.log.Error("close", zap.Error(err))
	}
}
