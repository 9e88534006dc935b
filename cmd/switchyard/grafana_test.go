package main

import (
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"

	"switchyard/breaker"
)

// grafana is a dashboard, as far as it can be wrong without Grafana.
type grafana struct {
	UID           string `json:"uid"`
	SchemaVersion int    `json:"schemaVersion"`
	Panels        []struct {
		ID         int    `json:"id"`
		Type       string `json:"type"`
		Title      string `json:"title"`
		Datasource struct{ UID string }
		GridPos    struct{ X, Y, W, H int } `json:"gridPos"`
		Targets    []struct {
			Expr       string `json:"expr"`
			Datasource struct{ UID string }
		} `json:"targets"`
	} `json:"panels"`
	Templating struct {
		List []struct{ Name, Type, Query any }
	} `json:"templating"`
}

func readDashboard(t *testing.T) (d grafana) {
	t.Helper()
	text, err := os.ReadFile("../../deploy/grafana/switchyard.json")
	if err == nil {
		err = json.Unmarshal(text, &d)
	}
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestGrafana: the dashboard asks for nothing that the program does not tell, in words that Prometheus understands.
func TestGrafana(t *testing.T) {
	k := startKit(t, busyConfig)
	if a := k.post(imagenPath, predict("a", 1), "X-Goog-Api-Key", "app-secret", "X-Quick", "1"); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if a := k.post(imagenPath, predict("b", 1), "X-Goog-Api-Key", "app-secret"); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if err := k.side.switches.Set(breaker.Kill{Scope: breaker.Target, Name: "nano", By: "test"}); err != nil {
		t.Fatal(err)
	}
	known := k.labels()
	// What one run does not bring about.
	known["switchyard_fallbacks_total"] = []string{"route"}
	known["switchyard_hedges_total"] = []string{"route"}
	known["switchyard_rule_errors_total"] = []string{"of"}
	known["switchyard_unknown_price_attempts_total"] = []string{"provider", "target"}
	known["switchyard_trace_spans_total"] = []string{"result"}
	known["switchyard_probe_success"] = []string{"provider"}
	known["switchyard_fallback_cost_ratio"] = nil
	known["switchyard_alert_firing"] = []string{"alert"}
	d := readDashboard(t)
	asked := map[string]bool{}
	for _, p := range d.Panels {
		for _, q := range p.Targets {
			checkExpr(t, p.Title, q.Expr, known, asked)
			if q.Datasource.UID != "${datasource}" {
				t.Errorf("%s: the data source is fixed", p.Title)
			}
		}
	}
	for name := range known {
		if strings.HasPrefix(name, "switchyard_") && !asked[name] && name != "switchyard_probe_timestamp_seconds" {
			t.Errorf("no panel shows %s", name)
		}
	}
}

// checkExpr parses an expression, and looks its names up.
func checkExpr(t *testing.T, title, text string, known map[string][]string, asked map[string]bool) {
	t.Helper()
	text = strings.NewReplacer("$__rate_interval", "5m", "$instance", ".*").Replace(text)
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(text)
	if err != nil {
		t.Errorf("%s: %s: %v", title, text, err)
		return
	}
	labels := []string{"instance", "le"}
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		v, ok := node.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		name := v.Name
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			name = strings.TrimSuffix(name, suffix)
		}
		own, ok := known[name]
		if !ok {
			t.Errorf("%s: there is no %s", title, v.Name)
		}
		asked[name] = true
		for _, m := range v.LabelMatchers {
			if m.Name != "__name__" && m.Name != "instance" && !slices.Contains(own, m.Name) {
				t.Errorf("%s: %s has no label %s", title, v.Name, m.Name)
			}
		}
		labels = append(labels, own...)
		return nil
	})
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		if a, ok := node.(*parser.AggregateExpr); ok {
			for _, by := range a.Grouping {
				if !slices.Contains(labels, by) {
					t.Errorf("%s: nothing in %s has a label %s", title, text, by)
				}
			}
		}
		return nil
	})
}

// labels are those of each metric on the program's own page.
func (k *kit) labels() map[string][]string {
	k.Helper()
	p := expfmt.NewTextParser(model.UTF8Validation)
	families, err := p.TextToMetricFamilies(strings.NewReader(k.metrics("text/plain")))
	if err != nil {
		k.Fatal(err)
	}
	known := map[string][]string{}
	for name, f := range families {
		known[name] = nil
		for _, l := range f.Metric[0].Label {
			known[name] = append(known[name], l.GetName())
		}
	}
	return known
}

// TestGrafanaLayout: each panel has an id and a place of its own.
func TestGrafanaLayout(t *testing.T) {
	d := readDashboard(t)
	if d.UID == "" || d.SchemaVersion < 39 || len(d.Panels) < 30 || len(d.Templating.List) != 2 || d.Templating.List[0].Type != "datasource" {
		t.Errorf("the dashboard is %q, of schema %d, with %d panels", d.UID, d.SchemaVersion, len(d.Panels))
	}
	ids, cells := map[int]bool{}, map[[2]int]string{}
	for _, p := range d.Panels {
		if ids[p.ID] || p.Title == "" || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("%q has id %d at %+v", p.Title, p.ID, p.GridPos)
		}
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := cells[[2]int{x, y}]; other != "" {
					t.Fatalf("%q lies on %q", p.Title, other)
				}
				cells[[2]int{x, y}] = p.Title
			}
		}
	}
}
