package main

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"switchyard/admin"
	"switchyard/dialect"
	"switchyard/fetch"
	"switchyard/proxy"
	"switchyard/ticket/hook"
	"switchyard/tracing"
)

// sidecar is the running program. Its life is in this file: open, serve and close.
type sidecar struct {
	log     *zap.Logger
	level   zap.AtomicLevel // of log
	started time.Time
	ready   atomic.Bool // new requests are welcome

	inForce  // the config, which a reload swaps
	stores   // what is on disk
	standing // how providers, targets and budgets stand

	// To the outside.
	transports transports    // to providers
	fetcher    *fetch.Client // to what a request, an answer or the config names
	hooks      *hook.Hooks   // notices to apps and receivers
	hookKeys   func(tenant string) dialect.HookKeys

	// The apps' side and the operator's.
	handler *proxy.Handler
	admin   *admin.Handler

	// Who is told of what happens.
	metrics *prometheus.Registry
	meters  *admin.Meters
	live    *admin.Live
	alerts  alerts
	tracer  *tracing.Tracer // nil without a collector

	// What goes on in the background.
	work       context.Context // ends when that must
	stop       context.CancelFunc
	background sync.WaitGroup

	fates   []fate    // of what earlier processes left
	resumed sync.Once // when it first serves, it goes on with that
}

// open makes a sidecar of a config, ready to serve; the caller closes it. A reload loads the config that follows. Nothing is
// sent to a provider before it serves.
func open(ctx context.Context, f *file, load func() (*file, error), log logger) (*sidecar, error) {
	s := &sidecar{log: log.Logger, level: log.level, started: time.Now(), metrics: prometheus.NewRegistry()}
	s.began, s.load, s.transports.log = f, load, log.Logger
	if err := s.start(ctx, f); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// start opens everything in the order in which it builds upon each other. What fails leaves the rest to close.
func (s *sidecar) start(ctx context.Context, f *file) error {
	if err := s.stores.open(ctx, f, s.log); err != nil {
		return err
	}
	if err := s.openKills(filepath.Join(f.data(), "kills.json")); err != nil {
		return err
	}
	if err := s.openHooks(f); err != nil {
		return err
	}
	s.beginWork(ctx, f)
	if err := s.assemble(ctx, f); err != nil {
		return err
	}
	if err := s.upgraded(); err != nil { // before there is more to write to the same file
		return err
	}
	if err := s.takeStock(ctx); err != nil {
		return err
	}
	s.openAlerts(filepath.Join(f.data(), "alerts.json"))
	s.beginHooks() // not before all that they need is there
	return nil
}

// assemble makes both sides of what is there, and puts the config into force.
func (s *sidecar) assemble(ctx context.Context, f *file) error {
	if err := s.openProxy(f); err != nil {
		return err
	}
	if err := s.openTracing(ctx, f.Tracing); err != nil {
		return err
	}
	s.openAdmin(f)
	return s.use(f)
}

// serve goes on with what earlier processes left and answers until ctx ends, then finishes what it has begun, for as long as
// drain_timeout allows.
func (s *sidecar) serve(ctx context.Context, f *file, l listeners) error {
	s.resumed.Do(func() { s.resume(ctx) })
	app, operator := s.servers(f)
	failed := make(chan error, 2)
	go func() { failed <- app.Serve(l.app) }()
	go func() { failed <- operator.Serve(l.admin) }()
	s.background.Go(func() { s.watchAlerts(s.work) })
	s.ready.Store(true)
	s.log.Info("serving", zap.String("listen", l.app.Addr().String()), zap.String("admin", l.admin.Addr().String()), zap.String("dashboard", dashURL(l.admin)))
	s.background.Go(func() { keepUnmapped(s.work, unmapProgram) })
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	s.ready.Store(false)
	s.log.Info("draining")
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), f.Server.DrainTimeout)
	defer cancel()
	if app.Shutdown(drain) != nil {
		_ = app.Close()
	}
	s.handler.Drain(drain) // what is still under way when the time is up is cut
	s.live.Close()
	_ = operator.Close()
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return err
}

// servers answer apps and operators.
func (s *sidecar) servers(f *file) (app, operator *http.Server) {
	app = &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: f.Server.ReadHeaderTimeout,
		MaxHeaderBytes:    int(f.Server.MaxHeaderBytes),
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          zap.NewStdLog(s.log),
	}
	operator = &http.Server{Handler: s.admin, ReadHeaderTimeout: f.Server.ReadHeaderTimeout, ErrorLog: zap.NewStdLog(s.log)}
	return app, operator
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
	err := errors.Join(s.tracer.Close(), s.stores.close())
	if s.fetcher != nil {
		s.fetcher.Close()
	}
	s.transports.close()
	if err != nil {
		s.log.Error("not all could be closed", zap.Error(err))
	}
}
