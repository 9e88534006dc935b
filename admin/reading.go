package admin

import (
	"maps"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

// Reading is a metric whose values are asked for whenever somebody reads the metrics, so that a name that has gone is
// gone there, too.
type Reading struct {
	Name, Help string
	Label      string                    // empty: there is one value, under the empty name
	Values     func() map[string]float64 // :: value of the label → value of the metric
}

// Register adds the metric to r.
func (g Reading) Register(r *prometheus.Registry) { r.MustRegister(g) }

// Describe is for Prometheus.
func (g Reading) Describe(to chan<- *prometheus.Desc) { to <- g.describe() }

// Collect is for Prometheus.
func (g Reading) Collect(to chan<- prometheus.Metric) {
	values, about := g.Values(), g.describe()
	for _, name := range slices.Sorted(maps.Keys(values)) {
		var labels []string
		if g.Label != "" {
			labels = []string{name}
		}
		to <- prometheus.MustNewConstMetric(about, prometheus.GaugeValue, values[name], labels...)
	}
}

func (g Reading) describe() *prometheus.Desc {
	var labels []string
	if g.Label != "" {
		labels = []string{g.Label}
	}
	return desc(g.Name, g.Help, labels...)
}
