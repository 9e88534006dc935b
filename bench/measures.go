package main

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// measure returns a figure of a turn; NaN if the turn does not have it.
type measure func(turn) float64

// kind is how a figure is judged.
type kind uint8

const (
	absolute kind = iota // by itself
	machine              // by itself; its ratio to the bare proxy's is printed beside it: see reference
	ratio                // by its ratio to the bare proxy's
	beyond               // by the difference to another subject's
)

// bar is what a figure should not pass.
type bar struct {
	what    string
	measure measure
	kind    kind
	of      string // the other subject, for beyond
	most    float64
	strict  float64 // a narrower bar, printed beside it; 0 for none
}

// got returns the figure that is compared with the bar.
func (b bar) got(results map[string][]turn) float64 {
	own := median(results[ours], b.measure)
	switch b.kind {
	case ratio:
		return own / median(results[bare], b.measure)
	case beyond:
		return own - median(results[b.of], b.measure)
	}
	return own
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func perRequest(t turn) float64 { return float64(t.cpu.Microseconds()) / float64(t.requests) }
func perMB(t turn) float64      { return ms(t.cpu) / (float64(t.bytes) / 1e6) }

// perPictureMB counts the bytes of the pictures that were made, where the app itself gets only their addresses.
func perPictureMB(t turn) float64 {
	return ms(t.cpu) / (float64(t.requests*4*pictureSize) / 1e6)
}

func peakRSS(t turn) float64   { return float64(t.peak) / (1 << 20) }
func uploads(t turn) float64   { return float64(t.sent) / float64(t.asked) }
func p50(t turn) float64       { return at(t.latency, 0.5) }
func p99(t turn) float64       { return at(t.latency, 0.99) }
func firstByte(t turn) float64 { return at(t.first, 0.5) }
func lag99(t turn) float64     { return at(t.lag, 0.99) }

// at returns a quantile in milliseconds.
func at(sorted []time.Duration, q float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	return ms(quantile(sorted, q))
}

// median returns the middle one of the rounds; NaN if one of them does not have the figure.
func median(turns []turn, m measure) float64 {
	var v []float64
	for _, t := range turns {
		v = append(v, m(t))
	}
	if len(v) == 0 || slices.ContainsFunc(v, math.IsNaN) {
		return math.NaN()
	}
	slices.SortFunc(v, cmp.Compare)
	return v[len(v)/2]
}
