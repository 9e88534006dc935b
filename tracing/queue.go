package tracing

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/sdk/trace"
)

// How spans gather: a full batch is sent at once, a smaller one after linger. If the collector takes nothing the queue
// fills up, to some megabytes at most.
const (
	queueSize   = 4096
	batchSize   = 512
	linger      = time.Second
	sendTimeout = 10 * time.Second
)

// queue hands spans to an exporter from a goroutine of its own. A request never waits for it: spans for which there is no
// room, and spans that the collector does not take, are dropped and counted.
type queue struct {
	exporter trace.SpanExporter
	report   func(error) // gets the first failure of a series
	failing  bool        // used by run alone
	spans    chan trace.ReadOnlySpan
	sent     atomic.Uint64
	dropped  atomic.Uint64

	stop   chan struct{} // closed when no more spans come
	once   sync.Once
	done   chan struct{} // closed when run has returned
	ctx    context.Context
	cancel context.CancelFunc // gives up what is being sent
}

func newQueue(e trace.SpanExporter, report func(error)) *queue {
	q := &queue{exporter: e, report: report, spans: make(chan trace.ReadOnlySpan, queueSize), stop: make(chan struct{}), done: make(chan struct{})}
	q.ctx, q.cancel = context.WithCancel(context.Background())
	go q.run()
	return q
}

// OnStart does nothing: a span is sent when it has ended.
func (q *queue) OnStart(context.Context, trace.ReadWriteSpan) {}

// OnEnd queues a span that is kept.
func (q *queue) OnEnd(s trace.ReadOnlySpan) {
	if !s.SpanContext().IsSampled() {
		return
	}
	select {
	case <-q.stop:
		q.dropped.Add(1)
		return
	default:
	}
	select {
	case q.spans <- s:
	default:
		q.dropped.Add(1)
	}
}

// run sends until stop is closed, then what is left.
func (q *queue) run() {
	defer close(q.done)
	tick := time.NewTicker(linger)
	defer tick.Stop()
	batch := make([]trace.ReadOnlySpan, 0, batchSize)
	for {
		select {
		case s := <-q.spans:
			if batch = append(batch, s); len(batch) < batchSize {
				continue
			}
		case <-tick.C:
		case <-q.stop:
			q.last(batch)
			return
		}
		batch = q.send(batch)
	}
}

// last sends what is left.
func (q *queue) last(batch []trace.ReadOnlySpan) {
	for {
		select {
		case s := <-q.spans:
			if batch = append(batch, s); len(batch) == batchSize {
				batch = q.send(batch)
			}
		default:
			q.send(batch)
			return
		}
	}
}

// send hands a batch over, and returns the batch emptied.
func (q *queue) send(batch []trace.ReadOnlySpan) []trace.ReadOnlySpan {
	if len(batch) == 0 {
		return batch
	}
	ctx, cancel := context.WithTimeout(q.ctx, sendTimeout)
	defer cancel()
	err := q.exporter.ExportSpans(ctx, batch)
	if err != nil {
		q.dropped.Add(uint64(len(batch)))
	} else {
		q.sent.Add(uint64(len(batch)))
	}
	if err != nil && !q.failing {
		q.report(err)
	}
	q.failing = err != nil
	clear(batch) // so that the spans can be freed before the next ones come
	return batch[:0]
}

// ForceFlush does nothing: nothing may wait for a collector.
func (q *queue) ForceFlush(context.Context) error { return nil }

// Shutdown sends what is left, until ctx ends.
func (q *queue) Shutdown(ctx context.Context) error {
	q.once.Do(func() { close(q.stop) })
	defer q.cancel()
	defer context.AfterFunc(ctx, q.cancel)()
	<-q.done
	return q.exporter.Shutdown(ctx)
}

var _ trace.SpanProcessor = (*queue)(nil)
