package main

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
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
