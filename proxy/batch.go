package proxy

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"switchyard"
	"switchyard/dialect"
	"switchyard/spool"
)

// How much a batch may be, and how long it is remembered when it is over.
const (
	maxBatch       = 1000   // requests
	maxBatches     = 1000   // that are remembered
	maxRemembered  = 50_000 // requests of all of them together, each with what it came to
	batchSide      = 8      // requests side by side, unless the batch says
	maxBatchSide   = 32
	batchKept      = time.Hour
	maxBatchKey    = 200     // characters of an Idempotency-Key: each request's own adds its index
	maxBatchText   = 4 << 10 // bytes of one header of a request
	maxBatchHeader = 32      // headers of a request
)

// batch is a list of requests that are served side by side, each as if it had come by itself: with the batch's own
// credential and the headers that it names. The process remembers how it stands; the answers are on disk, under an
// Idempotency-Key for each, so that the same batch once more under the same key pays for nothing twice.
type batch struct {
	id      string
	tenants []string // who may know of it
	created time.Time
	side    int // requests at once, at most
	items   []batchItem
	stop    context.CancelFunc // begins no more requests, and leaves those under way
	done    func()             // gives the message back
	lines   lines

	mu      sync.Mutex // guards the rest
	results []batchResult
	told    []int // indexes of results, in the order in which they came
	totals  batchTotals
	changed chan struct{} // closed and replaced when any of this changes
	ended   time.Time     // zero while it runs
}

// batchItem is one request of a batch.
type batchItem struct {
	path    string
	header  http.Header
	body    switchyard.Blob
	dialect string
}

// batches are those that are remembered. The zero value is ready.
type batches struct {
	mu sync.Mutex
	m  map[string]*batch // :: id → batch; guarded by mu
}

var (
	errNoBatch    = errors.New("no such batch, or none any more")
	errManyBatch  = &switchyard.Error{Kind: switchyard.Throttled, Detail: "too many batches are under way: wait for one to end", RetryAfter: time.Minute}
	errNoBatchKey = switchyard.Invalid("Idempotency-Key", "Idempotency-Key: a batch's has at most %d characters", maxBatchKey)
)

// add remembers b, and forgets those that have been over for long, and as many of the oldest that are over as take its
// place. If all of them do not make enough room, b is refused and they stay.
func (all *batches) add(b *batch, now time.Time) error {
	all.mu.Lock()
	defer all.mu.Unlock()
	if all.m == nil {
		all.m = map[string]*batch{}
	}
	var over []*batch
	requests := len(b.results)
	for id, old := range all.m {
		ended := old.over()
		if !ended.IsZero() && now.Sub(ended) > batchKept {
			delete(all.m, id)
			continue
		}
		requests += len(old.results)
		if !ended.IsZero() {
			over = append(over, old)
		}
	}
	slices.SortFunc(over, func(x, y *batch) int { return x.over().Compare(y.over()) })
	forget := 0
	for ; len(all.m)-forget >= maxBatches || requests > maxRemembered; forget++ {
		if forget == len(over) {
			return errManyBatch
		}
		requests -= len(over[forget].results)
	}
	for _, old := range over[:forget] {
		delete(all.m, old.id)
	}
	all.m[b.id] = b
	return nil
}

// of returns a batch by its id, to one of those who may know of it.
func (all *batches) of(id string, tenants []string) (*batch, error) {
	all.mu.Lock()
	defer all.mu.Unlock()
	b := all.m[id]
	if b == nil || !slices.ContainsFunc(b.tenants, func(t string) bool { return slices.Contains(tenants, t) }) {
		return nil, errNoBatch
	}
	return b, nil
}

func (b *batch) over() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ended
}

// beginBatch takes a batch on and answers with how it stands. The work goes on without the app.
func (x *extra) beginBatch(w http.ResponseWriter) error {
	key := x.r.Header.Get("Idempotency-Key")
	if len(key) > maxBatchKey {
		return errNoBatchKey
	}
	msg, err := x.message(x.r, place{}, x.snap.Settings.MaxRequestBody) // in the time that extraTo gives it
	if err != nil {
		return err
	}
	b := &batch{id: rand.Text(), tenants: x.tenants, created: x.now(), changed: make(chan struct{}), done: func() { _ = msg.Body.Close() }}
	if err := x.readBatch(b, msg); err != nil {
		b.done()
		return err
	}
	b.results, b.totals = make([]batchResult, len(b.items)), newTotals(len(b.items))
	if err := x.batches.add(b, x.now()); err != nil {
		b.done()
		return err
	}
	if key == "" {
		key = b.id
	}
	x.startBatch(b, key)
	w.Header().Set("Location", extrasPath+"batches/"+b.id)
	writeJSON(w, http.StatusAccepted, b.describe())
	return nil
}

