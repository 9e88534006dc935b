package main

import (
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
	defer s.watchFile(e.ctx, src)() // before we say that we serve: a SIGHUP then reloads
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
