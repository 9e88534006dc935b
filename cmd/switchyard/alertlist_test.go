package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"

	"switchyard/alert"
	"switchyard/rule"
)

func writeConfig(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// everyAlert asks for everything that a condition can.
func everyAlert() string {
	var b strings.Builder
	b.WriteString("providers: {google: {dialect: gemini}}\ntargets: {nano: {provider: google, model: gemini-nano-banana-2.1}}\n" +
		"budgets: [{name: daily, scope: all, usd: 5}]\nalerts:\n")
	for _, name := range rule.AlertNumbers {
		b.WriteString("  - {name: n-" + name + ", when: '" + name + " > 1 && -1 < " + name + "', for: 90s, window: 2h}\n")
	}
	b.WriteString(`  - {name: by-target, by: target, when: 'p95_seconds / 2.0 > 8.5 || breaker_open(target) && !breaker_open(target)'}
  - {name: by-budget, by: budget, when: 'spent(budget) - warn_at(budget) > 0.0'}
  - {name: named, when: 'down("google") && breaker_open("nano") && spent("daily") > warn_at("daily")'}
  - {name: both, when: 'down("google") && breaker_open("nano")'}
  - {name: poor, by: provider, when: success_rate < 0.5}
  - {name: no-form, when: '["a"].exists(x, down(x))'}
  - {name: nor-this, by: provider, when: 'down("google") && down(provider)'}
`)
	return b.String()
}

// TestPrometheusRules: the file is one that Prometheus takes, and speaks of metrics that there are.
func TestPrometheusRules(t *testing.T) {
	o := command(t, []string{"alerts", "--prometheus", "--config", writeConfig(t, everyAlert())})
	if o.code != 0 {
		t.Fatalf("%+v", o)
	}
	var f struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For string
				Annotations      map[string]string
			}
		}
	}
	dec := yaml.NewDecoder(strings.NewReader(o.out))
	dec.KnownFields(true)
	if err := dec.Decode(&f); err != nil || len(f.Groups) != 1 || f.Groups[0].Name == "" {
		t.Fatalf("%v in\n%s", err, o.out)
	}
	k := startKit(t, twoProviders+"budgets: [{name: daily, scope: all, usd: 5}]\n")
	k.gptFor("nano")
	metrics := string(k.operate("GET", "/metrics", "").body)
	rules := f.Groups[0].Rules
	for _, r := range rules {
		expr, err := parser.NewParser(parser.Options{}).ParseExpr(r.Expr)
		if err != nil {
			t.Errorf("%s: %s: %v", r.Alert, r.Expr, err)
			continue
		}
		parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
			if v, ok := n.(*parser.VectorSelector); ok && !strings.Contains(metrics, "# TYPE "+family(v.Name)+" ") && !later[v.Name] {
				t.Errorf("%s: no metric %s", r.Alert, v.Name)
			}
			return nil
		})
	}
	if want := len(rule.AlertNumbers) + 5 + len(alert.Builtin()); len(rules) != want {
		t.Errorf("%d rules, want %d", len(rules), want)
	}
	if n := rules[0]; n.Alert != "n-generations" || n.For != "90s" || n.Annotations["rule"] != "generations > 1 && -1 < generations" ||
		n.Expr != `(sum (increase(switchyard_generations_total[120m])) > 1) and (-1 < sum (increase(switchyard_generations_total[120m])))` {
		t.Errorf("got %+v", n)
	}
	for name, want := range map[string]string{ // as here, there is silence once all that a rule is about is stopped by hand
		"down":    "((1 - max by (provider) (switchyard_provider_healthy)) == 1) unless (max by (provider) (switchyard_provider_stopped) == 1)",
		"breaker": `((1 - max by (target) (switchyard_breaker_state{phase="closed"})) == 1) unless (max by (target) (switchyard_target_stopped) == 1)`,
		"both": `(((1 - max (switchyard_provider_healthy{provider="google"})) == 1) and ((1 - max (switchyard_breaker_state{phase="closed", target="nano"})) == 1))` +
			` unless (max (switchyard_provider_stopped{provider="google"}) == 1 and max (switchyard_target_stopped{target="nano"}) == 1)`,
		"poor": `((sum by (provider) (increase(switchyard_attempts_total{outcome="ok"}[5m])) / ` +
			`sum by (provider) (increase(switchyard_attempts_total{outcome!~"filtered|refused|canceled"}[5m]))) < 0.5)` +
			` unless (max by (provider) (switchyard_provider_stopped) == 1)`,
	} {
		if !strings.Contains(o.out, "alert: "+name+"\n        expr: "+want+"\n") {
			t.Errorf("%s is not %s", name, want)
		}
	}
	for _, left := range []string{"# Left out: no-form (", "# Left out: nor-this ("} {
		if !strings.Contains(o.out, left) {
			t.Errorf("not told: %s", left)
		}
	}
}

// later are metrics that there are only once there is something to tell.
var later = map[string]bool{"switchyard_unknown_price_attempts_total": true}

// family is the metric that a histogram's series belong to.
func family(name string) string {
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		if cut, ok := strings.CutSuffix(name, suffix); ok {
			return cut
		}
	}
	return name
}

func TestAlertsCommand(t *testing.T) {
	name := writeConfig(t, "alerts:\n  - {name: slow, when: mean_seconds > 3.0, for: 90s, notify: [ops]}\n  - {name: dear, off: true}\nnotify: {ops: {webhook: https://chat.test/xyzzy}}\n")
	o := command(t, []string{"alerts", "--config", name})
	if o.code != 0 || !strings.Contains(o.out, "slow            mean_seconds > 3.0                                  -         90s  5m      ops     the file") ||
		!strings.Contains(o.out, "budget          spent(budget) >= warn_at(budget)                    budget    0m   5m      ops     built in") || strings.Contains(o.out, "dear  ") {
		t.Errorf("%+v", o)
	}
	o = command(t, []string{"alerts", "--json", "--config", name})
	var rows []alertRow
	if err := json.Unmarshal([]byte(o.out), &rows); err != nil || len(rows) != len(alert.Builtin())-1 || rows[0].Name != "slow" || rows[0].Builtin || !rows[1].Builtin {
		t.Errorf("%+v, %v", rows, err)
	}
	if strings.Contains(o.out, "xyzzy") {
		t.Error("it tells the receiver's secret")
	}
	if o = command(t, []string{"alerts", "--config", writeConfig(t, "alerts: [{name: x, when: slow}]")}); o.code != exitUsage || !strings.Contains(o.errors, "undeclared reference to 'slow'") {
		t.Errorf("%+v", o)
	}
}

// TestReadmeAlerts: the README's example loads.
func TestReadmeAlerts(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "## Alerts\n\n```yaml\n")
	example, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("the README has no example")
	}
	f, err := load("README.md", []byte(example), noEnv)
	if err != nil || len(f.Alerts) != 2 {
		t.Errorf("%+v, %v", f.Alerts, err)
	}
}
