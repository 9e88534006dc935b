package proxy

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"switchyard"
	"switchyard/cache"
	"switchyard/dialect"
	"switchyard/spool"
)

// asked returns the batch that a request names.
func (x *extra) asked() (*batch, error) { return x.batches.of(x.r.PathValue("id"), x.tenants) }

// batch answers how the batch stands.
func (x *extra) batch() (batchDoc, error) {
	b, err := x.asked()
	if err != nil {
		return batchDoc{}, err
	}
	return b.describe(), nil
}

// cancelBatch begins no more of a batch's requests, and leaves those under way as an app does that hangs up.
func (x *extra) cancelBatch() (batchDoc, error) {
	b, err := x.asked()
	if err != nil {
		return batchDoc{}, err
	}
	b.stop()
	return b.describe(), nil
}

// batchResult answers one of a batch's requests, as if the app had just asked it.
func (x *extra) batchResult(w http.ResponseWriter) error {
	b, err := x.asked()
	if err != nil {
		return err
	}
	i, err := strconv.Atoi(x.r.PathValue("index"))
	if err != nil || i < 0 || i >= len(b.items) {
		return errNoBatch
	}
	b.mu.Lock()
	res := b.results[i]
	b.mu.Unlock()
	q := &request{Handler: x.Handler, snap: x.snap, r: x.r, rec: &Record{}}
	q.w = &counter{ResponseWriter: w, rec: q.rec}
	switch {
	case res.status == 0:
		return switchyard.Invalid("index", "request %d has not ended yet", i)
	case res.status >= 300 || res.kept == cache.Sum{}:
		if !res.answered() {
			return errNoBatch
		}
		return q.write(dialect.JSON(res.status, "application/json", spool.Bytes(res.text)))
	}
	reply, err := x.Replies.Kept(res.kept)
	if err != nil {
		return err
	}
	if reply == nil {
		return errNoBatch
	}
	return q.write(&dialect.Reply{Status: reply.Status, Header: reply.Header, Body: reply.Body})
}

// batchEvents tells the results of a batch as they come, from the one after Last-Event-ID on: each as an event "result",
// the totals after it as "progress", and in the end as "done".
func (x *extra) batchEvents(w http.ResponseWriter) error {
	b, err := x.asked()
	if err != nil {
		return err
	}
	seen, _ := strconv.Atoi(x.r.Header.Get("Last-Event-ID"))
	seen = min(max(seen, 0), len(b.items))
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	control := http.NewResponseController(w)
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		text, next, changed, over := b.events(seen)
		if _, err := w.Write(text); err != nil || over {
			return nil
		}
		_ = control.Flush()
		seen = next
		select {
		case <-changed:
		case <-beat.C:
			if _, err := w.Write([]byte(":\n\n")); err != nil {
				return nil
			}
		case <-x.r.Context().Done():
			return nil
		case <-x.ending.Done():
			return nil
		}
	}
}

// events are those after the first seen, and what is closed when there are more.
func (b *batch) events(seen int) (text []byte, next int, changed <-chan struct{}, over bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for n, i := range b.told[min(seen, len(b.told)):] {
		text = appendEvent(text, "result", seen+n+1, b.item(i))
	}
	if len(b.told) > seen {
		text = appendEvent(text, "progress", len(b.told), b.totals.describe())
	}
	if over = !b.ended.IsZero(); over {
		text = appendEvent(text, "done", len(b.told), b.totals.describe())
	}
	return text, max(seen, len(b.told)), b.changed, over
}

func appendEvent[T any](text []byte, name string, id int, doc T) []byte {
	data, _ := json.Marshal(doc) // of our own types
	return fmt.Appendf(text, "event: %s\nid: %d\ndata: %s\n\n", name, id, data)
}
