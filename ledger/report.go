package ledger

import (
	"context"
	"fmt"
	"time"

	"switchyard"
)

// Dimension is what a report is broken down by.
type Dimension string

// A report by provider or model counts attempts, one by anything else counts generations. Its money is that of all
// attempts either way, so that all reports add up to the same.
const (
	ByProvider   Dimension = "provider"
	ByModel      Dimension = "model" // as the provider names it
	ByTier       Dimension = "tier"
	ByTenant     Dimension = "tenant"
	ByExperiment Dimension = "experiment" // its arms; generations outside of any are left out
	ByRoute      Dimension = "route"
	ByKey        Dimension = "key"
	ByDay        Dimension = "day" // UTC
)

// Reports are for people, and for their spreadsheets.
type Reports interface {
	// Report returns a line for each group, in the order of their names.
	Report(ctx context.Context, q Query) ([]Line, error)

	// EachRow calls tell with the attempts that started in a span of time, the oldest first. It ends at the first error
	// of tell.
	EachRow(ctx context.Context, span Span, tell func(Row) error) error

	// EachGeneration calls tell with the generations that started in a span of time and have ended, the oldest first,
	// except those that passed through. It ends at the first error of tell.
	EachGeneration(ctx context.Context, span Span, tell func(switchyard.Generation) error) error
}

// Span is the time from Since on, up to but not including Until. A zero Since is before everything, a zero Until after
// everything.
type Span struct {
	Since, Until time.Time
}

// Validate errs if Since is after Until.
func (s Span) Validate() error {
	if !s.Until.IsZero() && s.Since.After(s.Until) {
		return fmt.Errorf("since %s is after until %s", s.Since.UTC().Format(time.RFC3339), s.Until.UTC().Format(time.RFC3339))
	}
	return nil
}

// Query asks for a report of what started in a span of time.
type Query struct {
	By Dimension
	Span
}

// Line is what one group came to. Attempts that still run are in its money, since that may be spent, but in no count of
// Sums.
type Line struct {
	Group       string
	Generations int
	Attempts    int
	Sums        // of attempts or of generations, see Dimension; without Latency
	P95         time.Duration
	Priced      switchyard.Money // the part of Cost that is of attempts or generations whose whole cost is known
	PricedFor   int              // the images of those
}

// PerImage returns the cost of one image; known is false if there are no images whose cost is known.
func (l *Line) PerImage() (cost switchyard.Money, known bool) {
	if l.PricedFor == 0 {
		return 0, false
	}
	return l.Priced.Times(1, int64(l.PricedFor)), true
}
