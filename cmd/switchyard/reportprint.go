package main

import (
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"switchyard"
	"switchyard/ledger"
)

// groupJSON is a line for machines. What is not known is null.
type groupJSON struct {
	Group        string       `json:"group"`
	Generations  int          `json:"generations"`
	Attempts     int          `json:"attempts"`
	Images       int          `json:"images"`
	Success      *float64     `json:"success"`
	MeanSeconds  *float64     `json:"mean_seconds"`
	P95Seconds   *float64     `json:"p95_seconds"`
	CostUSD      *json.Number `json:"cost_usd"`     // of those that are known
	PossibleUSD  json.Number  `json:"possible_usd"` // the part of it that may not have been charged
	UnknownCosts int          `json:"unknown_costs"`
	PerImageUSD  *json.Number `json:"cost_per_image_usd"`
}

func groupOf(l *ledger.Line) groupJSON {
	g := groupJSON{
		Group: l.Group, Generations: l.Generations, Attempts: l.Attempts, Images: l.Images,
		PossibleUSD: json.Number(l.Possible.String()), UnknownCosts: l.Unknown,
	}
	if share, known := l.Success(); known {
		g.Success = &share
	}
	if l.OK > 0 {
		g.MeanSeconds, g.P95Seconds = new(l.Mean().Seconds()), new(l.P95.Seconds())
	}
	if priced(l) {
		g.CostUSD = dollars(l.Cost)
	}
	if per, known := l.PerImage(); known {
		g.PerImageUSD = dollars(per)
	}
	return g
}

// priced reports whether anything at all is known of what a line cost: if not, its sum is no zero.
func priced(l *ledger.Line) bool { return l.Unknown == 0 || l.Cost != 0 }

func dollars(m switchyard.Money) *json.Number { return new(json.Number(m.String())) }

func reportJSON(out io.Writer, q ledger.Query, lines []ledger.Line) error {
	groups := make([]groupJSON, len(lines))
	for i := range lines {
		groups[i] = groupOf(&lines[i])
	}
	return encodeJSON(out, struct {
		By     ledger.Dimension `json:"by"`
		Since  time.Time        `json:"since"`
		Until  time.Time        `json:"until,omitzero"`
		Groups []groupJSON      `json:"groups"`
	}{q.By, q.Since.UTC(), q.Until.UTC(), groups})
}

const unknown = "unknown"

func reportCSV(out io.Writer, by ledger.Dimension, lines []ledger.Line) error {
	w := csv.NewWriter(out)
	_ = w.Write([]string{string(by), "generations", "attempts", "images", "success", "mean_seconds", "p95_seconds", "cost_usd", "possible_usd", "unknown_costs", "cost_per_image_usd"})
	for i := range lines {
		g := groupOf(&lines[i])
		_ = w.Write([]string{
			cell(g.Group), strconv.Itoa(g.Generations), strconv.Itoa(g.Attempts), strconv.Itoa(g.Images), number(g.Success),
			number(g.MeanSeconds), number(g.P95Seconds), amount(g.CostUSD), g.PossibleUSD.String(), strconv.Itoa(g.UnknownCosts), amount(g.PerImageUSD),
		})
	}
	w.Flush()
	return w.Error() // tells of every Write
}

func number(x *float64) string {
	if x == nil {
		return ""
	}
	return strconv.FormatFloat(*x, 'f', 3, 64)
}

func amount(n *json.Number) string {
	if n == nil {
		return unknown
	}
	return n.String()
}

func reportTable(out io.Writer, by ledger.Dimension, lines []ledger.Line) error {
	table := [][]string{{strings.ToUpper(string(by)), "GENERATIONS", "ATTEMPTS", "IMAGES", "SUCCESS", "MEAN", "P95", "COST", "INCL. POSSIBLE", "UNKNOWN", "PER IMAGE"}}
	for i := range lines {
		l := &lines[i]
		row := []string{shown(l.Group), strconv.Itoa(l.Generations), strconv.Itoa(l.Attempts), strconv.Itoa(l.Images), "-", "-", "-", unknown, l.Possible.InDollars(), strconv.Itoa(l.Unknown), unknown}
		if share, known := l.Success(); known {
			row[4] = switchyard.Percent(share)
		}
		if l.OK > 0 {
			row[5], row[6] = fmt.Sprintf("%.1f s", l.Mean().Seconds()), fmt.Sprintf("%.1f s", l.P95.Seconds())
		}
		switch {
		case priced(l) && l.Unknown > 0:
			row[7] = l.Cost.InDollars() + " + " + unknown
		case priced(l):
			row[7] = l.Cost.InDollars()
		}
		if per, known := l.PerImage(); known {
			row[10] = per.InDollars()
		} else if l.Unknown == 0 {
			row[10] = "-" // there are no images
		}
		table = append(table, row)
	}
	return aligned(out, table)
}

// aligned prints the first column to the left and the others, which are numbers, to the right.
func aligned(out io.Writer, table [][]string) error {
	widths := make([]int, len(table[0]))
	for _, row := range table {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for _, row := range table {
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i == 0 {
				b.WriteString(cell + pad)
			} else {
				b.WriteString("  " + pad + cell)
			}
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// shown is a name as a terminal may have it: apps choose some of them, and a terminal obeys what it cannot print.
func shown(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(name)
	}
	return cmp.Or(name, "-")
}

// cell is a text as a spreadsheet may have it: apps choose some of them, and a spreadsheet takes one that begins like a
// formula for one.
func cell(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}
