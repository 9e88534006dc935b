package proxy

import (
	"context"

	"switchyard"
	"switchyard/router"
)

// hedging is when a second target may race the first one for a request. Tickets and events are not raced for: asking would
// count them.
func (q *request) hedging(plan *router.Plan, req *switchyard.Request) *router.Hedging {
	if q.Pace == nil || req.Async || req.Stream {
		return nil
	}
	return q.Pace.Hedging(plan.Route, req)
}

// awaitRest cancels the work for a request that has its answer, unless the loser of a hedge is still at work. Then it waits for that one
// without the app, and writes the generation's row once more, with what the loser came to. Until then the row has it as possibly charged.
func (q *request) awaitRest(ctx context.Context, cancel context.CancelFunc, account *account, g switchyard.Generation) {
	if q.rest == nil {
		cancel()
		return
	}
	rec := *q.rec // the record itself is told, and left alone, when the request ends
	late := &request{Handler: q.Handler, snap: q.snap, rec: &rec, rest: q.rest, hosted: q.hosted, decoded: q.decoded}
	q.work.Go(func() {
		defer cancel()
		attempts := late.rest()
		late.timed(late.decoded, attempts)
		rec.Attempts = append(rec.Attempts[:len(rec.Attempts):len(rec.Attempts)], attempts...)
		rec.Open, rec.Cost = nil, total(rec.Attempts)
		late.writeRow(ctx, account, g)
		for _, a := range attempts {
			if late.Late != nil {
				late.Late(a)
			}
		}
	})
}
