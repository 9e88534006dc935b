package main

import (
	"context"

	"go.uber.org/zap"

	"switchyard/tracing"
)

// openTracing has requests and attempts followed, if the file names a collector.
func (s *sidecar) openTracing(ctx context.Context, c tracing.Config) (err error) {
	if c.OTLP == "" {
		return nil // nothing of it is loaded, and no request pays for it
	}
	s.tracer, err = tracing.New(context.WithoutCancel(ctx), c, version, func(err error) {
		s.log.Warn("tracing: spans are dropped", zap.Error(err))
	})
	if err != nil {
		return err
	}
	s.handler.Tracer, s.handler.Runner.Tracer = s.tracer, s.tracer
	return nil
}
