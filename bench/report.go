package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// measure is a figure of a turn.
type measure func(turn) float64

// kind is how a figure is judged: by itself, or by its ratio to the bare proxy's.
type kind uint8

const (
	absolute kind = iota
	ratio
)

// bar is what a figure should not pass.
type bar struct {
	what    string
	measure measure
	kind    kind
	most    float64
}

func perRequest(t turn) float64 { return float64(t.cpu.Microseconds()) / float64(t.requests) }
func perMB(t turn) float64 {
	return float64(t.cpu.Microseconds()) / 1000 / (float64(t.bytes) / 1e6)
}

// perPictureMB counts the pictures that were made, where the app itself gets only their addresses.
func perPictureMB(t turn) float64 {
	return float64(t.cpu.Microseconds()) / 1000 / (float64(t.requests*4*pictureSize) / 1e6)
}
func firstByte(t turn) float64 { return float64(t.at(0.5, t.first).Microseconds()) }
func peakRSS(t turn) float64   { return float64(t.peak) / (1 << 20) }

// median is the middle one of the rounds.
func median(turns []turn, m measure) float64 {
	var v []float64
	for _, t := range turns {
		v = append(v, m(t))
	}
	slices.SortFunc(v, cmp.Compare)
	return v[len(v)/2]
}

// table is what has been measured so far.
type table struct {
	lines []string
}

// add prints a scenario, and keeps its verdicts for the end.
func (t *table) add(s scenario, results map[string][]turn) {
	name := s.name
	if s.many > 0 {
		name = fmt.Sprintf("%s, %d callers", s.name, s.many)
	}
	fmt.Printf("\n%s  %s\n", s.group, name)
	w := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\trequests/s\tCPU µs/request\tCPU ms/MB\tp50\tp99\tfirst byte\tpeak MiB\t")
	for _, subject := range []string{direct, bare, nginx, ours} {
		turns := results[subject]
		if len(turns) == 0 {
			continue
		}
		at := func(q float64, of func(turn) []time.Duration) time.Duration {
			return time.Duration(median(turns, func(t turn) float64 { return float64(t.at(q, of(t))) })).Round(time.Microsecond)
		}
		latency := func(t turn) []time.Duration { return t.latency }
		fmt.Fprintf(w, "%s\t%.0f\t%.1f\t%.3f\t%v\t%v\t%v\t%.0f\t\n", subject,
			median(turns, func(t turn) float64 { return float64(t.requests) / t.wall.Seconds() }),
			median(turns, perRequest), median(turns, perMB), at(0.5, latency), at(0.99, latency),
			at(0.5, func(t turn) []time.Duration { return t.first }), median(turns, peakRSS))
	}
	_ = w.Flush()
	for _, b := range s.bars {
		got := median(results[ours], b.measure)
		unit := ""
		if b.kind == ratio {
			got, unit = got/median(results[bare], b.measure), " ×"
		}
		t.judge(fmt.Sprintf("%s %s: %s", s.group, name, b.what), got, b.most, unit)
	}
}

func (t *table) judge(what string, got, most float64, unit string) {
	verdict := "hit"
	if got > most {
		verdict = "MISSED"
	}
	t.lines = append(t.lines, fmt.Sprintf("%s\t%.2f%s\t≤ %.2f%s\t%s", what, got, unit, most, unit, verdict))
}

// verdicts are all figures with a bar.
func (t *table) verdicts(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "\nfigure\tmeasured\tbar\t")
	fmt.Fprintln(w, strings.Join(t.lines, "\n"))
	_ = w.Flush()
}
