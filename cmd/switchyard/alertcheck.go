package main

import (
	"net/url"
	"slices"

	"switchyard/alert"
	"switchyard/config"
	"switchyard/fetch"
	"switchyard/rule"
)

// checkAlerts finds what is wrong with alerts and receivers.
func (f *file) checkAlerts(fault faultFunc, within withinFunc) {
	for i := range f.Notify {
		e := &f.Notify[i]
		at := config.Key("notify", e.Name)
		within(at, e.Value.Validate())
		if !e.Value.Webhook.IsZero() && !isWebhook(e.Value.Webhook.Reveal()) {
			fault(at+".webhook", "want http(s)://host/…") // and not a word of what stands there: it is a secret
		}
		if fetch.Blocked(e.Value.Webhook.Reveal(), f.Server.FetchAllow) {
			fault(at+".webhook", "is a private address, which is called only if server.fetch_allow names it")
		}
	}
	names := map[string]bool{}
	for i := range f.Alerts {
		c, at := &f.Alerts[i], config.Index("alerts", i)
		within(at, c.Validate())
		if names[c.Name] {
			fault(at+".name", "%q stands twice", c.Name)
		}
		names[c.Name] = true
		if builtin := alert.BuiltinNames(); c.Off && c.When == "" && !slices.Contains(builtin, c.Name) {
			fault(at+".name", "no alert %q is there that could be off%s", c.Name, config.Suggest(c.Name, builtin))
		}
		for j, to := range c.Notify {
			if f.Notify.Find(to) == nil {
				fault(config.Index(at+".notify", j), "no receiver %q in notify", to)
			}
		}
		f.checkCondition(fault, at+".when", *c)
	}
}

// checkCondition finds the names in a condition that the file does not have.
func (f *file) checkCondition(fault faultFunc, at string, c alert.Config) {
	r, err := alert.Compile(c)
	if c.Off || err != nil { // told by Validate
		return
	}
	targets := f.Targets.Names()
	for _, e := range f.Providers {
		targets = append(targets, nativeName(e.Name))
	}
	var budgets []string
	for _, b := range f.budgets() {
		budgets = append(budgets, b.Name)
	}
	for _, known := range []struct {
		function, what string
		names          []string
	}{
		{rule.FuncDown, "provider", f.Providers.Names()},
		{rule.FuncOpen, "target", targets},
		{rule.FuncSpent, "budget", budgets},
		{rule.FuncWarnAt, "budget", budgets},
	} {
		for _, name := range r.Names(known.function) {
			if !slices.Contains(known.names, name) {
				fault(at, "%s: no %s %q", known.function, known.what, name)
			}
		}
	}
}

// isWebhook is isURL with a query: many a receiver's key is there.
func isWebhook(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil
}
