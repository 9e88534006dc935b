package alert

import (
	"slices"
	"sync"
	"time"

	"switchyard/rule"
)

// Builtin returns the alerts that exist without any in the file. A Config of the same name replaces one.
func Builtin() []Config {
	return []Config{
		{Name: "success", When: `success_rate < 0.90`, For: 10 * time.Minute, Window: DefaultWindow},
		{Name: "refusals", When: `attempts >= 20.0 && images == 0.0 && errors == 0.0`, By: ByTarget, For: 10 * time.Minute, Window: DefaultWindow},
		{Name: "slow", When: `mean_seconds > 15.0`, For: 10 * time.Minute, Window: DefaultWindow},
		{Name: "dear", When: `cost_usd / images * 23.0 > 1.50`, For: 10 * time.Minute, Window: DefaultWindow},
		{Name: "down", When: `down(provider)`, By: ByProvider, For: 5 * time.Minute, Window: DefaultWindow},
		{Name: "breaker", When: `breaker_open(target)`, By: ByTarget, For: 5 * time.Minute, Window: DefaultWindow},
		{Name: "budget", When: `spent(budget) >= warn_at(budget)`, By: ByBudget, Window: DefaultWindow},
		{Name: "dear-fallback", When: `fallback_cost_ratio > 1.2`, For: 10 * time.Minute, Window: time.Hour},
		{Name: "unknown-price", When: `unknown_price > 0.0`, Window: 15 * time.Minute},
		{Name: "config-refused", When: `config_refused > 0.0`, Window: DefaultWindow},
		{Name: "ledger", When: `ledger_failing > 0.0`, For: time.Minute, Window: DefaultWindow},
		{Name: "model-ends", When: `models_ending > 0.0`, Window: DefaultWindow},
	}
}

// BuiltinNames returns the names of the alerts that Builtin returns.
func BuiltinNames() []string {
	var names []string
	for _, c := range Builtin() {
		names = append(names, c.Name)
	}
	return names
}

// Rules returns the alerts in force: those of the file in their order, then the built-in ones that the file neither
// replaces nor switches off. Built-in ones notify everybody.
func Rules(list []Config, everybody []string) ([]*Rule, error) {
	var rules []*Rule
	for _, c := range list {
		if c.Off {
			continue
		}
		r, err := Compile(c)
		if err != nil {
			return nil, err
		}
		rules = append(rules, r)
	}
	for _, b := range Builtin() {
		if !slices.ContainsFunc(list, func(c Config) bool { return c.Name == b.Name }) {
			b.Notify = everybody
			rules = append(rules, builtin(b))
		}
	}
	return rules, nil
}

// builtin makes a Rule of a built-in alert. Its condition is compiled when somebody asks for it: to compile all of them takes some
// milliseconds, which a start should not spend. It must be right: the tests judge by each of them.
func builtin(c Config) *Rule {
	return &Rule{c, sync.OnceValue(func() *rule.Alert {
		cond, err := rule.CompileAlert(c.When, c.By)
		if err != nil {
			panic(err)
		}
		return cond
	})}
}
