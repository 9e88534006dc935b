package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"switchyard/backtest"
	"switchyard/ledger"
	"switchyard/router"
	"switchyard/rule"
)

// backtestCommand tries a config on what the ledger has recorded. It sends nothing, and works while serve runs.
type backtestCommand struct {
	Config string `help:"The config file that is tried." placeholder:"FILE" required:""`
	Ledger string `help:"The config file whose ledger is read; the one that is tried if left out." placeholder:"FILE"`
	Since  string `help:"From when on: 7d, 36h, 2026-11-01, or a time as 2026-11-01T12:00:00Z." default:"7d"`
	Until  string `help:"Up to when; now if left out." placeholder:"TIME"`
	Rounds int    `help:"How often what would have happened is drawn, for the intervals." default:"200"`
	JSON   bool   `help:"For machines."`
}

// Validate refuses times that cannot be understood, and spans that are turned round.
func (c *backtestCommand) Validate() error {
	if c.Rounds < 1 || c.Rounds > 10_000 {
		return fmt.Errorf("--rounds: want 1 to 10000, got %d", c.Rounds)
	}
	_, err := c.span(time.Now())
	return err
}

func (c *backtestCommand) span(now time.Time) (ledger.Span, error) {
	return (&reportCommand{Since: c.Since, Until: c.Until}).span(now)
}

// Run tries the config and prints what would have come of it.
func (c *backtestCommand) Run(e *env) error {
	span, err := c.span(time.Now())
	if err != nil {
		return err
	}
	tried, err := loadNamed(e, c.Config)
	if err != nil {
		return err
	}
	kept, err := loadNamed(e, cmp.Or(c.Ledger, c.Config))
	if err != nil {
		return err
	}
	r, err := router.New(tried.routing())
	if err != nil {
		return err
	}
	db, err := kept.Store.Database.read(e.ctx)
	if err != nil {
		return err
	}
	report, err := backtest.Run(e.ctx, backtest.Config{Books: db, Span: span, Router: r, Key: tried.ruleKey, Rounds: c.Rounds})
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	if c.JSON {
		return encodeJSON(e.stdout, report)
	}
	return printBacktest(e.stdout, report)
}

// loadNamed reads and checks a config file that somebody asked for by its name.
func loadNamed(e *env, name string) (*file, error) {
	return (&source{name: name, asked: true, getenv: e.getenv}).load()
}

// ruleKey is a virtual key as rules see it.
func (f *file) ruleKey(name string) (rule.Key, bool) {
	for _, k := range f.Keys {
		if k.Name == name {
			return rule.Key{Name: k.Name, Tenant: cmp.Or(k.Tenant, k.Name), Labels: k.Labels}, true
		}
	}
	return rule.Key{}, false
}

func printBacktest(out io.Writer, r *backtest.Report) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ROUTE\tREQUESTS\tMOVED\t\tCOST\tSUCCESS\tMEDIAN\tP95")
	for _, route := range r.Routes {
		printFigures(w, route.Route, &route.Figures)
	}
	printFigures(w, "in all", &r.Total)
	if err := w.Flush(); err != nil {
		return err
	}
	for i, m := range r.Moves {
		if i == 0 {
			fmt.Fprintln(out)
		}
		if i == 10 {
			fmt.Fprintf(out, "and %d other moves\n", len(r.Moves)-i)
			break
		}
		fmt.Fprintf(out, "%s from %s to %s\n", requests(m.Requests), cmp.Or(m.From, "nobody"), cmp.Or(m.To, "nobody"))
	}
	fmt.Fprintln(out)
	if n := r.Total.Unserved; n > 0 {
		fmt.Fprintf(out, "%s would have had no target.\n", requests(n))
	}
	if n := r.Total.Untried; n > 0 {
		fmt.Fprintf(out, "About %s would have gone to a target that nothing was sent to in that time: %s for the cost alone.\n", requests(n), choose(n, "it counts", "they count"))
	}
	if n := r.Unshaped; n > 0 {
		fmt.Fprintf(out, "Left out: %s that an older version recorded.\n", requests(n))
	}
	if len(r.Unseen) > 0 {
		fmt.Fprintf(out, "No record has %s, which rules look up: if requests had it, their plans here are wrong. Only what the rules ask for\n"+
			"that are in force is recorded, and nothing that may be a credential, by its name.\n", strings.Join(r.Unseen, " or "))
	}
	_, err := fmt.Fprintln(out, "In brackets: where 95 of 100 draws lie. Limits, breakers, hedges and kills are not part of it.")
	return err
}

// requests is a number of them, in words.
func requests(n int) string { return fmt.Sprintf("%d %s", n, choose(n, "request", "requests")) }

// choose is the word for one, or for many.
func choose(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// printFigures prints two lines: what happened, and what would have.
func printFigures(w io.Writer, name string, f *backtest.Figures) {
	real, then := &f.Real, &f.Expected
	fmt.Fprintf(w, "%s\t%d\t%d\twas\t$%.2f\t%s\t%s\t%s\n", name, f.Requests, f.Moved, real.CostUSD,
		figureOr("%.1f %%", 100, real.Success), figureOr("%.1f s", 1, real.MedianSeconds), figureOr("%.1f s", 1, real.P95Seconds))
	fmt.Fprintf(w, "\t\t\twould be\t%s\t%s\t%s\t%s\n", span("$%.2f", 1, then.CostUSD, ""), span("%.1f", 100, then.Success, " %"),
		span("%.1f", 1, then.MedianSeconds, " s"), span("%.1f", 1, then.P95Seconds, " s"))
}

// noRecord stands for what no record tells.
const noRecord = "-"

func figureOr(format string, factor float64, v *float64) string {
	if v == nil {
		return noRecord
	}
	return fmt.Sprintf(format, factor**v)
}

func span(format string, factor float64, i *backtest.Interval, unit string) string {
	if i == nil {
		return noRecord
	}
	return fmt.Sprintf(format+" ["+format+" to "+format+"]", factor*i.Value, factor*i.Low, factor*i.High) + unit
}
