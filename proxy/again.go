package proxy

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"net/http"

	"go.uber.org/zap"

	"switchyard"
	"switchyard/cache"
	"switchyard/dialect"
	"switchyard/spool"
)

// again finds out whether the answer to a request has been paid for already: by an earlier request with the same
// Idempotency-Key, or by one with the same body that its app has left. If so it is answered here. Else flight is what
// others may come for; it may be nil.
func (q *request) again(req *switchyard.Request, msg *spool.Message) (flight *cache.Flight, answered bool, err error) {
	if q.Replies == nil || req.Stream || q.caller.tenant == anonymous {
		return nil, false, nil
	}
	find, err := q.finder(req, msg)
	if err != nil || find == nil {
		return nil, false, err
	}
	for {
		flight, reply, err := find()
		switch {
		case errors.Is(err, cache.ErrMismatch):
			return nil, false, &switchyard.Error{Kind: switchyard.Conflict, Err: err}
		case err != nil: // it can be made all the same, if nobody counts on a key
			q.Log.Error("cache", zap.String("id", q.rec.ID), zap.Error(err))
			return nil, false, nil
		case reply == nil && flight.Mine():
			return flight, false, nil
		case reply == nil:
			reply, err = q.join(flight)
		}
		if errors.Is(err, cache.ErrReleased) {
			continue // it came to nothing: now it is this one's turn
		}
		if err != nil {
			return nil, false, err
		}
		return nil, true, q.replay(reply)
	}
}

// join waits for the flight of another request.
func (q *request) join(flight *cache.Flight) (*cache.Reply, error) {
	ctx, cancel := context.WithTimeout(q.r.Context(), q.snap.Settings.timeout(q.rec.Dialect))
	defer cancel()
	reply, err := flight.Wait(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = &switchyard.Error{Kind: switchyard.TimedOut, Err: err}
	}
	return reply, err
}

// replay gives an answer once more.
func (q *request) replay(reply *cache.Reply) error {
	q.rec.Kind = "replay"
	header := http.Header(reply.Header).Clone()
	header.Set("X-Switchyard-Cache", "hit")
	header.Set("X-Switchyard-Cost-Usd", "0")
	header.Set("X-Switchyard-Cost-Basis", "cached")
	return q.write(&dialect.Reply{Status: reply.Status, Header: header, Body: reply.Body})
}

type find func() (*cache.Flight, *cache.Reply, error)

// maxKey is how long an app's key may be.
const maxKey = 255

// finder is the way to find what has been paid for already: by the app's key, else, unless the route says no, by the request itself.
func (q *request) finder(req *switchyard.Request, msg *spool.Message) (find, error) {
	key := q.r.Header.Get("Idempotency-Key")
	if key == "" {
		key = q.r.Header.Get("X-Idempotency-Key")
	}
	switch {
	case len(key) > maxKey:
		return nil, switchyard.Invalid("Idempotency-Key", "The Idempotency-Key has more than %d characters.", maxKey)
	case key != "":
		scope := q.caller.tenant + "\x00" + q.caller.keyName() + "\x00" + q.rec.Dialect + "\x00" + q.rec.Path
		body, err := sum(msg.Body, q.place.query.Encode())
		if err != nil {
			return nil, err
		}
		name := cache.Sum(sha256.Sum256([]byte(scope + "\x00" + key)))
		return func() (*cache.Flight, *cache.Reply, error) { return q.Replies.Keyed(name, body) }, nil
	case req.Async, !q.snap.Router.Route(q.facts(req)).Rejoins(): // what leaves a ticket behind is found by that
		return nil, nil
	}
	same, err := q.fingerprint(msg.Body)
	if err != nil {
		return nil, err
	}
	return func() (*cache.Flight, *cache.Reply, error) { return q.Replies.Rejoin(same, q.r.Context().Done()) }, nil
}

func sum(body switchyard.Blob, query string) (s cache.Sum, err error) {
	h := sha256.New()
	fmt.Fprintf(h, "%d%s", len(query), query)
	err = digest(h, body)
	copy(s[:], h.Sum(nil))
	return s, err
}

// seeds make fingerprints of this process alone; two of them, since one has only 64 bits.
var seeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}

// fingerprint is the same for the same request of the same caller, as long as the process lives. It is far cheaper than
// a digest, since every request has one.
func (q *request) fingerprint(body switchyard.Blob) (s cache.Sum, err error) {
	head := q.caller.tenant + "\x00" + q.caller.keyName() + "\x00" + q.rec.Dialect + "\x00" + q.place.base + q.rec.Path + "\x00" + q.place.query.Encode()
	for i, seed := range seeds {
		var h maphash.Hash
		h.SetSeed(seed)
		_, _ = h.WriteString(head)
		if err := digest(&h, body); err != nil {
			return s, err
		}
		copy(s[8*i:], h.Sum(nil))
	}
	return s, nil
}

func digest(h io.Writer, body switchyard.Blob) error {
	r, err := body.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(h, r)
	return err
}

// deliver gives an answer that others may come for: it is kept first, and once more if the app turns out not to have got it.
func (q *request) deliver(flight *cache.Flight, reply *dialect.Reply) error {
	q.head()
	header := q.w.Header().Clone()
	for name, values := range reply.Header {
		header[name] = values
	}
	keep := &cache.Reply{Status: reply.Status, Header: header, Body: reply.Body}
	if err := flight.Keep(keep); err != nil {
		q.Log.Error("cache", zap.String("id", q.rec.ID), zap.Error(err))
	}
	defer func() {
		if p := recover(); p != nil {
			if err := flight.KeepFor(keep); err != nil {
				q.Log.Error("cache", zap.String("id", q.rec.ID), zap.Error(err))
			}
			panic(p)
		}
	}()
	return q.write(reply)
}
