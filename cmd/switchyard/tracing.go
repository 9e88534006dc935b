package main

import (
	"context"

	"switchyard/tracing"
)

// openTracing has requests and attempts followed, if the file names a collector.
func (s *sidecar) openTracing(ctx context.Context, c tracing.Config) (err error) {
	if c.OTLP == "" {
		return nil // nothing of it is loaded, and no request pays for it
	}
	if s.tracer, err = tracing.New(context.WithoutCancel(ctx), c, version); err != nil {
		return err
	}
	s.handler.Tracer, s.handler.Runner.Tracer = s.tracer, s.tracer
	return nil
}
