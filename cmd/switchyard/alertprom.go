package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"switchyard"
	"switchyard/alert"
	"switchyard/rule"
)

// promFile is a file of rules as Prometheus loads it.
type promFile struct {
	Groups []promGroup `yaml:"groups"`
}

type promGroup struct {
	Name  string     `yaml:"name"`
	Rules []promRule `yaml:"rules"`
}

type promRule struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for,omitempty"`
	Annotations map[string]string `yaml:"annotations"`
}

// printPrometheus prints the rules for Prometheus, by the names of /metrics. Those that it has no form for are comments.
func printPrometheus(out io.Writer, rules []*alert.Rule) error {
	fmt.Fprintln(out, `# The alerts of Switchyard's config, by "switchyard alerts --prometheus". Prometheus counts by attempts and by answers, so
# success, times and images are those of attempts where Switchyard goes by generations; an attempt's time counts whether or
# not it went well.`)
	group := promGroup{Name: "switchyard", Rules: []promRule{}}
	for _, r := range rules {
		expr, err := r.PromQL(promQL(r))
		if err != nil {
			fmt.Fprintf(out, "# Left out: %s (%s): %v\n", r.Name, strings.Join(strings.Fields(r.When), " "), err)
			continue
		}
		p := promRule{Alert: r.Name, Expr: unlessStopped(expr, r), Annotations: map[string]string{"rule": strings.ReplaceAll(r.When, "{{", `{{ "{{" }}`), "value": "{{ $value }}"}}
		if r.For > 0 {
			p.For = promDuration(r.For)
		}
		group.Rules = append(group.Rules, p)
	}
	enc := yaml.NewEncoder(out)
	enc.SetIndent(2)
	if err := enc.Encode(promFile{[]promGroup{group}}); err != nil {
		return err
	}
	return enc.Close()
}

// promDuration is a duration in a form that Prometheus takes: whole units.
func promDuration(d time.Duration) string {
	switch {
	case d%time.Minute == 0:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d%time.Second == 0:
		return fmt.Sprintf("%ds", d/time.Second)
	}
	return fmt.Sprintf("%dms", d.Milliseconds())
}

// promQL is what a rule's variables and functions are in Prometheus. A rule by something has a series for each.
func promQL(r *alert.Rule) rule.PromQL {
	by := ""
	if r.By != "" {
		by = " by (" + r.By + ")"
	}
	span := "[" + promDuration(r.Window) + "]"
	sum := func(metric, filter string) string {
		return fmt.Sprintf("sum%s (increase(switchyard_%s%s%s))", by, metric, filter, span)
	}
	neither := ""
	for _, o := range switchyard.Neither() {
		neither += "|" + string(o)
	}
	judged := `{outcome!~"` + neither[1:] + `"}`
	numbers := map[string]string{
		"attempts":      sum("attempts_total", ""),
		"errors":        sum("attempts_total", `{outcome!~"ok`+neither+`"}`),
		"success_rate":  "(" + sum("attempts_total", `{outcome="ok"}`) + " / " + sum("attempts_total", judged) + ")",
		"mean_seconds":  "(" + sum("attempt_duration_seconds_sum", "") + " / " + sum("attempt_duration_seconds_count", "") + ")",
		"p95_seconds":   strings.Replace(fmt.Sprintf("histogram_quantile(0.95, sum by (le, %s) (rate(switchyard_attempt_duration_seconds_bucket%s)))", r.By, span), ", )", ")", 1),
		"images":        sum("images_total", ""),
		"cost_usd":      sum("cost_dollars_total", ""),
		"possible_usd":  sum("cost_dollars_total", `{charge="possible"}`),
		"unknown_price": sum("unknown_price_attempts_total", ""),
	}
	if r.By == "" {
		numbers["generations"] = sum("generations_total", "")
		numbers["success_rate"] = "(" + sum("generations_total", `{outcome="ok"}`) + " / " + sum("generations_total", judged) + ")"
		numbers["fallback_cost_ratio"] = "max(switchyard_fallback_cost_ratio)"
		numbers["config_refused"] = "(1 - min(switchyard_config_last_reload_successful))"
		numbers["ledger_failing"] = "(max(switchyard_journal_failing) + max(switchyard_ledger_stuck))"
		numbers["models_ending"] = "max(switchyard_models_ending)"
	}
	if r.By == alert.ByBudget { // whose series have no such label
		numbers = nil
	}
	return rule.PromQL{
		Number: func(name string) string { return numbers[name] },
		Call:   func(function, name string) string { return promCall(r.By, function, name) },
	}
}

// promCall is a function of a name, or of each subject if that is empty.
func promCall(by, function, name string) string {
	of, ok := map[string]struct{ label, text string }{
		rule.FuncDown:   {alert.ByProvider, "(1 - max%s (switchyard_provider_healthy%s))"},
		rule.FuncOpen:   {alert.ByTarget, "(1 - max%s (switchyard_breaker_state{phase=\"closed\"%s}))"},
		rule.FuncSpent:  {alert.ByBudget, "max%s (switchyard_budget_used_ratio%s)"},
		rule.FuncWarnAt: {alert.ByBudget, "max%s (switchyard_budget_warn_at_ratio%s)"},
	}[function]
	switch {
	case !ok, name == "" && by != of.label, name != "" && by != "": // series that do not match
		return ""
	case name == "":
		return fmt.Sprintf(of.text, " by ("+by+")", "")
	case function == rule.FuncOpen:
		return fmt.Sprintf(of.text, "", fmt.Sprintf(", %s=%q", of.label, name))
	}
	return fmt.Sprintf(of.text, "", fmt.Sprintf("{%s=%q}", of.label, name))
}

// unlessStopped is expr, but silent where all that a rule is about is stopped by hand, as the rule is here: see scene.silenced.
func unlessStopped(expr string, r *alert.Rule) string {
	var stopped []string
	add := func(label, by, matcher string) {
		stopped = append(stopped, fmt.Sprintf("max%s (switchyard_%s_stopped%s) == 1", by, label, matcher))
	}
	if r.By == alert.ByProvider || r.By == alert.ByTarget {
		add(r.By, " by ("+r.By+")", "")
	}
	for label, names := range map[string][]string{alert.ByProvider: r.Names(rule.FuncDown), alert.ByTarget: r.Names(rule.FuncOpen)} {
		for _, name := range names {
			add(label, "", fmt.Sprintf("{%s=%q}", label, name))
		}
	}
	if len(stopped) == 0 {
		return expr
	}
	slices.Sort(stopped)
	return "(" + expr + ") unless (" + strings.Join(stopped, " and ") + ")"
}
