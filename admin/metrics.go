package admin

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"switchyard"
)

// Meters are the metrics of requests and attempts. Every label comes from a bounded set: routes, targets and providers
// are names of the config, never what an app says.
type Meters struct {
	requests *prometheus.CounterVec
	attempts *prometheus.CounterVec
	images   *prometheus.CounterVec
	dollars  *prometheus.CounterVec
	unknown  *prometheus.CounterVec
	latency  *prometheus.HistogramVec
	Reloads  *prometheus.CounterVec // by result: ok, refused
	Rules    *prometheus.CounterVec // by whose rule failed
}

// NewMeters makes and registers them.
func NewMeters(r *prometheus.Registry) *Meters {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "switchyard", Name: name, Help: help}, labels)
		r.MustRegister(c)
		return c
	}
	m := &Meters{
		requests: counter("requests_total", "Requests of apps that have ended.", "dialect", "kind", "code"),
		attempts: counter("attempts_total", "Attempts that have ended.", "provider", "target", "outcome"),
		images:   counter("images_total", "Images delivered by attempts.", "provider", "target"),
		dollars:  counter("cost_dollars_total", "Dollars booked, possible ones included.", "provider", "target", "charge"),
		unknown:  counter("unknown_price_attempts_total", "Attempts that may have cost what nobody knows.", "provider", "target"),
		Rules:    counter("rule_errors_total", "Requests for which a rule could not be worked out.", "of"),
		Reloads:  counter("config_reloads_total", "Reloads of the config file.", "result"),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "switchyard", Name: "attempt_duration_seconds", Help: "How long attempts took.",
			Buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 15, 20, 30, 60, 120, 300},
		}, []string{"provider", "target"}),
	}
	r.MustRegister(m.latency, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Request counts a finished request. class is its status as "2xx".
func (m *Meters) Request(dialect, kind, class string) {
	m.requests.WithLabelValues(dialect, kind, class).Inc()
}

// Attempt counts a finished attempt.
func (m *Meters) Attempt(a switchyard.Attempt) {
	m.attempts.WithLabelValues(a.Provider, a.Target, string(a.Outcome)).Inc()
	m.images.WithLabelValues(a.Provider, a.Target).Add(float64(a.Images))
	m.latency.WithLabelValues(a.Provider, a.Target).Observe(a.Latency.Seconds())
	switch {
	case a.Cost.Charge == switchyard.ChargeNone:
	case a.Cost.Basis == switchyard.BasisUnknown:
		m.unknown.WithLabelValues(a.Provider, a.Target).Inc()
	default:
		m.dollars.WithLabelValues(a.Provider, a.Target, string(a.Cost.Charge)).Add(a.Cost.Amount.Dollars())
	}
}
