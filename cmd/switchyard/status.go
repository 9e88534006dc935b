package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"switchyard"
	"switchyard/admin"
	"switchyard/breaker"
)

// statusCommand shows how a running sidecar stands.
type statusCommand struct {
	Watch bool `help:"Show it anew each second, on a terminal, until interrupted."`
	JSON  bool `help:"For machines."`
	operatorFlags
}

// Run asks once, or each second.
func (c *statusCommand) Run(e *env) error {
	o, err := c.operator(e)
	if err != nil {
		return err
	}
	if !c.Watch {
		return c.once(e, o)
	}
	if c.JSON || !isTerminal(e.stdout) {
		return usageError{errors.New("--watch is for people at a terminal")}
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	return c.watch(e, o, tick.C)
}

// watch shows the status at each tick. A sidecar that is away for a while, as in a restart, is waited for.
func (c *statusCommand) watch(e *env, o *operator, tick <-chan time.Time) error {
	for {
		var page strings.Builder
		here := *e
		here.stdout = &page
		if err := c.once(&here, o); err != nil {
			fmt.Fprintln(&page, err)
		}
		// To the upper left; each line, and then the rest of the screen, cleared: without a flicker.
		if _, err := fmt.Fprint(e.stdout, "\x1b[H", strings.ReplaceAll(page.String(), "\n", "\x1b[K\n"), "\x1b[J"); err != nil {
			return err
		}
		select {
		case <-tick:
		case <-e.ctx.Done():
			return nil
		}
	}
}

func (c *statusCommand) once(e *env, o *operator) error {
	text, err := o.call("GET", "/api/status", nil)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(e.stdout, text)
	}
	var s admin.Status
	if err := json.Unmarshal(text, &s); err != nil {
		return fmt.Errorf("the answer is not understood: %w", err)
	}
	return printStatus(e.stdout, &s)
}

// printStatus prints what stands out first, then everybody in a table.
func printStatus(out io.Writer, s *admin.Status) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintf(w, "switchyard %s: %s, up %v", s.Version, s.Status, time.Duration(s.Uptime)*time.Second)
	if !s.Ready {
		fmt.Fprint(w, ", not ready")
	}
	fmt.Fprintln(w)
	for _, p := range s.Problems {
		mark := "!"
		for line := range strings.SplitSeq(p, "\n") { // the faults of a config that was refused have one each
			fmt.Fprintln(w, mark, plain(line))
			mark = " "
		}
	}
	for _, k := range s.Kills {
		fmt.Fprintln(w, killLine(k, s.Timestamp))
	}
	fmt.Fprintln(w, "\nPROVIDER\tSTATE\tIN FLIGHT\tWAITING\tATTEMPTS\tSUCCESS\tMEAN\tIMAGES\tCOST TODAY")
	for _, p := range s.Providers {
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%s\n", p.Provider, providerState(p), p.InFlight, p.Waiting, todayCells(p.Today))
	}
	fmt.Fprintln(w, "\nTARGET\tBREAKER\tIN FLIGHT\tWAITING\tLATELY OK\tFAILED\tNOT BEFORE\tMODEL")
	for _, t := range s.Targets {
		if t.Model == "" && t.InFlight+t.Waiting+t.Succeeded+t.Failed == 0 && t.Breaker == breaker.Closed {
			continue // a provider that is asked for targets alone
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%d\t%s\t%s\n", t.Target, targetState(s, t), t.InFlight, t.Waiting, t.Succeeded, t.Failed,
			clock(t.NotBefore, s.Timestamp), t.Model)
	}
	return w.Flush()
}

func killLine(k breaker.Kill, now time.Time) string {
	text := "KILLED " + k.String()
	if k.Bypass {
		text = "BYPASS " + k.String()
	}
	if !k.Until.IsZero() {
		text += " (until " + clock(k.Until, now) + ")"
	}
	return plain(text + ", by " + k.By)
}

func providerState(p admin.ProviderStatus) string {
	switch {
	case !p.Enabled:
		return "off"
	case p.Healthy:
		return "healthy"
	}
	return p.Problem
}

func targetState(s *admin.Status, t admin.TargetStatus) string {
	if !t.Enabled {
		return "off"
	}
	for _, k := range s.Kills {
		if k.Stops("", t.Provider, t.Target) {
			return "killed"
		}
	}
	return string(t.Breaker)
}

// todayCells are the columns of a provider's day.
func todayCells(t *admin.Today) string {
	if t == nil {
		return "?\t?\t?\t?\t?"
	}
	success, mean := "-", "-"
	if judged := t.Attempts - t.Neither; judged > 0 {
		success = switchyard.Percent(float64(t.OK) / float64(judged))
	}
	if t.OK > 0 {
		mean = (time.Duration(t.Mean) * time.Millisecond).String()
	}
	return fmt.Sprintf("%d\t%s\t%s\t%d\t%s", t.Attempts, success, mean, t.Images, spend(t))
}

// spend is what was charged, and beside it what perhaps was and how often nobody knows.
func spend(t *admin.Today) string {
	cost, err := switchyard.ParseMoney(t.Cost.String())
	possible, err2 := switchyard.ParseMoney(t.Possible.String())
	if errors.Join(err, err2) != nil {
		return "?"
	}
	if cost == 0 && t.Unknown > 0 {
		return fmt.Sprintf("unknown (%d)", t.Unknown)
	}
	text := (cost - possible).InDollars()
	if possible != 0 {
		text += " + " + possible.InDollars() + " possible"
	}
	if t.Unknown > 0 {
		text += fmt.Sprintf(" + %d unknown", t.Unknown)
	}
	return text
}

const (
	clockLayout = "15:04:05 MST"
	dayLayout   = "2006-01-02 15:04:05 MST"
)

// clock is a time of today, or one of another day with its date. It says in which zone: the dashboard and the log have UTC.
func clock(t, now time.Time) string {
	if t.IsZero() {
		return "-"
	}
	layout := clockLayout
	if t, now := t.Local(), now.Local(); t.YearDay() != now.YearDay() || t.Year() != now.Year() {
		layout = dayLayout
	}
	return t.Local().Format(layout)
}

// plain is text without what a terminal would obey: reasons are other people's.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
}
