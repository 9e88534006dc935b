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
	"switchyard/ledger"
	"switchyard/spool"
)

// batchTotals is what a batch has come to so far.
type batchTotals struct {
	requests, done, succeeded int
	images                    int
	cost                      switchyard.Cost
	known                     switchyard.Money // also if a part is not
	busy                      time.Duration    // of those that succeeded
	providers                 map[string]*providerTotals
}

type providerTotals struct {
	attempts, ok, images, unknown int
	cost                          switchyard.Money
	busy                          time.Duration // of those that ended well
}

func newTotals(n int) batchTotals {
	return batchTotals{requests: n, providers: map[string]*providerTotals{}}
}

// add counts one result.
func (t *batchTotals) add(res *batchResult) {
	t.done++
	t.images += res.rec.Images
	t.cost = ledger.Sum(t.cost, res.rec.Cost)
	if res.status < 300 {
		t.succeeded++
		t.busy += res.rec.Latency
	}
	for _, a := range res.rec.Attempts {
		p := t.providers[a.Provider]
		if p == nil {
			p = &providerTotals{}
			t.providers[a.Provider] = p
		}
		p.attempts++
		p.images += a.Images
		switch {
		case a.Cost.Charge == switchyard.ChargeNone:
		case a.Cost.Basis == switchyard.BasisUnknown:
			p.unknown++
		default:
			p.cost += a.Cost.Amount
			t.known += a.Cost.Amount
		}
		if a.Outcome == switchyard.OK {
			p.ok++
			p.busy += a.Latency
		}
	}
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

// totalsDoc is batchTotals as JSON.
type totalsDoc struct {
	Requests    int                    `json:"requests"`
	Done        int                    `json:"done"`
	Succeeded   int                    `json:"succeeded"`
	Failed      int                    `json:"failed"`
	Images      int                    `json:"images"`
	CostUSD     *json.Number           `json:"cost_usd"`       // null if a part of it is not known
	KnownUSD    json.Number            `json:"known_cost_usd"` // the part that is
	MeanSeconds float64                `json:"mean_seconds"`   // of those that succeeded
	Providers   map[string]providerDoc `json:"providers"`
}

type providerDoc struct {
	Attempts    int         `json:"attempts"`
	OK          int         `json:"ok"`
	Images      int         `json:"images"`
	CostUSD     json.Number `json:"cost_usd"`      // known amounts
	Unknown     int         `json:"unknown_costs"` // attempts whose cost nobody knows
	MeanSeconds float64     `json:"mean_seconds"`
}

func (t *batchTotals) describe() totalsDoc {
	doc := totalsDoc{
		Requests: t.requests, Done: t.done, Succeeded: t.succeeded, Failed: t.done - t.succeeded, Images: t.images,
		CostUSD: usd(t.cost), KnownUSD: json.Number(t.known.String()), MeanSeconds: mean(t.busy, t.succeeded),
		Providers: map[string]providerDoc{},
	}
	for name, p := range t.providers {
		doc.Providers[name] = providerDoc{p.attempts, p.ok, p.images, json.Number(p.cost.String()), p.unknown, mean(p.busy, p.ok)}
	}
	return doc
}

// usd is an amount in dollars; nil if nobody knows it.
func usd(c switchyard.Cost) *json.Number {
	if c.Basis == switchyard.BasisUnknown {
		return nil
	}
	return new(json.Number(c.Amount.String()))
}

// mean is in seconds, to the millisecond.
func mean(sum time.Duration, n int) float64 {
	if n == 0 {
		return 0
	}
	return (sum / time.Duration(n)).Round(time.Millisecond).Seconds()
}

// itemDoc is one result of a batch as JSON.
type itemDoc struct {
	Index      int              `json:"index"`
	Status     int              `json:"status"` // as the app would have got it
	Generation string           `json:"generation,omitempty"`
	Target     string           `json:"target,omitempty"`
	Provider   string           `json:"provider,omitempty"`
	Images     int              `json:"images"`
	CostUSD    *json.Number     `json:"cost_usd"` // null if nobody knows
	CostBasis  switchyard.Basis `json:"cost_basis,omitempty"`
	Seconds    float64          `json:"seconds"`
	Answer     string           `json:"answer,omitempty"` // where it is, for an hour or longer
	Error      json.RawMessage  `json:"error,omitempty"`  // in the words of the request's dialect
}

// answered reports whether the answer of one that went well can be asked for.
func (r *batchResult) answered() bool { return r.kept != cache.Sum{} || len(r.text) > 0 }

// item describes the result of request i. Requires mu.
func (b *batch) item(i int) itemDoc {
	res := &b.results[i]
	doc := itemDoc{
		Index: i, Status: res.status, Generation: res.rec.ID, Target: res.rec.Target, Provider: res.rec.Provider,
		Images: res.rec.Images, CostUSD: usd(res.rec.Cost), CostBasis: res.rec.Cost.Basis, Seconds: mean(res.rec.Latency, 1),
	}
	switch {
	case res.status < 300 && !res.answered():
	case res.status < 300:
		doc.Answer = fmt.Sprintf("%sbatches/%s/results/%d", extrasPath, b.id, i)
	case json.Valid(res.text):
		doc.Error = res.text
	default:
		doc.Error, _ = json.Marshal(string(res.text))
	}
	return doc
}

// batchDoc is how a batch stands.
type batchDoc struct {
	ID        string    `json:"id"`
	Status    string    `json:"status"` // running or done
	CreatedAt time.Time `json:"created_at"`
	Events    string    `json:"events"` // where each result is told as it comes
	Totals    totalsDoc `json:"totals"`
	Results   []itemDoc `json:"results"` // in the order in which they came
}

func (b *batch) describe() batchDoc {
	b.mu.Lock()
	defer b.mu.Unlock()
	doc := batchDoc{
		ID: b.id, Status: "running", CreatedAt: b.created.UTC(), Events: extrasPath + "batches/" + b.id + "/events",
		Totals: b.totals.describe(), Results: []itemDoc{},
	}
	if !b.ended.IsZero() {
		doc.Status = "done"
	}
	for _, i := range b.told {
		doc.Results = append(doc.Results, b.item(i))
	}
	return doc
}

func (x *extra) asked() (*batch, error) { return x.batches.of(x.r.PathValue("id"), x.tenants) }

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
