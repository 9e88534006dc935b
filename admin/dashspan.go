package admin

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"switchyard/ledger"
)

// span is the time that a page shows, cut into steps.
type span struct {
	ledger.Steps
	Name string // of one of the ranges; empty if the page was asked for by since and until
}

// Range is a span that a page has a link for.
type Range struct {
	Name, Text string
	Length     time.Duration
	Step       time.Duration
}

// Ranges are cut so that a chart has about a hundred points.
var ranges = []Range{
	{"1h", "1 hour", time.Hour, time.Minute},
	{"24h", "24 hours", 24 * time.Hour, 15 * time.Minute},
	{"7d", "7 days", 7 * 24 * time.Hour, 2 * time.Hour},
	{"30d", "30 days", 30 * 24 * time.Hour, 6 * time.Hour},
}

const (
	usualRange = "24h"
	mostSpan   = 366 * 24 * time.Hour
	points     = 120 // about, in a chart from since to until
)

// spanOf reads ?range=24h, or ?since= and until=, both as RFC 3339.
func spanOf(q url.Values, now time.Time) (span, error) {
	if q.Get("since") != "" || q.Get("until") != "" {
		return between(q, now)
	}
	name := q.Get("range")
	if name == "" {
		name = usualRange
	}
	for _, r := range ranges {
		if r.Name == name {
			until := now.Truncate(time.Minute).Add(time.Minute) // the present minute is included
			return span{ledger.Steps{Since: until.Add(-r.Length), Until: until, Step: r.Step}, name}, nil
		}
	}
	return span{}, fmt.Errorf("there is no range %q: want 1h, 24h, 7d or 30d", name)
}

func between(q url.Values, now time.Time) (span, error) {
	since, err := timeOf(q, "since")
	if err != nil {
		return span{}, err
	}
	until, err := timeOf(q, "until")
	if err != nil {
		return span{}, err
	}
	if until.IsZero() {
		until = now.Truncate(time.Minute).Add(time.Minute)
	}
	length := until.Sub(since)
	switch {
	case length <= 0:
		return span{}, errors.New("since must be before until")
	case length > mostSpan:
		return span{}, errors.New("since and until may be a year apart at most")
	}
	whole := time.Minute
	if now.Sub(since) >= ledger.MinutesKept {
		whole = time.Hour
	}
	step := (length/points + whole - 1).Truncate(whole)
	return span{ledger.Steps{Since: since.UTC(), Until: until.UTC(), Step: max(step, whole)}, ""}, nil
}

// Ranges returns those that the page has links for.
func (s span) Ranges() []Range { return ranges }

// Text is the span in words.
func (s span) Text() string {
	for _, r := range ranges {
		if r.Name == s.Name {
			return "the last " + r.Text
		}
	}
	return s.Since.Format("2006-01-02 15:04") + " to " + s.Until.Format("2006-01-02 15:04") + " UTC"
}

// begins returns the times at which the steps begin.
func (s span) begins() []time.Time {
	var list []time.Time
	for at := s.Begin(s.Since); at.Before(s.Until); at = at.Add(s.Step) {
		list = append(list, at)
	}
	return list
}
