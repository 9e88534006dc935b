package proxy

import (
	"context"
	"crypto/sha256"
	"errors"
	"maps"
	"net/http"

	"go.uber.org/zap"

	"switchyard"
	"switchyard/cache"
	"switchyard/dialect"
	"switchyard/spool"
)

// claim finds out whether the answer to a request has been paid for already. If not, it is the caller's to make.
func (q *request) claim(req *switchyard.Request, msg *spool.Message) (*cache.Work, error) {
	replies, ask, err := q.ask(req, msg)
	if err != nil {
		return nil, err
	}
	if replies == nil {
		return new(cache.Work), nil
	}
	ctx, cancel := context.WithTimeout(q.r.Context(), q.snap.Settings.timeout(q.rec.Dialect))
	defer cancel()
	work, err := replies.Claim(ctx, ask)
	switch {
	case err == nil:
		return work, nil
	case errors.Is(err, cache.ErrMismatch):
		return nil, &switchyard.Error{Kind: switchyard.Conflict, Err: err}
	case errors.Is(err, context.DeadlineExceeded):
		return nil, &switchyard.Error{Kind: switchyard.TimedOut, Err: err}
	case errors.Is(err, cache.ErrLost):
		return nil, &switchyard.Error{Kind: switchyard.Internal, Paid: true, Err: err}
	case errors.Is(err, context.Canceled):
		return nil, err
	case q.keyed(): // the app counts on it
		return nil, &switchyard.Error{Kind: switchyard.Unavailable, Err: err}
	}
	q.logLost(err)
	return new(cache.Work), nil
}

// ask says where an answer may be that has been paid for: with an earlier request of the same Idempotency-Key, with any of
// the same body where the route has a cache, or with one that its app has left. Events are found by a key alone, tickets by
// their id. replies is nil if it can be nowhere.
func (q *request) ask(req *switchyard.Request, msg *spool.Message) (replies *cache.Replies, ask cache.Ask, err error) {
	if q.Replies == nil || req.Async || q.caller.tenant == anonymous {
		return nil, ask, nil
	}
	key, err := q.idempotencyKey()
	if err != nil {
		return nil, ask, err
	}
	if key != "" {
		body, err := q.sum(msg)
		q.kept = sha256.Sum256([]byte(q.scope() + "\x00" + key))
		return q.Replies, cache.Keyed(q.kept, body), err
	}
	if req.Stream {
		return nil, ask, nil
	}
	route := q.match.Route
	if ttl := route.Shares(req); ttl > 0 {
		same, err := q.shared(route, msg)
		q.rec.Cache = cacheMiss
		return q.Shared, cache.Shared(same, ttl), err
	}
	if !route.Rejoins() {
		return nil, ask, nil
	}
	same, err := q.fingerprint(msg)
	return q.Replies, cache.Rejoin(same, q.r.Context().Done()), err
}

// keyed reports whether the app may come back for its answer by a key.
func (q *request) keyed() bool { return q.kept != cache.Sum{} }

// repeat gives an answer that was made before.
func (q *request) repeat(work *cache.Work, req *switchyard.Request) error {
	if work.Shared() {
		return q.hit(work, req)
	}
	return q.replay(work)
}

// replay gives an answer to one who has paid for it, or whose app before this one has.
func (q *request) replay(work *cache.Work) error {
	reply := work.Reply()
	q.rec.Kind = KindReplay
	q.rec.Target, q.rec.Provider, q.rec.Served, q.rec.Images = reply.Made.Target, reply.Made.Provider, reply.Made.Model, reply.Made.Images
	header := reply.Header.Clone()
	if !q.snap.Settings.Hide {
		header.Set("X-Switchyard-Cache", cacheHit)
		header.Set("X-Switchyard-Cost-Usd", "0")
		header.Set("X-Switchyard-Cost-Basis", "cached")
	}
	return q.hand(work, reply, &dialect.Reply{Status: reply.Status, Header: header, Body: reply.Body})
}

// deliver gives an answer that has just been made.
func (q *request) deliver(work *cache.Work, reply *dialect.Reply) error {
	q.head()
	header := q.w.Header().Clone()
	maps.Copy(header, reply.Header)
	if work.Shared() && q.rec.Images < q.rec.Asked {
		work.Release() // a part of it was refused, or failed: the next one may have more luck
	}
	return q.hand(work, &cache.Reply{Status: reply.Status, Header: header, Body: reply.Body, Made: q.made()}, reply)
}

// hand gives an answer to the app, and keeps what those get who come for it later.
func (q *request) hand(work *cache.Work, keep *cache.Reply, reply *dialect.Reply) error {
	var sent error
	lost := work.Deliver(keep, func() error {
		sent = q.send(reply)
		return sent
	})
	if lost != nil {
		q.kept = cache.Sum{}
	}
	q.logLost(lost)
	return abortHalf(sent)
}

// deliverTape keeps events that have been relayed.
func (q *request) deliverTape(work *cache.Work, t *tape, sent error) {
	t.wind()
	keep := &cache.Reply{Status: http.StatusOK, Header: t.header, Body: t, Made: q.made()}
	q.logLost(work.Deliver(keep, func() error { return sent }))
}

func (q *request) logLost(err error) {
	if err != nil {
		q.Log.Error("answer not kept", zap.String("id", q.rec.ID), zap.Error(err))
	}
}
