package proxy

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"

	"go.uber.org/zap"

	"switchyard"
)

// generation is the ledger's row of the request.
func (q *request) generation(kind string, req *switchyard.Request) switchyard.Generation {
	said := labels(q.r.Header)
	g := switchyard.Generation{
		ID: q.rec.ID, RequestID: requestID(q.r.Header), Tenant: q.rec.Tenant, Key: q.rec.Key, Tier: q.tier(said), Kind: kind,
		Dialect: q.rec.Dialect, Path: q.rec.Path, Model: req.Model, Started: q.rec.Started, Asked: req.Images,
		Prompt: promptMark(req.Prompt, q.snap.Settings.KeepPrompts), Labels: said,
		Route: q.rec.Route,
	}
	if kind == KindGeneration {
		g.Shape = q.match.Shape(q.caller.hasOwn())
	}
	return g
}

// tier is what kind of customer the request is for. An app that has a key cannot say that it is another.
func (q *request) tier(said map[string]string) string {
	if key := q.caller.key; key != nil && key.Labels["tier"] != "" {
		return key.Labels["tier"]
	}
	return said["tier"]
}

// book ends a generation as the record tells it, and has that on disk, with all that waited for it. Then the answer's last
// byte may go out.
func (q *request) book(ctx context.Context, account *account, g switchyard.Generation) {
	q.rec.Latency = max(q.now().Sub(g.Started), 0) // a ticket may be an earlier process's, and the clock have been put back
	q.writeRow(ctx, account, g)
}

// writeRow writes the row of a generation that has ended.
func (q *request) writeRow(ctx context.Context, account *account, g switchyard.Generation) {
	rec := q.rec
	g.Latency, g.Route, g.Target, g.Provider, g.Served = rec.Latency, rec.Route, rec.Target, rec.Provider, rec.Served
	g.Variant = rec.Variant
	g.Attempts, g.Delivered, g.Cost, g.Fidelity = rec.Tried(), rec.Images, rec.Cost, rec.Fidelity
	if rec.Ended == "" { // else it stays: what has become of the answer since then changes nothing
		rec.Ended = outcome(rec.Err)
	}
	g.Outcome, g.Hosted = rec.Ended, q.hosted
	if err := account.End(context.WithoutCancel(ctx), g); err != nil {
		q.Log.Error("generation not in the journal yet", zap.String("id", rec.ID), zap.Error(err))
		q.owe(account)
	}
}

// promptMark is what the ledger keeps of a prompt.
func promptMark(prompt string, keep bool) string {
	if keep {
		return prompt
	}
	sum := sha256.Sum256([]byte(prompt))
	return hex.EncodeToString(sum[:])
}

const labelPrefix = "X-Switchyard-Label-"

// labels are the app's own words for its request, from its headers; a bounded number of them, of bounded length.
func labels(h http.Header) map[string]string {
	var out map[string]string
	for name, values := range h {
		label, ok := strings.CutPrefix(name, labelPrefix)
		if !ok || len(out) == 16 || len(values[0]) > 256 {
			continue
		}
		if out == nil {
			out = map[string]string{}
		}
		out[strings.ToLower(strings.ReplaceAll(label, "-", "_"))] = values[0]
	}
	return out
}

// requestID is the app's own name for its request, if it is of a sane length.
func requestID(h http.Header) string {
	if id := h.Get("X-Request-Id"); len(id) <= 128 {
		return id
	}
	return ""
}
