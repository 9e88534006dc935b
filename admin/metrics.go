package admin

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"switchyard"
)

const namespace = "switchyard"

// Meters are the metrics of what has ended: requests, generations, attempts, reloads. The values of every label are a
// bounded set: routes, targets and providers are names in the config, never something that an app says.
type Meters struct {
	requests    *prometheus.CounterVec
	requestTime *prometheus.HistogramVec
	generations *prometheus.CounterVec
	makingTime  *prometheus.HistogramVec
	cache       *prometheus.CounterVec
	hedges      *prometheus.CounterVec
	fallbacks   *prometheus.CounterVec
	attempts    *prometheus.CounterVec
	attemptTime *prometheus.HistogramVec
	images      *prometheus.CounterVec
	dollars     *prometheus.CounterVec
	unknown     *prometheus.CounterVec
	reloads     *prometheus.CounterVec
	rules       *prometheus.CounterVec
}

// seconds are the bounds of the histograms' buckets: providers take from a fraction of a second to minutes.
var seconds = []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 15, 20, 30, 60, 120, 300}

// NewMeters makes the metrics and registers them.
func NewMeters(r *prometheus.Registry) *Meters {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
		r.MustRegister(c)
		return c
	}
	times := func(name, help string, labels ...string) *prometheus.HistogramVec {
		h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: seconds}, labels)
		r.MustRegister(h)
		return h
	}
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m := &Meters{
		requests:    counter("requests_total", "Requests of apps that have ended.", "dialect", "kind", "code"),
		requestTime: times("request_duration_seconds", "How long requests of apps took.", "dialect", "kind"),
		generations: counter("generations_total", "Generations that have ended, those of tickets included.", "route", "outcome"),
		makingTime:  times("generation_duration_seconds", "How long generations took, from the app's request on.", "route"),
		cache:       counter("cache_requests_total", "Requests by routes that have a cache.", "route", "result"),
		hedges:      counter("hedges_total", "Generations for which a second target was asked while the first was at it.", "route"),
		fallbacks:   counter("fallbacks_total", "Generations served by another target than the first of their plan.", "route"),
		attempts:    counter("attempts_total", "Attempts that have ended.", "provider", "target", "outcome"),
		attemptTime: times("attempt_duration_seconds", "How long attempts took.", "provider", "target"),
		images:      counter("images_total", "Images delivered by attempts.", "provider", "target"),
		dollars:     counter("cost_dollars_total", "Dollars booked, settled and possible.", "provider", "target", "charge"),
		unknown:     counter("unknown_price_attempts_total", "Attempts that may have cost what nobody knows.", "provider", "target"),
		rules:       counter("rule_errors_total", "Requests for which a rule could not be worked out.", "of"),
		reloads:     counter("config_reloads_total", "Reloads of the config file.", "result"),
	}
	for _, result := range []string{"ok", "refused"} {
		m.reloads.WithLabelValues(result) // so that the first one shows as a change
	}
	return m
}

// Ended is a request of an app that has ended, or the work for a ticket.
type Ended struct {
	Dialect    string // the app's; empty if no dialect claims the request
	Kind       string
	Status     int // 0 if nothing was answered
	Latency    time.Duration
	Ticket     bool               // this is the work for a ticket: a generation, but no request
	Generation switchyard.Outcome // empty if there was none
	Route      string
	Cache      string // "hit" or "miss"; empty if none was asked
	Hedged     bool
	FellBack   bool
	Trace      string // id of a trace that is kept, as an exemplar of the time; empty: none
}

// Request counts a request or a ticket that has ended.
func (m *Meters) Request(e Ended) {
	if !e.Ticket {
		dialect, kind := named(e.Dialect), named(e.Kind)
		m.requests.WithLabelValues(dialect, kind, class(e.Status)).Inc()
		observe(m.requestTime.WithLabelValues(dialect, kind), e.Latency, e.Trace)
	}
	if e.Cache != "" {
		m.cache.WithLabelValues(e.Route, e.Cache).Inc()
	}
	if e.Generation == "" {
		return
	}
	route := named(e.Route)
	m.generations.WithLabelValues(route, string(e.Generation)).Inc()
	observe(m.makingTime.WithLabelValues(route), e.Latency, e.Trace)
	if e.Hedged {
		m.hedges.WithLabelValues(route).Inc()
	}
	if e.FellBack {
		m.fallbacks.WithLabelValues(route).Inc()
	}
}

// named returns the value for a label, which must not be empty: Prometheus takes that for a label that is not there.
func named(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// class returns a status as "2xx"; "none" if the app had left, or a provider made up a number.
func class(status int) string {
	if status < 100 || status > 599 {
		return "none"
	}
	return [...]string{"1xx", "2xx", "3xx", "4xx", "5xx"}[status/100-1]
}

// observe notes a time, and a trace that shows an example of it; empty: none.
func observe(o prometheus.Observer, d time.Duration, trace string) {
	if e, ok := o.(prometheus.ExemplarObserver); ok && trace != "" {
		e.ObserveWithExemplar(d.Seconds(), prometheus.Labels{"trace_id": trace})
		return
	}
	o.Observe(d.Seconds())
}

// Attempt counts a finished attempt. trace is the id of a trace that is kept, or empty.
func (m *Meters) Attempt(a switchyard.Attempt, trace string) {
	m.attempts.WithLabelValues(a.Provider, a.Target, string(a.Outcome)).Inc()
	m.images.WithLabelValues(a.Provider, a.Target).Add(float64(a.Images))
	observe(m.attemptTime.WithLabelValues(a.Provider, a.Target), a.Latency, trace)
	switch {
	case a.Cost.Charge == switchyard.ChargeNone:
	case a.Cost.Basis == switchyard.BasisUnknown:
		m.unknown.WithLabelValues(a.Provider, a.Target).Inc()
	default:
		m.dollars.WithLabelValues(a.Provider, a.Target, string(a.Cost.Charge)).Add(a.Cost.Amount.Dollars())
	}
}

// Reload counts a reload of the config; err is why it was refused.
func (m *Meters) Reload(err error) {
	result := "ok"
	if err != nil {
		result = "refused"
	}
	m.reloads.WithLabelValues(result).Inc()
}

// RuleFailed counts a request for which the rule of a route, or the unit of an experiment, could not be evaluated.
func (m *Meters) RuleFailed(of string) { m.rules.WithLabelValues(of).Inc() }
