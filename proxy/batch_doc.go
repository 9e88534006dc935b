package proxy

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"switchyard"
	"switchyard/cache"
	"switchyard/ledger"
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
	for _, a := range slices.Concat(res.rec.Attempts, res.rec.Open) {
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
		CostUSD: t.cost.USD(), KnownUSD: json.Number(t.known.String()), MeanSeconds: mean(t.busy, t.succeeded),
		Providers: map[string]providerDoc{},
	}
	for name, p := range t.providers {
		doc.Providers[name] = providerDoc{p.attempts, p.ok, p.images, json.Number(p.cost.String()), p.unknown, mean(p.busy, p.ok)}
	}
	return doc
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
		Images: res.rec.Images, CostUSD: res.rec.Cost.USD(), CostBasis: res.rec.Cost.Basis, Seconds: mean(res.rec.Latency, 1),
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
