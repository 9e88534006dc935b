package main

import (
	"os"
	"os/signal"
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
	hangup := make(chan os.Signal, 1)     // one that comes while we start waits until we serve, and then reloads
	signal.Notify(hangup, syscall.SIGHUP) // unhandled, it would end us
	defer signal.Stop(hangup)
	src := configSource(e, c.Config)
	f, err := src.load()
	if err != nil {
		return err
	}
	log, err := newLogger(f.Log, zapcore.AddSync(e.stderr))
	if err != nil {
		return err
	}
	defer func() { _ = log.Sync() }()
	s, err := open(e.ctx, f, src.load, log)
	if err != nil {
		return err
	}
	defer s.close()
	listeners, err := listen(e.ctx, f)
	if err != nil {
		return err
	}
	defer s.watchFile(e.ctx, src, hangup)() // before we say that we serve
	return s.serve(e.ctx, f, listeners)
}

// logger is a log, and the level that it has at the time.
type logger struct {
	*zap.Logger
	level zap.AtomicLevel
}

// noLog is one that nobody reads.
func noLog() logger { return logger{zap.NewNop(), zap.NewAtomicLevel()} }

func newLogger(c logFile, out zapcore.WriteSyncer) (logger, error) {
	level, err := zap.ParseAtomicLevel(c.Level)
	if err != nil {
		return logger{}, err
	}
	cfg := zap.NewProductionEncoderConfig()
	cfg.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	enc := zapcore.NewJSONEncoder(cfg)
	if c.Format == "console" {
		enc = zapcore.NewConsoleEncoder(cfg)
	}
	return logger{zap.New(zapcore.NewCore(enc, zapcore.Lock(out), level)), level}, nil
}
