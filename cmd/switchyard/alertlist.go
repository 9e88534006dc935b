package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"switchyard/alert"
)

// alertsCommand lists the alerts of a config. How they stand, /api/alerts tells.
type alertsCommand struct {
	Config     string `help:"The config file; ./config.yaml if there is one, else the defaults." placeholder:"FILE"`
	Prometheus bool   `help:"Print the same rules as a rule file for Prometheus." xor:"format"`
	JSON       bool   `help:"For machines." xor:"format"`
}

// alertRow is an alert as --json prints it.
type alertRow struct {
	Name    string   `json:"name"`
	When    string   `json:"when"`
	By      string   `json:"by,omitempty"`
	For     string   `json:"for"`
	Window  string   `json:"window"`
	Notify  []string `json:"notify"`
	Builtin bool     `json:"builtin"`
}

// Run prints the rules in force, those of the file first.
func (c *alertsCommand) Run(e *env) error {
	f, err := loadConfig(e, c.Config)
	if err != nil {
		return err
	}
	rules, err := alert.Rules(f.Alerts, f.Notify.Names())
	if err != nil {
		return err
	}
	if c.Prometheus {
		return printPrometheus(e.stdout, rules)
	}
	rows := []alertRow{}
	for _, r := range rules {
		rows = append(rows, alertRow{
			Name: r.Name, When: r.When, By: r.By, For: promDuration(r.For), Window: promDuration(r.Window),
			Notify: append([]string{}, r.Notify...), Builtin: !f.hasAlert(r.Name),
		})
	}
	if c.JSON {
		return encodeJSON(e.stdout, rows)
	}
	w := tabwriter.NewWriter(e.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "ALERT\tWHEN\tBY\tFOR\tWINDOW\tNOTIFY\tFROM")
	for _, r := range rows {
		from := "the file"
		if r.Builtin {
			from = "built in"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Name, plain(r.When), cmp.Or(r.By, "-"), r.For, r.Window, cmp.Or(strings.Join(r.Notify, ", "), "-"), from)
	}
	return w.Flush()
}

// hasAlert reports whether an alert is the file's own.
func (f *file) hasAlert(name string) bool {
	return slices.ContainsFunc(f.Alerts, func(c alert.Config) bool { return c.Name == name })
}
