package proxy

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"switchyard"
	"switchyard/breaker"
	"switchyard/cache"
	"switchyard/dialect"
	"switchyard/limit"
)

// A request of a batch that is refused for want of room, and cost nothing, is in no hurry: it is tried again, as long as the
// advice is to come back soon. Where a provider has no room, so many times.
const (
	batchTries = 5
	batchSoon  = time.Minute
	batchPause = 10 * time.Millisecond // at least, between two tries
)

// What is told in the place of an answer.
const (
	notBegun  = `{"error":{"message":"the batch was cancelled, or the sidecar ends"}}`
	longError = `{"error":{"message":"the error is too long to be remembered"}}`
	bypassed  = `{"error":{"message":"the sidecar hands requests on as they are, and would keep no answer"}}`
)

// batchResult is what one request of a batch came to.
type batchResult struct {
	status int // HTTP; 0 while it runs
	rec    Record
	kept   cache.Sum // of the answer
	text   []byte    // as the app would have got it: of an error, or an answer that is not kept, which tells of a ticket
}

// startBatch serves the requests of a batch, without an app that waits for them.
func (x *extra) startBatch(b *batch, key string) {
	ctx, stop := context.WithCancel(context.WithoutCancel(x.r.Context()))
	begin, beginNone := context.WithCancel(ctx)
	b.stop = stop
	drain := context.AfterFunc(x.draining, beginNone)
	worker := &extra{Handler: x.Handler, snap: x.snap, key: x.key, r: x.r.Clone(ctx)}
	worker.r.Body = http.NoBody
	x.work.Go(func() {
		defer stop()
		defer drain()
		defer b.done()
		var side sync.WaitGroup
		turns := make(chan struct{}, b.side)
		for i := range b.items {
			turns <- struct{}{}
			side.Go(func() {
				defer func() { <-turns }()
				b.note(i, worker.serveItem(begin, b, i, key+"/"+strconv.Itoa(i)))
			})
		}
		side.Wait()
		b.end(x.now())
	})
}

// turn returns when a request that err refused has its turn: after so long it is worth another try. ok is false unless a limit of ours
// refused it, for no longer than a moment.
func turn(err error) (after time.Duration, ok bool) {
	e := switchyard.AsError(err)
	return max(e.RetryAfter, batchPause), errors.Is(err, limit.ErrLimited) && e.Kind != switchyard.OverBudget && e.RetryAfter <= batchSoon
}

// comesAgain reports whether a request that err refused is no generation yet, since it belongs to a batch, which sends it again when it has
// its turn. One that has been sent before, to a model that turned out to be dead, is one that failed.
func (q *request) comesAgain(err error) bool {
	_, ok := turn(err)
	return q.passed != nil && ok && len(q.rec.Attempts) == 0
}

// serveItem serves one request, more than once if there was no room for it. If ctx has ended it is not begun.
func (x *extra) serveItem(ctx context.Context, b *batch, i int, key string) (res batchResult) {
	item := &b.items[i]
	inLine, leave := false, func() {}
	defer func() { leave() }()
	for try := 1; ; {
		if ctx.Err() != nil {
			return batchResult{status: http.StatusServiceUnavailable, text: []byte(notBegun), rec: Record{Err: context.Canceled}}
		}
		if x.Runner.Switches.Bypassed() {
			return batchResult{status: http.StatusServiceUnavailable, text: []byte(bypassed), rec: Record{Err: breaker.ErrKilled}}
		}
		r, err := x.itemRequest(x.r.Context(), item, key)
		if err == nil {
			r.ContentLength = item.body.Len()
			r.Body, err = item.body.Open()
		}
		if err != nil {
			return batchResult{status: http.StatusInternalServerError, rec: Record{Err: err}}
		}
		answer := &sink{header: http.Header{}}
		q := x.carryItem(answer, r, leave)
		if after, refused := turn(q.rec.Err); refused {
			if inLine {
				switchyard.Sleep(ctx, after)
			} else {
				inLine, leave = true, b.lines.enter(ctx, wish{q.rec.Route, q.rec.Model})
			}
			continue
		}
		inLine = false
		leave()
		res = batchResult{status: cmp.Or(answer.status, dialect.StatusLeft), rec: *q.rec, kept: q.kept, text: answer.told(q.kept)}
		res.rec.ID = cmp.Or(answer.header.Get(idHeader), res.rec.ID) // of the generation that was paid for, which may be an earlier request's
		wait, willing := answer.retryAfter(q.rec)
		if !willing || try == batchTries || !switchyard.Sleep(ctx, wait) {
			return res
		}
		try++
	}
}

