package proxy

import (
	"encoding/json"

	"switchyard"
	"switchyard/breaker"
	"switchyard/limit"
	"switchyard/router"
	"switchyard/rule"
)

// standingDoc is how a target is, for an app that wants to choose by itself.
type standingDoc struct {
	Target        string       `json:"target"`
	Provider      string       `json:"provider"`
	Model         string       `json:"model"`
	Enabled       bool         `json:"enabled"` // neither the config nor an operator has switched it off
	Healthy       bool         `json:"healthy"` // its breaker is not open
	Reason        string       `json:"reason,omitempty"`
	InFlight      int          `json:"in_flight"`
	Waiting       int          `json:"waiting"`
	Quality       int          `json:"quality,omitempty"`
	ImageUSD      *json.Number `json:"image_usd"`      // one picture as the target makes it by itself, of a square one if its model wants one; null if not known
	MedianSeconds *float64     `json:"median_seconds"` // lately; null if it has not been asked
	P95Seconds    *float64     `json:"p95_seconds"`
}

// providers tells of every target of the config, as one that is asked for a picture in the way that its model can be.
func (x *extra) providers() (map[string][]standingDoc, error) {
	plain := &switchyard.Request{Images: 1}
	edit := &switchyard.Request{Images: 1, References: []switchyard.Reference{{Image: switchyard.Image{Size: switchyard.Size{Width: 1024, Height: 1024}}}}}
	edits := map[string]router.Quote{} // :: target → what it costs there
	for _, q := range x.quotes(edit) {
		edits[q.Target.Name] = q
	}
	list := []standingDoc{}
	for _, q := range x.quotes(plain) {
		if row := q.Target.Row; row != nil && row.Can.MustRefer {
			list = append(list, x.standing(new(edits[q.Target.Name]), edit))
		} else {
			list = append(list, x.standing(&q, plain))
		}
	}
	return map[string][]standingDoc{"targets": list}, nil
}

func (x *extra) quotes(req *switchyard.Request) []router.Quote {
	return x.snap.Router.Quotes(&rule.Facts{Request: req, Headers: x.r.Header, Key: x.ruleKey()}, x.key.IsZero(), x.now())
}

func (x *extra) standing(q *router.Quote, req *switchyard.Request) standingDoc {
	name := q.Target.Name
	load := x.Runner.Limiter.Load(limit.Name{Scope: limit.Target, Name: name})
	_, stopped := x.Runner.Switches.Stopped("", q.Target.Provider, name)
	doc := standingDoc{
		Target: name, Provider: q.Target.Provider, Model: q.Target.Model, Quality: q.Target.Quality, Enabled: q.Target.Off == "" && !stopped,
		Healthy: true, Reason: q.Reason, InFlight: load.InFlight, Waiting: load.Waiting, ImageUSD: q.Cost.USD(),
	}
	if x.Breakers != nil {
		doc.Healthy = x.Breakers(name).Phase != breaker.Open
	}
	if median, p95, known := x.Statistics.Latency(name, req, x.now()); known {
		doc.MedianSeconds, doc.P95Seconds = new(mean(median, 1)), new(mean(p95, 1))
	}
	return doc
}
