package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"switchyard"
	"switchyard/config"
	"switchyard/ledger"
)

// reportCommand asks the ledger's database itself, so that it answers whether or not a sidecar is running.
type reportCommand struct {
	Config string `help:"The config file; ./config.yaml if there is one, else the defaults." placeholder:"FILE"`
	By     string `help:"provider, model, tier, tenant, experiment, route, key or day." enum:"provider,model,tier,tenant,experiment,route,key,day" default:"provider"`
	Since  string `help:"From when on: 7d, 36h, 2026-11-01, or a time as 2026-11-01T12:00:00Z." default:"7d"`
	Until  string `help:"Up to when; now if left out." placeholder:"TIME"`
	Rows   bool   `help:"Every attempt, instead of sums; as CSV unless --json."`
	JSON   bool   `help:"For machines." xor:"format"`
	CSV    bool   `help:"For spreadsheets." xor:"format"`
}

// Validate refuses times that cannot be understood, and spans that are turned round.
func (c *reportCommand) Validate() error {
	_, err := c.span(time.Now())
	return err
}

func (c *reportCommand) span(now time.Time) (s ledger.Span, err error) {
	if s.Since, err = moment(c.Since, now); err != nil {
		return s, fmt.Errorf("--since: %w", err)
	}
	if c.Until != "" {
		if s.Until, err = moment(c.Until, now); err != nil {
			return s, fmt.Errorf("--until: %w", err)
		}
	}
	if s.Until.IsZero() && s.Since.After(now) {
		return s, fmt.Errorf("--since: %s is yet to come", c.Since)
	}
	return s, s.Validate()
}

// moment is a time, or how long ago it was.
func moment(text string, now time.Time) (time.Time, error) {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	if ago, err := config.ParseDuration(text); err == nil {
		return now.Add(-ago), nil
	}
	return time.Time{}, fmt.Errorf("want 7d, 36h, 2026-11-01 or 2026-11-01T12:00:00Z, got %q", text)
}

// Run prints the report.
func (c *reportCommand) Run(e *env) error {
	span, err := c.span(time.Now())
	if err != nil {
		return err
	}
	f, err := loadConfig(e, c.Config)
	if err != nil {
		return err
	}
	db, err := f.Store.Database.read(e.ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	if c.Rows {
		return c.rows(e.ctx, db, span, e.stdout)
	}
	q := ledger.Query{By: ledger.Dimension(c.By), Span: span}
	lines, err := db.Report(e.ctx, q)
	if err != nil {
		return err
	}
	switch {
	case c.JSON:
		return reportJSON(e.stdout, q, lines)
	case c.CSV:
		return reportCSV(e.stdout, q.By, lines)
	}
	return reportTable(e.stdout, q.By, lines)
}

// rows prints attempts as they are read: a ledger may have millions.
func (c *reportCommand) rows(ctx context.Context, db ledger.Reports, span ledger.Span, out io.Writer) error {
	if c.JSON { // a line each
		enc := json.NewEncoder(out)
		return db.EachRow(ctx, span, func(r ledger.Row) error { return enc.Encode(r) })
	}
	w := csv.NewWriter(out)
	_ = w.Write([]string{"id", "generation", "request_id", "at", "route", "target", "provider", "model", "variant", "outcome", "charge", "cost_usd", "cost_basis", "images", "latency_ms"})
	err := db.EachRow(ctx, span, func(r ledger.Row) error {
		cost := unknown
		if r.Cost.Basis != switchyard.BasisUnknown {
			cost = r.Cost.Amount.String()
		}
		return w.Write([]string{
			r.ID, r.Generation, cell(r.RequestID), r.At.UTC().Format(time.RFC3339Nano), cell(r.Route), cell(r.Target), cell(r.Provider), cell(r.Model), cell(r.Variant),
			string(r.Outcome), string(r.Cost.Charge), cost, string(r.Cost.Basis), strconv.Itoa(r.Images), strconv.FormatInt(r.Latency.Milliseconds(), 10),
		})
	})
	w.Flush()
	return errors.Join(err, w.Error())
}