// carryItem is carry for a goroutine of ours. There it must catch itself what net/http catches elsewhere: the panic of an
// answer that is cut off. What was paid for that is in its record all the same. passed is called when no limit keeps it any more.
func (x *extra) carryItem(w *sink, r *http.Request, passed func()) (q *request) {
	q = x.arrive(w, r)
	q.passed = passed
	defer r.Body.Close()
	defer func() {
		if p := recover(); p != nil {
			w.status = http.StatusBadGateway
			q.rec.Err = fmt.Errorf("panic: %v", p)
		}
	}()
	return q.carry()
}

// itemRequest makes the request of a batch as it would have come by itself, except its body.
func (x *extra) itemRequest(ctx context.Context, item *batchItem, key string) (*http.Request, error) {
	path, err := url.ParseRequestURI(item.path)
	if err != nil || path.Host != "" {
		return nil, errors.New("no path")
	}
	r := x.r.Clone(ctx)
	r.Method, r.URL, r.RequestURI, r.TransferEncoding = http.MethodPost, path, item.path, nil
	for _, name := range []string{"Content-Length", "Content-Encoding", "X-Fal-Target-Url", "Accept", "Prefer", "Expect", dryRunHeader} {
		r.Header.Del(name)
	}
	maps.Copy(r.Header, item.header)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", key)
	if place, ok := x.snap.locate(r); ok && place.dialect != nil && !x.key.IsZero() {
		place.dialect.PutKey(r.Header, x.key) // which may have come as another SDK sends it
	}
	return r, nil
}

// note keeps the result of one request.
func (b *batch) note(i int, res batchResult) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.results[i] = res
	b.told = append(b.told, i)
	b.totals.add(&res)
	b.wake()
}

// end says that there is no more to come.
func (b *batch) end(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = now
	clear(b.items) // they lie in the message, which is given back
	b.wake()
}

// wake tells whoever watches. Requires mu.
func (b *batch) wake() {
	close(b.changed)
	b.changed = make(chan struct{})
}

// sink takes an answer that is kept elsewhere, if it is one.
type sink struct {
	header http.Header
	status int
	size   int64 // of all that was written
	text   bytes.Buffer
}

// How much is remembered of an answer that is not kept: of an error less, since there may be maxRemembered of them.
const (
	maxSink      = 64 << 10
	maxErrorText = 4 << 10
)

func (s *sink) Header() http.Header { return s.header }

func (s *sink) WriteHeader(status int) {
	if s.status < 200 {
		s.status = status
	}
}

func (s *sink) Write(p []byte) (int, error) {
	s.size += int64(len(p))
	s.text.Write(p[:min(len(p), maxSink-s.text.Len())])
	return len(p), nil
}

// told is what is to be remembered of the answer: nothing if it is kept, or if it is a good one and not whole.
func (s *sink) told(kept cache.Sum) []byte {
	if s.status < 300 && (kept != cache.Sum{} || s.size > int64(s.text.Len())) {
		return nil
	}
	if s.status >= 300 && s.text.Len() > maxErrorText {
		return []byte(longError)
	}
	return bytes.Clone(s.text.Bytes())
}

// retryAfter reports whether the request is worth another try, and after what time.
func (s *sink) retryAfter(rec *Record) (time.Duration, bool) {
	if s.status != http.StatusTooManyRequests && s.status != http.StatusServiceUnavailable {
		return 0, false
	}
	if rec.Cost.Charge.Paid() || switchyard.AsError(rec.Err).Kind == switchyard.OverBudget {
		return 0, false
	}
	seconds, err := strconv.Atoi(strings.TrimSpace(s.header.Get("Retry-After")))
	wait := time.Duration(max(seconds, 1)) * time.Second
	return wait, err == nil && wait <= batchSoon
}
