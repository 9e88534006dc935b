package proxy

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"

	"switchyard"
	"switchyard/cache"
	"switchyard/dialect"
	"switchyard/router"
	"switchyard/spool"
)

// What X-Switchyard-Cache says of a request. One that no cache was asked for has "off".
const (
	cacheHit  = "hit"
	cacheMiss = "miss"
)

// shared is a digest that is the same for requests that may have the same answer: of the same tenant and key, in the same
// words, by the same route. Addresses of hosted pictures begin with the one that the app calls.
func (q *request) shared(route *router.Route, msg *spool.Message) (s cache.Sum, err error) {
	h := sha256.New()
	for _, text := range []string{"cache", q.scope(), q.origin, q.place.prefix, route.Name, q.place.query.Encode()} {
		fmt.Fprintf(h, "%d %s", len(text), text)
	}
	err = digest(h, msg)
	copy(s[:], h.Sum(nil))
	return s, err
}

// made is who has made the pictures of the answer, and where they are.
func (q *request) made() cache.Made {
	return cache.Made{Target: q.rec.Target, Provider: q.rec.Provider, Model: q.rec.Served, Images: q.rec.Images, Fidelity: q.rec.Fidelity, Hosted: q.hosted}
}

// hit answers from the cache. It is a generation of its own, which cost nothing, and no arm of an experiment's.
func (q *request) hit(reply *cache.Reply, req *switchyard.Request) error {
	rec := q.rec
	q.metRules(q.match.Errs)
	rec.Cache = cacheHit
	rec.Target, rec.Provider, rec.Served = reply.Made.Target, reply.Made.Provider, reply.Made.Model
	rec.Images, rec.Fidelity, q.hosted = reply.Made.Images, reply.Made.Fidelity, reply.Made.Hosted
	rec.Cost = switchyard.Cost{Charge: switchyard.ChargeNone, Basis: switchyard.BasisCached}
	g := q.generation("generation", req)
	q.close(context.WithoutCancel(q.r.Context()), newAccount(q.Journal, g), g)
	header := reply.Header.Clone()
	for name := range header {
		if strings.HasPrefix(name, "X-Switchyard-") || name == "Server-Timing" {
			header.Del(name) // of the generation that was paid for
		}
	}
	q.head()
	return q.write(&dialect.Reply{Status: reply.Status, Header: header, Body: reply.Body})
}
