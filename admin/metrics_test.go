package admin_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"switchyard"
	"switchyard/admin"
	"switchyard/breaker"
	"switchyard/limit"
)

// series counts what a scrape would have.
func series(t *testing.T, r *prometheus.Registry) (n int) {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		n += len(f.Metric)
	}
	return n
}

// TestMillion: however many generations there are, and whatever apps and providers say in them, the series are as many as
// after the first few.
func TestMillion(t *testing.T) {
	r := prometheus.NewRegistry()
	m := admin.NewMeters(r)
	outcomes := append(switchyard.Outcomes(), switchyard.OK, switchyard.Canceled, switchyard.Lost)
	charges := []switchyard.Charge{switchyard.ChargeNone, switchyard.ChargeSettled, switchyard.ChargePossible}
	one := func(i int) {
		hostile := fmt.Sprintf("{%d}\xff\n\"", i)
		m.Request(admin.Ended{
			Dialect: "openai", Kind: "generation", Status: i%12*100 + i%7, Latency: time.Duration(i) * time.Millisecond,
			Generation: outcomes[i%len(outcomes)], Route: "all", Cache: "miss", Hedged: true, FellBack: true,
		})
		m.Attempt(switchyard.Attempt{
			ID: hostile, Generation: hostile, Model: hostile, Job: hostile, Number: i, Part: i, Status: i, Target: "flux", Provider: "fal",
			Outcome: outcomes[i%len(outcomes)], Images: i % 5, Cost: switchyard.Cost{Amount: switchyard.Money(rand.Int64N(1e9)), Charge: charges[i%3]},
		}, "")
	}
	for i := range 1000 {
		one(i)
	}
	before := series(t, r)
	for i := range million {
		one(i)
	}
	if after := series(t, r); after != before {
		t.Errorf("%d series after a thousand generations, %d after a million more", before, after)
	}
	if before > 200 {
		t.Errorf("%d series for one route and one target", before)
	}
}

// TestGauges: what is read is what is told, with every label that there is.
func TestGauges(t *testing.T) {
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(&admin.Gauges{Read: func() admin.Scrape {
		return admin.Scrape{
			Providers: map[string]admin.ProviderHealth{"fal": {Healthy: true}, "google": {}},
			Probes:    map[string]admin.Probe{"fal": {At: time.Unix(1000, 0)}},
			Loads: map[limit.Name]limit.Load{
				{Scope: limit.Provider, Name: "fal"}: {InFlight: 3, Waiting: 2}, {Scope: limit.Key, Name: "web"}: {InFlight: 9},
			},
			Breakers: []breaker.State{{Target: "flux", Phase: breaker.HalfOpen}},
			Kills:    []breaker.Kill{{Scope: breaker.Provider, Name: "google"}, {Scope: breaker.Provider, Name: "openai"}},
			Stopped:  map[limit.Name]bool{{Scope: limit.Provider, Name: "google"}: true, {Scope: limit.Target, Name: "flux"}: false},
			Budgets:  map[string]float64{"daily": 0.25}, Refused: true, Spans: &admin.Spans{Sent: 7, Dropped: 1},
		}
	}})
	got := map[string]float64{}
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.Metric {
			name := f.GetName()
			for _, l := range m.Label {
				name += "," + l.GetValue()
			}
			got[name] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	for name, want := range map[string]float64{
		"switchyard_provider_healthy,fal": 1, "switchyard_provider_healthy,google": 0,
		"switchyard_probe_success,fal": 1, "switchyard_probe_timestamp_seconds,fal": 1000,
		"switchyard_provider_in_flight,fal": 3, "switchyard_provider_waiting,fal": 2,
		"switchyard_breaker_state,half-open,flux": 1, "switchyard_breaker_state,open,flux": 0, "switchyard_breaker_state,closed,flux": 0,
		"switchyard_provider_stopped,google": 1, "switchyard_target_stopped,flux": 0,
		"switchyard_kills_in_force,provider": 2, "switchyard_kills_in_force,all": 0,
		"switchyard_budget_used_ratio,daily": 0.25, "switchyard_config_last_reload_successful": 0,
		"switchyard_trace_spans_total,sent": 7, "switchyard_trace_spans_total,dropped": 1,
	} {
		if v, ok := got[name]; !ok || v != want {
			t.Errorf("%s is %v (%t), want %v", name, v, ok, want)
		}
	}
	for name := range got {
		if name == "switchyard_target_in_flight,web" || name == "switchyard_provider_in_flight,web" {
			t.Errorf("a key is in %s", name)
		}
	}
}
