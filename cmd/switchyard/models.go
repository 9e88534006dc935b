package main

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"switchyard"
	"switchyard/config"
	"switchyard/dialect"
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
	for _, b := range tables(c.Dialect) {
		names := []string{b.String()}
		if c.JSON {
			names = b.dialects
		}
		for _, name := range names {
			for _, m := range b.rows {
				rows = append(rows, describeModel(name, m))
			}
		}
	}
	if len(rows) == 0 {
		return usageError{fmt.Errorf("--dialect: there is no %q%s", c.Dialect, config.Which(c.Dialect, all.Names()))}
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

// book is what a model table has, but for what is assumed of others, with the dialects that share it: people are told once,
// and machines have a row for each dialect.
type book struct {
	dialects []string
	rows     []*switchyard.Model
}

func (b book) String() string { return strings.Join(b.dialects, ", ") }

// tables are those of all dialects, or that of one.
func tables(only string) []book {
	var list []book
	at := map[*dialect.Table]int{} // :: table → its place in list
	for _, d := range all.Dialects() {
		table := d.Models()
		i, known := at[table]
		switch {
		case only != "" && only != d.Name():
			continue
		case !known:
			i = len(list)
			at[table] = i
			list = append(list, book{rows: slices.DeleteFunc(slices.Clone(table.Rows()), func(m *switchyard.Model) bool { return m.ID == "*" })})
		}
		list[i].dialects = append(list[i].dialects, d.Name())
		slices.Sort(list[i].dialects)
	}
	return list
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
