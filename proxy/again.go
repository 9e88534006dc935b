package proxy

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"strings"

	"go.uber.org/zap"

	"switchyard"
	"switchyard/cache"
	"switchyard/dialect"
	"switchyard/spool"
)

// again finds out whether the answer to a request has been paid for already: by an earlier request with the same
// Idempotency-Key, by any with the same body where the route has a cache, or by one that its app has left. If so it is
// answered here. Else flight is what others may come for; it may be nil.
func (q *request) again(req *switchyard.Request, msg *spool.Message) (flight *cache.Flight, answered bool, err error) {
	if q.Replies == nil || req.Stream || req.Async || q.caller.tenant == anonymous { // a ticket is found by its id
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
		case switchyard.AsError(err).Kind == switchyard.Unavailable:
			return nil, false, err
		case err != nil: // it can be made all the same, since nobody counts on a key
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
		if q.rec.Cache != "" && !readable(reply) {
			continue // it had to make room: it is made anew
		}
		if q.rec.Cache != "" {
			return nil, true, q.hit(reply, req)
		}
		return nil, true, q.replay(reply)
	}
}

// readable reports whether an answer is still there.
func readable(reply *cache.Reply) bool {
	body, err := reply.Body.Open()
	return err == nil && body.Close() == nil
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
	q.rec.Target, q.rec.Provider, q.rec.Served, q.rec.Images = reply.Made.Target, reply.Made.Provider, reply.Made.Model, reply.Made.Images
	header := reply.Header.Clone()
	if !q.snap.Settings.Hide {
		header.Set("X-Switchyard-Cache", "hit")
		header.Set("X-Switchyard-Cost-Usd", "0")
		header.Set("X-Switchyard-Cost-Basis", "cached")
	}
	return q.write(&dialect.Reply{Status: reply.Status, Header: header, Body: reply.Body})
}

type find func() (*cache.Flight, *cache.Reply, error)

// finder is the way to find what has been paid for already: by the app's key, else, unless the route says no, by the
// request itself. Nil if there is none.
func (q *request) finder(req *switchyard.Request, msg *spool.Message) (find, error) {
	key, err := q.idempotencyKey()
	if err != nil {
		return nil, err
	}
	if key != "" {
		body, err := q.sum(msg)
		if err != nil {
			return nil, err
		}
		q.kept = cache.Sum(sha256.Sum256([]byte(q.scope() + "\x00" + key)))
		return func() (*cache.Flight, *cache.Reply, error) {
			flight, reply, err := q.Replies.Keyed(q.kept, body)
			if err != nil && !errors.Is(err, cache.ErrMismatch) { // the app counts on its key
				err = &switchyard.Error{Kind: switchyard.Unavailable, Err: err}
			}
			return flight, reply, err
		}, nil
	}
	route := q.match.Route
	if ttl := route.Shares(req); ttl > 0 {
		same, err := q.shared(route, msg)
		q.rec.Cache = cacheMiss
		return func() (*cache.Flight, *cache.Reply, error) { return q.Shared.Shared(same, ttl) }, err
	}
	if !route.Rejoins() {
		return nil, nil
	}
	same, err := q.fingerprint(msg)
	if err != nil {
		return nil, err
	}
	return func() (*cache.Flight, *cache.Reply, error) { return q.Replies.Rejoin(same, q.r.Context().Done()) }, nil
}

// maxKey is how long an app's key may be.
const maxKey = 255

// idempotencyKey is the app's own name for its request; empty if it has none, or is nobody whom we would know again.
func (q *request) idempotencyKey() (string, error) {
	key := q.r.Header.Get("Idempotency-Key")
	if key == "" {
		key = q.r.Header.Get("X-Idempotency-Key")
	}
	switch {
	case q.caller.tenant == anonymous:
		return "", nil
	case len(key) > maxKey:
		return "", switchyard.Invalid("Idempotency-Key", "The Idempotency-Key has more than %d characters.", maxKey)
	}
	return key, nil
}

// scope is within what a key means one thing.
func (q *request) scope() string {
	return strings.Join([]string{q.caller.tenant, q.caller.keyName(), q.rec.Dialect, q.place.base, q.rec.Path}, "\x00")
}

// seed is what a ticket's id is made of: of chance, or of the app's key and the number of tickets under it that failed.
func (q *request) seed(key string, n int) (seed [20]byte) {
	if key == "" {
		_, _ = rand.Read(seed[:]) // it never fails
		return seed
	}
	var secret []byte
	if q.HookKeys != nil {
		secret = q.HookKeys(q.caller.tenant).Shared // so that nobody else can tell the id
	}
	mac := hmac.New(sha256.New, secret)
	fmt.Fprintf(mac, "ticket\x00%s\x00%s\x00%d", q.scope(), key, n)
	copy(seed[:], mac.Sum(nil))
	return seed
}

// sum is a digest of all that the app asked for.
func (q *request) sum(msg *spool.Message) (s cache.Sum, err error) {
	h := sha256.New()
	query := q.place.query.Encode()
	fmt.Fprintf(h, "%d%s", len(query), query)
	err = digest(h, msg)
	copy(s[:], h.Sum(nil))
	return s, err
}

func (q *request) sumText(msg *spool.Message) (string, error) {
	s, err := q.sum(msg)
	return hex.EncodeToString(s[:]), err
}

// seeds make fingerprints of this process alone; two of them, since one has only 64 bits.
var seeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}

// fingerprint is the same for the same request of the same caller, as long as the process lives. It is far cheaper than
// a digest, since every request has one.
func (q *request) fingerprint(msg *spool.Message) (s cache.Sum, err error) {
	head := q.scope() + "\x00" + q.place.query.Encode()
	for i, seed := range seeds {
		var h maphash.Hash
		h.SetSeed(seed)
		_, _ = h.WriteString(head)
		if err := digest(&h, msg); err != nil {
			return s, err
		}
		copy(s[8*i:], h.Sum(nil))
	}
	return s, nil
}

// digest hashes a body; of a form its parts, since the boundary between them is another one in each retry.
func digest(h io.Writer, msg *spool.Message) error {
	if !msg.IsForm() {
		return hashBlob(h, msg.Body)
	}
	form, err := msg.Form()
	if err != nil {
		return err
	}
	for _, p := range form.Parts {
		fmt.Fprintf(h, "%q %q %q %d ", p.Name, p.FileName, p.Type, p.Len())
		if err := hashBlob(h, p.Blob()); err != nil {
			return err
		}
	}
	return nil
}

func hashBlob(h io.Writer, b switchyard.Blob) error {
	r, err := b.Open()
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
	keep := &cache.Reply{Status: reply.Status, Header: header, Body: reply.Body, Made: q.made()}
	if q.rec.Cache != "" && q.rec.Images < q.rec.Asked {
		flight.Release() // a part of it was refused, or failed: the next one may have more luck
		return q.write(reply)
	}
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
