package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"switchyard"
)

// pricesCommand prints the price book, and what a config says instead of it.
type pricesCommand struct {
	Models []string `arg:"" optional:"" name:"model" help:"Only these, in full."`
	Config string   `help:"The config file whose own prices are shown, too; ./config.yaml if there is one." placeholder:"FILE"`
	JSON   bool     `help:"For machines."`
}

// pricedRow is a price as --json prints it.
type pricedRow struct {
	Dialect string      `json:"dialect"`
	Model   string      `json:"model"`
	By      string      `json:"by"` // price-book, or what of the config goes before it: target flux
	Known   bool        `json:"known"`
	Price   string      `json:"price"` // in words
	Parts   []pricePart `json:"parts"`
	Source  string      `json:"source"`
	Date    string      `json:"date"` // when it was read there; empty if it is the config's

	aliases []string
}

const byBook = "price-book"

// Run prints a line a price; of named models every part of it.
func (c *pricesCommand) Run(e *env) error {
	f, err := loadConfig(e, c.Config)
	if err != nil {
		return err
	}
	rows, err := c.chosen(append(c.bookRows(), f.pricedRows(cmp.Or(c.Config, defaultConfig))...))
	switch {
	case err != nil:
		return err
	case c.JSON:
		return encodeJSON(e.stdout, rows)
	case len(c.Models) > 0:
		return printPricesInFull(e.stdout, rows)
	}
	return printPrices(e.stdout, rows)
}

// chosen are the rows of the models that were named, and all if none was.
func (c *pricesCommand) chosen(rows []pricedRow) ([]pricedRow, error) {
	if len(c.Models) == 0 {
		return rows, nil
	}
	var out []pricedRow
	for _, id := range c.Models {
		found := len(out)
		for _, r := range rows {
			if r.Model == id || slices.Contains(r.aliases, id) {
				out = append(out, r)
			}
		}
		if len(out) == found {
			return nil, fmt.Errorf("no table knows a model %q", id)
		}
	}
	return out, nil
}

// bookRows are the prices of the tables.
func (c *pricesCommand) bookRows() []pricedRow {
	var rows []pricedRow
	for _, b := range tables("") {
		names := []string{b.String()}
		if c.JSON {
			names = b.dialects
		}
		for _, name := range names {
			for _, m := range b.rows {
				r := newPricedRow(m.Price)
				r.Dialect, r.Model, r.By, r.Source, r.Date, r.aliases = name, m.ID, byBook, m.Source, m.Date, m.Aliases
				rows = append(rows, r)
			}
		}
	}
	return rows
}

// pricedRows are the prices that the file itself has.
func (f *file) pricedRows(name string) []pricedRow {
	var rows []pricedRow
	add := func(p *switchyard.Price, dialect, model, by string) {
		if p != nil {
			r := newPricedRow(p)
			r.Dialect, r.Model, r.By, r.Source = dialect, model, by, name
			rows = append(rows, r)
		}
	}
	for _, t := range f.Targets {
		if p := f.Providers.Find(t.Value.Provider); p != nil {
			add(t.Value.Price, p.Dialect, t.Value.Model, "target "+t.Name)
		}
	}
	for _, p := range f.Providers {
		add(p.Value.Price, p.Value.Dialect, "(what has no other price)", "provider "+p.Name)
	}
	return rows
}

func newPricedRow(p *switchyard.Price) pricedRow {
	return pricedRow{Known: p != nil, Price: priceText(p), Parts: append([]pricePart{}, priceParts(p)...)}
}

func printPrices(out io.Writer, rows []pricedRow) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "DIALECT\tMODEL\tPRICE\tBY\tAS OF")
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", r.Dialect, r.Model, r.Price, r.By, cmp.Or(r.Date, r.Source))
	}
	return w.Flush()
}

func printPricesInFull(out io.Writer, rows []pricedRow) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	for i, r := range rows {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "%s (%s), by %s\n", r.Model, r.Dialect, r.By)
		for _, p := range r.Parts {
			fmt.Fprintf(w, "  %s\t%s\n", inDollars(p.USD), strings.TrimSuffix("per "+p.Unit+", "+p.Of, ", "))
		}
		if len(r.Parts) == 0 {
			fmt.Fprintln(w, "  "+r.Price)
		}
		fmt.Fprintf(w, "  from:\t%s\n", strings.TrimSuffix(r.Source+", "+r.Date, ", "))
	}
	return w.Flush()
}

// pricePart is one figure of a price.
type pricePart struct {
	Unit string      `json:"unit"`
	Of   string      `json:"of,omitempty"` // which images: "high 1024x1024"
	USD  json.Number `json:"usd"`
}
