package admin

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"switchyard/breaker"
	"switchyard/ledger"
	"switchyard/limit"
)

// Scrape is what metrics show of the moment at which they are read. Its names are the config's: no app can add one.
type Scrape struct {
	Version, Revision, Go string // of the program

	Providers map[string]ProviderHealth // those that are switched on
	Probes    map[string]Probe          // :: provider → its latest probe
	Loads     map[limit.Name]limit.Load // of providers and targets
	Breakers  []breaker.State
	Kills     []breaker.Kill
	Stopped   map[limit.Name]bool // :: provider or target → whether it is stopped by hand
	Budgets   map[string]float64  // :: budget → the share of it that is used; of a budget for each, the largest

	Requests, Waiting int // of apps: under way, and in our queue
	Tickets           int // under way

	Journal ledger.Stats
	Stuck   bool // the database cannot be written
	Failing bool // the journal cannot be written

	Loaded  time.Time // when the config in force was loaded
	Refused bool      // a later config was refused

	Memory, MaxMemory int64 // for bodies in flight: bytes in use, and bytes allowed
	Files             int64 // bodies on disk

	Spans *Spans // nil if nothing is traced
}

// Spans is how many spans were sent to a collector, and how many it did not get.
type Spans struct{ Sent, Dropped uint64 }

// Gauges calls Read whenever somebody reads the metrics, so that nobody has to keep figures up to date.
type Gauges struct{ Read func() Scrape }

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName(namespace, "", name), help, labels, nil)
}

// The metrics that are read.
var (
	build        = desc("build_info", "What this program is; always 1.", "version", "revision", "goversion")
	healthyNow   = desc("provider_healthy", "Whether a provider is healthy, by live traffic and probes.", "provider")
	probeOK      = desc("probe_success", "Whether the latest probe of a provider went well.", "provider")
	probeTime    = desc("probe_timestamp_seconds", "When a provider was probed last.", "provider")
	providerBusy = desc("provider_in_flight", "Attempts under way at a provider.", "provider")
	providerLine = desc("provider_waiting", "Attempts in line for a limit of a provider.", "provider")
	providerStop = desc("provider_stopped", "Whether a provider is stopped by hand.", "provider")
	targetStop   = desc("target_stopped", "Whether a target is stopped by hand, or its provider.", "target")
	targetBusy   = desc("target_in_flight", "Attempts under way at a target.", "target")
	targetLine   = desc("target_waiting", "Attempts in line for a limit of a target.", "target")
	breakers     = desc("breaker_state", "1 for the phase that a target's breaker is in, 0 for the others.", "target", "phase")
	kills        = desc("kills_in_force", "Things that are stopped by hand.", "scope")
	budgetUsed   = desc("budget_used_ratio", "Share of a budget that is spent or reserved, of whoever has used most of it.", "budget")
	requests     = desc("requests_in_flight", "Requests of apps under way.")
	requestLine  = desc("requests_waiting", "Requests of apps in the queue before max_in_flight.")
	tickets      = desc("tickets_in_flight", "Tickets that are worked on.")
	lag          = desc("journal_lag_records", "Records of the journal that are not in the database yet.")
	records      = desc("journal_records_total", "Records that the journal has taken since it was made.")
	syncs        = desc("journal_syncs_total", "Times that the journal was brought to disk since the start.")
	stuck        = desc("ledger_stuck", "1 while the database takes nothing; the journal keeps it meanwhile.")
	failing      = desc("journal_failing", "1 while the journal cannot be written: nothing is taken on.")
	loaded       = desc("config_last_reload_success_timestamp_seconds", "When the config in force was loaded.")
	loadedOK     = desc("config_last_reload_successful", "Whether the latest reload of the config was taken.")
	memory       = desc("spool_memory_bytes", "Memory that bodies in flight take.")
	memoryMax    = desc("spool_memory_limit_bytes", "Memory that they may take, all together.")
	files        = desc("spool_files", "Bodies in flight that are on disk.")
	spans        = desc("trace_spans_total", "Spans that were sent to the collector, or dropped.", "result")
)

// Describe names no metrics beforehand: which there are depends on the config.
func (g *Gauges) Describe(chan<- *prometheus.Desc) {}

// Collect sends how things are now.
func (g *Gauges) Collect(out chan<- prometheus.Metric) {
	s := g.Read()
	t := teller(out)
	t.gauge(build, 1, s.Version, s.Revision, s.Go)
	t.providers(&s)
	t.targets(&s)
	for budget, used := range s.Budgets {
		t.gauge(budgetUsed, used, budget)
	}
	byScope := map[breaker.Scope]int{breaker.Provider: 0, breaker.Target: 0, breaker.Route: 0, breaker.All: 0}
	for _, k := range s.Kills {
		byScope[k.Scope]++
	}
	for scope, n := range byScope {
		t.gauge(kills, float64(n), string(scope))
	}
	t.gauge(requests, float64(s.Requests))
	t.gauge(requestLine, float64(s.Waiting))
	t.gauge(tickets, float64(s.Tickets))
	t.gauge(lag, float64(s.Journal.Waiting))
	t.counter(records, float64(s.Journal.Records))
	t.counter(syncs, float64(s.Journal.Syncs))
	t.gauge(stuck, truth(s.Stuck))
	t.gauge(failing, truth(s.Failing))
	t.gauge(loaded, unix(s.Loaded))
	t.gauge(loadedOK, truth(!s.Refused))
	t.gauge(memory, float64(s.Memory))
	t.gauge(memoryMax, float64(s.MaxMemory))
	t.gauge(files, float64(s.Files))
	if s.Spans != nil {
		t.counter(spans, float64(s.Spans.Sent), "sent")
		t.counter(spans, float64(s.Spans.Dropped), "dropped")
	}
}

// teller sends metrics to whoever collects them.
type teller chan<- prometheus.Metric

func (t teller) gauge(d *prometheus.Desc, v float64, labels ...string) {
	t <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func (t teller) counter(d *prometheus.Desc, v float64, labels ...string) {
	t <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
}

func (t teller) providers(s *Scrape) {
	for name, p := range s.Providers {
		t.gauge(healthyNow, truth(p.Healthy), name)
	}
	for name, p := range s.Probes {
		t.gauge(probeOK, truth(p.Problem == ""), name)
		t.gauge(probeTime, unix(p.At), name)
	}
}

func (t teller) targets(s *Scrape) {
	for name, load := range s.Loads {
		switch name.Scope {
		case limit.Provider:
			t.gauge(providerBusy, float64(load.InFlight), name.Name)
			t.gauge(providerLine, float64(load.Waiting), name.Name)
		case limit.Target:
			t.gauge(targetBusy, float64(load.InFlight), name.Name)
			t.gauge(targetLine, float64(load.Waiting), name.Name)
		}
	}
	for name, stopped := range s.Stopped {
		switch name.Scope {
		case limit.Provider:
			t.gauge(providerStop, truth(stopped), name.Name)
		case limit.Target:
			t.gauge(targetStop, truth(stopped), name.Name)
		}
	}
	for _, b := range s.Breakers {
		for _, phase := range []breaker.Phase{breaker.Closed, breaker.HalfOpen, breaker.Open} {
			t.gauge(breakers, truth(b.Phase == phase), b.Target, string(phase))
		}
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func unix(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

var _ prometheus.Collector = (*Gauges)(nil)
