package main

import (
	"context"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"switchyard/alert"
	"switchyard/config"
	"switchyard/proxy"
	"switchyard/router"
)

// inForce is the config in force, and what the next one comes from.
type inForce struct {
	load  func() (*file, error) // reads the config file as it is now
	began *file                 // what was in force first; some of it stays so until the end

	file    atomic.Pointer[file]   // in force
	refused atomic.Pointer[string] // why the latest config was; nil if it was not

	reloading sync.Mutex         // guards the next, once it serves
	probing   context.CancelFunc // ends the probes of the config in force
}

// built is a config with all that is made of it before any of it is in force.
type built struct {
	*file
	snapshot *proxy.Snapshot
	reach    map[string]connections // :: provider → its connections
	rules    []*alert.Rule
	level    zapcore.Level
}

// build makes of a config what it takes to serve it, and changes nothing.
func (s *sidecar) build(f *file) (b *built, err error) {
	b = &built{file: f}
	b.snapshot, err = f.snapshot(router.Config{Deaths: &s.deaths, Statistics: &s.statistics, Load: s.loadOf, Stopped: s.stopped})
	if err != nil {
		return nil, err
	}
	if b.reach, err = s.transports.build(f.transports()); err != nil {
		return nil, err
	}
	if b.rules, err = alert.Rules(f.Alerts, f.Notify.Names()); err != nil {
		return nil, err
	}
	if b.level, err = zapcore.ParseLevel(f.Log.Level); err != nil {
		return nil, err
	}
	return b, nil
}

// use puts a config in force, all of it or nothing.
func (s *sidecar) use(f *file) error {
	b, err := s.build(f)
	if err != nil {
		return err
	}
	// The last step that can fail, and it leaves everything as it was then. Budgets count from here on.
	if err := s.budgets.Configure(s.work, f.budgets(), time.Now(), s.books()); err != nil {
		return err
	}
	s.force(b)
	for _, warning := range f.warnings(time.Now()) {
		s.log.Warn("config", zap.String("warning", warning))
	}
	return nil
}

// force puts in force what has been built.
func (s *sidecar) force(b *built) {
	if old := s.file.Load(); old != nil && old.Log.Level != b.Log.Level { // else what an operator has set stays
		s.level.SetLevel(b.level)
	}
	s.transports.use(b.transports(), b.reach)
	s.alerts.use(b.rules)
	s.meters.Expect(b.expected())
	s.breakers.Configure(b.breakers())
	s.limits.Configure(b.limits())
	s.handler.Admit(b.Server.MaxInFlight, b.Server.MaxQueue)
	s.handler.Use(b.snapshot)
	b.loaded, b.pending = time.Now(), b.waiting(s.began)
	s.file.Store(b.file)
	s.probe(b.file)
}

// reload reads the file again. A bad one is refused whole: the old one stays in force, and health says so.
func (s *sidecar) reload() error {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	err := s.reread()
	s.meters.Reload(err)
	if err != nil {
		text := err.Error()
		s.refused.Store(&text)
		s.log.Error("config refused, the old one stays in force", zap.Error(err))
		return err
	}
	s.refused.Store(nil)
	s.log.Info("config reloaded", zap.String("file", s.file.Load().name))
	return nil
}

// reread puts the file in force as it is now. Requires reloading.
func (s *sidecar) reread() error {
	f, err := s.load()
	if err != nil {
		return err
	}
	if err := s.use(f); err != nil {
		return err
	}
	if len(f.pending) > 0 {
		s.log.Warn("config: these wait for a restart", zap.Strings("settings", f.pending))
	}
	return nil
}

// watchFile reloads when the config file has changed, and at each hangup, until ctx ends or stop is called.
func (s *sidecar) watchFile(ctx context.Context, src *source, hangup <-chan os.Signal) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() {
		for ctx.Err() == nil {
			s.watchUntil(ctx, src, hangup)
		}
	})
	return func() {
		cancel()
		watching.Wait()
	}
}

// watchUntil reloads when the file changes, until a signal makes it reload. A new watch must begin then, since a change is a difference
// from what was read last.
func (s *sidecar) watchUntil(ctx context.Context, src *source, hangup <-chan os.Signal) {
	ctx, cancel := context.WithCancel(ctx)
	var signalled sync.WaitGroup
	signalled.Go(func() {
		select {
		case <-hangup:
			s.audit.Reloaded("signal", s.reload())
			cancel()
		case <-ctx.Done():
		}
	})
	watcher := config.Watcher{Path: src.name, Seen: src.seen()}
	if err := watcher.Run(ctx, func() { s.audit.Reloaded("file", s.reload()) }); err != nil && ctx.Err() == nil {
		s.log.Warn("the config file is not watched", zap.Error(err))
		<-ctx.Done()
	}
	cancel()
	signalled.Wait()
}
