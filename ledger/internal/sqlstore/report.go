package sqlstore

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"switchyard"
	"switchyard/ledger"
)

// What a report is made of. tried has a row for each attempt. asked has a row for each attempt of a generation, one after the other,
// or one row for a generation without any. The database does not sort or put aside anything for it: that would take longer than all
// the rest. A generation of many attempts counts once in a group: with the first of them that is in the span. {group} is a column or
// an expression.
const (
	tried = `SELECT {group}, CASE WHEN number = 1 AND part = 0 OR NOT EXISTS (SELECT 1 FROM attempts b
		WHERE b.generation = attempts.generation AND b.started >= $1 AND b.started < $2 AND b.{group} = attempts.{group}
		AND (b.number, b.part, b.id) < (attempts.number, attempts.part, attempts.id)) THEN 1 ELSE 0 END,
	outcome, latency, images, COALESCE(cost, 0), CASE WHEN cost IS NULL AND charge <> 'none' THEN 'unknown' ELSE charge END
FROM attempts WHERE started >= $1 AND started < $2`

	asked = `SELECT {group}, g.id, CASE WHEN a.id IS NULL THEN 0 ELSE 1 END, g.outcome, g.latency, g.delivered, COALESCE(a.cost, 0),
	CASE WHEN a.cost IS NULL AND a.charge <> 'none' THEN 'unknown' ELSE COALESCE(a.charge, '') END
FROM generations g LEFT JOIN attempts a ON a.generation = g.id WHERE g.started >= $1 AND g.started < $2 {only} ORDER BY g.started, {same}`
)

// dimension is what a report is made of, and the column of each.
var dimension = map[ledger.Dimension][2]string{
	ledger.ByProvider:   {tried, `provider`},
	ledger.ByModel:      {tried, `model`},
	ledger.ByTier:       {asked, `g.tier`},
	ledger.ByTenant:     {asked, `g.tenant`},
	ledger.ByExperiment: {asked, `g.variant`},
	ledger.ByRoute:      {asked, `g.route`},
	ledger.ByKey:        {asked, `g.key_name`},
	ledger.ByDay:        {asked, `CAST(g.started / 86400000000000 AS TEXT)`},
}

// reportBy is the statement of a report.
func (t Technology) reportBy(by ledger.Dimension) (query string, ok bool) {
	d, ok := dimension[by]
	only := ""
	if by == ledger.ByExperiment {
		only = `AND g.variant <> ''`
	}
	return strings.NewReplacer("{group}", d[1], "{only}", only, "{same}", t.SameMoment).Replace(d[0]), ok
}

// Report returns a line for each group, in the order of their names. It holds one row at a time, and the latencies of all that ended
// well: 8 MB for a million.
func (s *Store) Report(ctx context.Context, q ledger.Query) ([]ledger.Line, error) {
	query, ok := s.reportBy(q.By)
	if !ok {
		return nil, fmt.Errorf("report by %q: no such thing", q.By)
	}
	if err := q.Validate(); err != nil {
		return nil, err
	}
	var t tally
	if err := s.tally(ctx, &t, query, q); err != nil {
		return nil, fmt.Errorf("report by %s: %w", q.By, err)
	}
	list := t.lines()
	if q.By == ledger.ByDay {
		for i := range list {
			days, err := strconv.ParseInt(list[i].Group, 10, 64)
			if err != nil {
				return nil, err
			}
			list[i].Group = time.Unix(days*86400, 0).UTC().Format(time.DateOnly)
		}
	}
	slices.SortFunc(list, func(a, b ledger.Line) int { return strings.Compare(a.Group, b.Group) })
	return list, nil
}

func (s *Store) tally(ctx context.Context, t *tally, query string, q ledger.Query) error {
	since, until := bounds(q.Span)
	rows, err := s.Read.QueryContext(ctx, query, since, until)
	if err != nil {
		return err
	}
	defer rows.Close()
	f := fact{first: 1, attempts: 1}
	fields := []any{&f.group, &f.id, &f.attempts, &f.outcome, &f.latency, &f.images, &f.cost, &f.charge}
	if dimension[q.By][0] == tried {
		fields = slices.Replace(fields, 1, 3, any(&f.first)) // attempts do not belong together
	}
	for rows.Next() {
		if err := rows.Scan(fields...); err != nil {
			return err
		}
		t.add(&f)
	}
	return rows.Err()
}

// bounds are a span in nanoseconds.
func bounds(s ledger.Span) (since, until int64) {
	if s.Until.IsZero() {
		return nanos(s.Since), math.MaxInt64
	}
	return nanos(s.Since), nanos(s.Until)
}

// EachRow calls tell with the attempts that started in a span of time, the oldest first. It holds one row at a time.
func (s *Store) EachRow(ctx context.Context, span ledger.Span, tell func(ledger.Row) error) error {
	if err := span.Validate(); err != nil {
		return err
	}
	since, until := bounds(span)
	rows, err := s.Read.QueryContext(ctx, selectRows+` WHERE a.started >= $1 AND a.started < $2 ORDER BY a.started, a.id`, since, until)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		r, err := scanRow(rows)
		if err != nil {
			return err
		}
		if err := tell(r); err != nil {
			return err
		}
	}
	return rows.Err()
}

// EachGeneration calls tell with the generations that started in a span of time and have ended, the oldest first, except those that
// passed through. It holds one at a time.
func (s *Store) EachGeneration(ctx context.Context, span ledger.Span, tell func(switchyard.Generation) error) error {
	if err := span.Validate(); err != nil {
		return err
	}
	since, until := bounds(span)
	rows, err := s.Read.QueryContext(ctx, `SELECT `+generationColumns+` FROM generations g
WHERE g.started >= $1 AND g.started < $2 AND g.outcome <> '' AND g.kind <> 'passthrough' ORDER BY g.started, g.id`, since, until)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		acc, err := scanAccount(rows)
		if err != nil {
			return err
		}
		if err := tell(acc.Generation); err != nil {
			return err
		}
	}
	return rows.Err()
}
