package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"text/tabwriter"
	"time"
)

// reference is what the bare proxy needed on the machine for which the bars of CPU time were set: CPU-ms per MB, for
// the transparent answers to 100 callers. Compared with this run's own figure it shows whether the machine is slow or
// the software.
const reference = 0.22

// table is what has been measured so far.
type table struct {
	judges bool    // whether figures are compared with their bars
	bare   float64 // CPU-ms per MB that the bare proxy last needed for bodies of megabytes; 0 before that
	lines  []line
}

// line is a figure with a bar.
type line struct {
	what      string
	got, most float64
	unit      string
	bare      float64 // what the bare proxy needed just before, if the figure depends on the machine's speed; else 0
	strict    float64 // a narrower bar, printed beside it; 0 for none
}

// column is a figure that is printed for every subject.
type column struct {
	head string
	text func([]turn) string
}

func number(head, format string, m measure) column {
	return column{head, func(t []turn) string { return fmt.Sprintf(format, median(t, m)) }}
}

func duration(head string, m measure) column {
	return column{head, func(t []turn) string {
		return time.Duration(median(t, m) * float64(time.Millisecond)).Round(time.Microsecond).String()
	}}
}

var columns = []column{
	number("requests/s", "%.0f", func(t turn) float64 { return float64(t.requests) / t.wall.Seconds() }),
	number("CPU µs/request", "%.1f", perRequest),
	number("CPU ms/MB", "%.3f", perMB),
	duration("p50", p50),
	duration("p99", p99),
	duration("first byte", firstByte),
	number("peak MiB", "%.0f", peakRSS),
}

// add prints a scenario, and keeps its figures with a bar for the end.
func (t *table) add(s scenario, results map[string][]turn) error {
	show(s, results)
	if s.yardstick {
		t.bare = median(results[bare], perMB)
	}
	for _, b := range s.bars {
		l := line{what: s.title() + ": " + b.what, got: b.got(results), most: b.most, strict: b.strict}
		switch b.kind {
		case ratio:
			l.unit = " ×"
		case machine:
			l.bare = t.bare
		}
		if err := t.judge(l); err != nil {
			return err
		}
	}
	return nil
}

// show prints a scenario, with a row for each subject.
func show(s scenario, results map[string][]turn) {
	fmt.Printf("\n%s\n", s.title())
	list := columns
	if s.call.events > 0 {
		list = append(list[:len(list):len(list)], duration("lag p99", lag99))
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', tabwriter.AlignRight)
	for _, c := range list {
		fmt.Fprint(w, "\t", c.head)
	}
	fmt.Fprintln(w, "\t")
	for _, subject := range []string{direct, bare, nginx, haproxy, ours} {
		if turns := results[subject]; len(turns) > 0 {
			fmt.Fprint(w, subject)
			for _, c := range list {
				fmt.Fprint(w, "\t", c.text(turns))
			}
			fmt.Fprintln(w, "\t")
		}
	}
	_ = w.Flush()
}

// judge keeps a figure for the verdicts. It errs if the figure is missing: otherwise a reader of the rest might think
// that all is well.
func (t *table) judge(l line) error {
	if math.IsNaN(l.got) || math.IsInf(l.got, 0) {
		return fmt.Errorf("%s: there is no figure", l.what)
	}
	t.lines = append(t.lines, l)
	return nil
}

// verdicts prints all figures with a bar.
func (t *table) verdicts(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "\nfigure\tmeasured\tbar\t")
	for _, l := range t.lines {
		fmt.Fprintf(w, "%s\t%.2f%s\t≤ %.2f%s\t%s\n", l.what, l.got, l.unit, l.most, l.unit, t.verdict(l))
	}
	_ = w.Flush()
}

func (t *table) verdict(l line) string {
	switch {
	case !t.judges:
		return "not judged"
	case l.strict > 0:
		return fmt.Sprintf("%s (bar by medians %.2f: %s)", hit(l.got, l.most), l.strict, hit(l.got, l.strict))
	case l.bare == 0: // or there is nothing in the run to compare with
		return hit(l.got, l.most)
	}
	own, most := l.got/l.bare, l.most/reference
	return fmt.Sprintf("%s (%.2f × bare, bar %.2f ×: %s)", hit(l.got, l.most), own, most, hit(own, most))
}

func hit(got, most float64) string {
	if got > most {
		return "MISSED"
	}
	return "hit"
}
