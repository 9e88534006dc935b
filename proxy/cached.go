package proxy

import (
	"context"
	"strings"

	"switchyard"
	"switchyard/cache"
	"switchyard/dialect"
)

// What X-Switchyard-Cache says of a request. One that no cache was asked for has "off".
const (
	cacheHit  = "hit"
	cacheMiss = "miss"
)

// made is who has made the pictures of the answer, and where they are.
func (q *request) made() cache.Made {
	return cache.Made{Target: q.rec.Target, Provider: q.rec.Provider, Model: q.rec.Served, Images: q.rec.Images, Fidelity: q.rec.Fidelity, Hosted: q.hosted}
}

// hit answers from the cache. That is a generation of its own, which costs nothing and counts for no experiment.
func (q *request) hit(work *cache.Work, req *switchyard.Request) error {
	reply, rec := work.Reply(), q.rec
	q.metRules(q.match.Errs)
	rec.Cache = cacheHit
	rec.Target, rec.Provider, rec.Served = reply.Made.Target, reply.Made.Provider, reply.Made.Model
	rec.Images, rec.Fidelity, q.hosted = reply.Made.Images, reply.Made.Fidelity, reply.Made.Hosted
	rec.Cost = switchyard.Cost{Charge: switchyard.ChargeNone, Basis: switchyard.BasisCached}
	g := q.generation(KindGeneration, req)
	q.book(context.WithoutCancel(q.r.Context()), newAccount(q.Journal, g), g)
	header := reply.Header.Clone()
	for name := range header {
		if strings.HasPrefix(name, "X-Switchyard-") || name == "Server-Timing" {
			header.Del(name) // of the generation that was paid for
		}
	}
	q.head()
	return q.hand(work, reply, &dialect.Reply{Status: reply.Status, Header: header, Body: reply.Body})
}