// readBatch reads what a batch asks for, and finds all that is wrong with it before anything is paid for.
func (x *extra) readBatch(b *batch, msg *spool.Message) error {
	doc, err := msg.JSON()
	if err != nil {
		return switchyard.Invalid("", "the body cannot be read: %v; a batch has at most %d requests", err, maxBatch)
	}
	if doc.Kind() != spool.Object {
		return switchyard.Invalid("", `want JSON such as {"requests":[{"path":"/v1/images/generations","body":{"prompt":"…"}}]}`)
	}
	if err := knownKeys(doc, "requests", "concurrency"); err != nil {
		return err
	}
	b.side = batchSide
	if v := doc.Get("concurrency"); v.Given() {
		n, ok := v.Int()
		if !ok || n < 1 || n > maxBatchSide {
			return switchyard.Invalid("concurrency", "concurrency: want 1 to %d", maxBatchSide)
		}
		b.side = int(n)
	}
	items := doc.Get("requests").Items()
	if len(items) == 0 || len(items) > maxBatch {
		return switchyard.Invalid("requests", "requests: a batch has 1 to %d, got %d", maxBatch, len(items))
	}
	for i, v := range items {
		item, err := x.readItem(v)
		if switchyard.AsError(err).Kind == switchyard.Unavailable {
			return err
		}
		if err != nil {
			return switchyard.Invalid("requests", "requests[%d]%s", i, err.Error())
		}
		if first := b.items; len(first) > 0 && x.key.IsZero() && item.dialect != first[0].dialect {
			return switchyard.Invalid("requests", "requests[%d].path: without keys of the sidecar's own, a batch speaks to one API: its credential is for that one", i)
		}
		b.items = append(b.items, item)
	}
	return nil
}

// readItem reads one request. The error says what is wrong with it, from its place on.
func (x *extra) readItem(v *spool.Value) (item batchItem, err error) {
	if err := knownKeys(v, "path", "headers", "body"); err != nil {
		return item, errors.New(": " + switchyard.AsError(err).Detail)
	}
	body := v.Get("body")
	if body.Kind() != spool.Object {
		return item, fmt.Errorf(".body: want an object, got %v", body.Kind())
	}
	item = batchItem{path: v.Get("path").Text(), header: http.Header{}, body: body.Blob()}
	headers := v.Get("headers")
	for name, value := range headers.Members() {
		if !strings.HasPrefix(strings.ToLower(name), "x-") || slices.Contains(neverForwarded, http.CanonicalHeaderKey(name)) {
			return item, fmt.Errorf(".headers: %q is not for one request of a batch to say: only X-… headers are", name)
		}
		if value.Kind() != spool.String || value.Len() > maxBatchText || strings.ContainsAny(value.Text(), "\r\n\x00") {
			return item, fmt.Errorf(".headers.%s: want a text", name)
		}
		if item.header.Set(name, value.Text()); len(item.header) > maxBatchHeader {
			return item, fmt.Errorf(".headers: at most %d", maxBatchHeader)
		}
	}
	r, err := x.itemRequest(x.r.Context(), &item, "")
	if err != nil {
		return item, fmt.Errorf(".path: want a path such as /v1/images/generations, got %q", item.path)
	}
	place, ok := x.snap.locate(r)
	if !ok || place.op != dialect.Generate {
		return item, fmt.Errorf(".path: %q makes no pictures", item.path)
	}
	if item.dialect = place.dialect.Name(); x.key.IsZero() && place.dialect.TakeKey(r.Header.Clone(), r.URL.Query()).IsZero() {
		return item, fmt.Errorf(".path: the batch's credential is none for %q", item.path)
	}
	return item, x.keepable(place, r, &item)
}

// keepable refuses what would be paid for and lost: events, and what passes through because it is no generation. Other faults
// of a request are told as its own result.
func (x *extra) keepable(place place, r *http.Request, item *batchItem) error {
	text, err := item.body.Open()
	if err != nil {
		return fmt.Errorf(".body: %w", err)
	}
	defer text.Close()
	body, err := x.Runner.Pool.ReadJSON(text, item.body.Len(), item.body.Len())
	if err != nil {
		return fmt.Errorf(".body: %w", err)
	}
	defer body.Close()
	req, err := place.dialect.DecodeRequest(&spool.Message{
		Base: place.base, Method: r.Method, Path: place.path, Query: place.query, Header: r.Header, Body: body,
	})
	switch {
	case errors.Is(err, dialect.ErrNotGeneration):
		return errors.New(".body: it asks for no pictures")
	case err == nil && req.Stream:
		return errors.New(".body: a batch's requests are answered whole, not as events")
	}
	return nil
}

// knownKeys refuses keys that it does not know, so that a misspelt one is not silently ignored.
func knownKeys(v *spool.Value, known ...string) error {
	for key := range v.Members() {
		if !slices.Contains(known, key) {
			return switchyard.Invalid(key, "unknown member %q, want %s", key, strings.Join(known, ", "))
		}
	}
	return nil
}
