package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"switchyard/config"
	"switchyard/fetch"
)

// serveCommand runs the sidecar until it is told to end.
type serveCommand struct {
	Config string `help:"The config file; ./config.yaml if there is one, else the defaults." placeholder:"FILE"`
}

// Run opens, serves, drains and closes.
func (c *serveCommand) Run(e *env) error {
	src := configSource(e, c.Config)
	f, err := src.load()
	if err != nil {
		return err
	}
	level, err := zap.ParseAtomicLevel(f.Log.Level)
	if err != nil {
		return err
	}
	log := newLogger(f.Log, level, zapcore.AddSync(e.stderr))
	defer func() { _ = log.Sync() }()
	s, err := open(e.ctx, f, log)
	if err != nil {
		return err
	}
	defer s.close()
	s.name, s.level, s.load = src.name, level, src.load
	listeners, err := listen(e.ctx, f)
	if err != nil {
		return err
	}
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP) // before we say that we serve: unhandled, it would end us
	defer signal.Stop(hangup)
	watching, stop := context.WithCancel(e.ctx)
	defer stop()
	var watchers sync.WaitGroup
	defer watchers.Wait()
	watchers.Go(func() { s.watchFile(watching, src, hangup) })
	return s.serve(e.ctx, f, listeners)
}

// newLogger is a logger of whatever level is at the time.
func newLogger(c logFile, level zap.AtomicLevel, out zapcore.WriteSyncer) *zap.Logger {
	cfg := zap.NewProductionEncoderConfig()
	cfg.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	enc := zapcore.NewJSONEncoder(cfg)
	if c.Format == "console" {
		enc = zapcore.NewConsoleEncoder(cfg)
	}
	return zap.New(zapcore.NewCore(enc, zapcore.Lock(out), level))
}

// listeners are the two addresses: the app's and the operator's.
type listeners struct{ app, admin net.Listener }

// stallLimit is for how long an app may leave what it is sent unread. An answer takes a place among the requests under way, and
// memory that others wait for, until it is out.
const stallLimit = 2 * time.Minute

// listenConfig is how we listen; connections inherit it. Sockets of Multipath TCP, the default, do not know the limit.
func listenConfig(stall time.Duration) (lc net.ListenConfig) {
	lc.SetMultipathTCP(false)
	lc.Control = func(network, address string, c syscall.RawConn) error {
		return errors.Join(fetch.Unpaced(network, address, c), c.Control(func(fd uintptr) { limitStall(fd, stall) }))
	}
	return lc
}

func listen(ctx context.Context, f *file) (listeners, error) {
	var l listeners
	lc := listenConfig(stallLimit)
	var err error
	if l.app, err = lc.Listen(ctx, "tcp", f.Server.Listen); err != nil {
		return l, fmt.Errorf("server.listen: %w", err)
	}
	if f.Server.TLS.Cert != "" {
		pair := &keyPair{cert: f.Server.TLS.Cert, key: f.Server.TLS.Key}
		if _, err := pair.get(nil); err != nil {
			_ = l.app.Close()
			return l, fmt.Errorf("server.tls: %w", err)
		}
		l.app = tls.NewListener(l.app, &tls.Config{GetCertificate: pair.get, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}})
	}
	if l.admin, err = lc.Listen(ctx, "tcp", f.Admin.Listen); err != nil {
		_ = l.app.Close()
		return l, fmt.Errorf("admin.listen: %w", err)
	}
	return l, nil
}

// serve goes on with what earlier processes left and answers until ctx ends, then finishes what it has begun, for as long as
// drain_timeout allows.
func (s *sidecar) serve(ctx context.Context, f *file, l listeners) error {
	s.resumed.Do(func() { s.resume(ctx) })
	app := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: f.Server.ReadHeaderTimeout,
		MaxHeaderBytes:    int(f.Server.MaxHeaderBytes),
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          zap.NewStdLog(s.log),
	}
	operator := &http.Server{Handler: s.admin, ReadHeaderTimeout: f.Server.ReadHeaderTimeout, ErrorLog: zap.NewStdLog(s.log)}
	failed := make(chan error, 2)
	go func() { failed <- app.Serve(l.app) }()
	go func() { failed <- operator.Serve(l.admin) }()
	s.background.Go(func() { s.watchAlerts(s.work) })
	s.ready.Store(true)
	s.log.Info("serving", zap.String("listen", l.app.Addr().String()), zap.String("admin", l.admin.Addr().String()), zap.String("dashboard", dashURL(l.admin)))
	unmapStart()
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

// watchFile reloads when the config file has changed, and on SIGHUP. After a signal it watches anew, for changes of what was
// read then.
func (s *sidecar) watchFile(ctx context.Context, src *source, hangup <-chan os.Signal) {
	for ctx.Err() == nil {
		round, cancel := context.WithCancel(ctx)
		var signalled sync.WaitGroup
		signalled.Go(func() {
			select {
			case <-hangup:
				s.audit.Reloaded("signal", s.reload())
				cancel()
			case <-round.Done():
			}
		})
		watcher := config.Watcher{Path: src.name, Seen: src.seen()}
		if err := watcher.Run(round, func() { s.audit.Reloaded("file", s.reload()) }); err != nil && round.Err() == nil {
			s.log.Warn("the config file is not watched", zap.Error(err))
			<-round.Done()
		}
		cancel()
		signalled.Wait()
	}
}

// keyPair is a certificate that is read again when its file has changed.
type keyPair struct {
	cert, key string

	mu       sync.Mutex // guards the rest
	modified time.Time
	pair     *tls.Certificate
}

func (k *keyPair) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	info, err := os.Stat(k.cert)
	if err == nil && (k.pair == nil || !info.ModTime().Equal(k.modified)) {
		var pair tls.Certificate
		if pair, err = tls.LoadX509KeyPair(k.cert, k.key); err == nil {
			k.pair, k.modified = &pair, info.ModTime()
		}
	}
	if k.pair == nil {
		return nil, err
	}
	return k.pair, nil // the old one, if the new one is not whole yet
}
