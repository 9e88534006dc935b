package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"switchyard"
	"switchyard/dialect/all"
)

// modelsCommand prints the model tables.
type modelsCommand struct {
	Dialect string `help:"Only this one."`
	JSON    bool   `help:"For machines."`
}

// modelRow is a model as --json prints it.
type modelRow struct {
	Dialect   string `json:"dialect"`
	ID        string `json:"id"`
	State     string `json:"state"`
	Until     string `json:"until,omitempty"`
	Successor string `json:"successor,omitempty"`
	Can       string `json:"can"`
	Price     string `json:"price"`
	Source    string `json:"source"`
	Date      string `json:"date"`
}

// Run prints a line a model.
func (c *modelsCommand) Run(e *env) error {
	var rows []modelRow
	for _, d := range all.Dialects() {
		if c.Dialect != "" && c.Dialect != d.Name() {
			continue
		}
		for _, m := range d.Models().Rows() {
			if m.ID != "*" {
				rows = append(rows, describeModel(d.Name(), m))
			}
		}
	}
	if len(rows) == 0 {
		return usageError{fmt.Errorf("no dialect %q", c.Dialect)}
	}
	if c.JSON {
		return encodeJSON(e.stdout, rows)
	}
	w := tabwriter.NewWriter(e.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "DIALECT\tMODEL\tLIFE\tCAN\tPRICE\tAS OF")
	for _, r := range rows {
		life := r.State
		if r.Until != "" {
			life += " " + r.Until
		}
		if r.Successor != "" {
			life += " → " + r.Successor
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", r.Dialect, r.ID, life, r.Can, r.Price, r.Date)
	}
	return w.Flush()
}

func describeModel(dialectName string, m *switchyard.Model) modelRow {
	r := modelRow{
		Dialect: dialectName, ID: m.ID, State: string(m.Life.State), Successor: m.Life.Successor,
		Can: abilities(&m.Can), Price: priceText(m.Price), Source: m.Source, Date: m.Date,
	}
	if !m.Life.Until.IsZero() {
		r.Until = m.Life.Until.Format("2006-01-02")
	}
	return r
}

func abilities(a *switchyard.Abilities) string {
	parts := []string{fmt.Sprintf("n=%d", a.Images)}
	if a.References > 0 {
		parts = append(parts, fmt.Sprintf("refs=%d", a.References))
	}
	if a.Mask {
		parts = append(parts, "mask")
	}
	if len(a.Formats) > 0 {
		parts = append(parts, strings.Join(a.Formats, "/"))
	}
	return strings.Join(parts, " ")
}
