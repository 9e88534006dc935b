package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"strings"
	"time"

	"switchyard"
	"switchyard/ledger"
)

// The facts of a report: a row an attempt, or a row a generation with what its attempts cost. {group} is a column or the like.
const (
	attemptFacts = `WITH facts AS MATERIALIZED (
	SELECT {group} AS grp, generation, 1 AS attempts, outcome, latency, images, COALESCE(cost, 0) AS cost,
		CASE charge WHEN 'possible' THEN COALESCE(cost, 0) ELSE 0 END AS possible,
		CASE WHEN cost IS NULL AND charge <> 'none' THEN 1 ELSE 0 END AS unknown
	FROM attempts WHERE started >= $1 AND started < $2)`

	// The rows of the span come first, by themselves: SQLite would rather have all there are, in the order of the GROUP BY.
	generationFacts = `WITH asked AS MATERIALIZED (
	SELECT {group} AS grp, id, outcome, latency, delivered FROM generations g WHERE started >= $1 AND started < $2 {only}
), facts AS MATERIALIZED (
	SELECT g.grp, g.id AS generation, COUNT(a.id) AS attempts, g.outcome, g.latency, g.delivered AS images,
		COALESCE(SUM(a.cost), 0) AS cost, COALESCE(SUM(a.cost) FILTER (WHERE a.charge = 'possible'), 0) AS possible,
		COUNT(a.id) FILTER (WHERE a.cost IS NULL AND a.charge <> 'none') AS unknown
	FROM asked g LEFT JOIN attempts a ON a.generation = g.id GROUP BY g.id, g.grp, g.outcome, g.latency, g.delivered)`

	// The 95th percentile is the smallest latency that 95 of 100 do not exceed.
	lines = `, ranked AS (
	SELECT grp, latency, CUME_DIST() OVER (PARTITION BY grp ORDER BY latency) AS share FROM facts WHERE outcome = 'ok'
), slow AS (SELECT grp, MIN(latency) AS p95 FROM ranked WHERE share >= 0.95 GROUP BY grp)
SELECT f.grp, COUNT(DISTINCT generation), CAST(SUM(attempts) AS BIGINT), COUNT(*) FILTER (WHERE outcome <> ''),
	COUNT(*) FILTER (WHERE outcome = 'ok'), COUNT(*) FILTER (WHERE {neither}),
	CAST(SUM(images) AS BIGINT), CAST(SUM(cost) AS BIGINT), CAST(SUM(possible) AS BIGINT), CAST(SUM(unknown) AS BIGINT),
	CAST(COALESCE(SUM(latency) FILTER (WHERE outcome = 'ok'), 0) AS BIGINT), COALESCE(MAX(p95), 0),
	CAST(COALESCE(SUM(cost) FILTER (WHERE unknown = 0), 0) AS BIGINT),
	CAST(COALESCE(SUM(images) FILTER (WHERE unknown = 0), 0) AS BIGINT)
FROM facts f LEFT JOIN slow ON slow.grp = f.grp GROUP BY f.grp ORDER BY f.grp`
)

// dimension is the facts and the column of each.
var dimension = map[ledger.Dimension][2]string{
	ledger.ByProvider:   {attemptFacts, `provider`},
	ledger.ByModel:      {attemptFacts, `model`},
	ledger.ByTier:       {generationFacts, `g.tier`},
	ledger.ByTenant:     {generationFacts, `g.tenant`},
	ledger.ByExperiment: {strings.ReplaceAll(generationFacts, "{only}", "AND g.variant <> ''"), `g.variant`},
	ledger.ByRoute:      {generationFacts, `g.route`},
	ledger.ByKey:        {generationFacts, `g.key_name`},
	ledger.ByDay:        {generationFacts, `CAST(g.started / 86400000000000 AS TEXT)`},
}

// reportBy is the statement of a report.
func reportBy(by ledger.Dimension) (query string, ok bool) {
	d, ok := dimension[by]
	return strings.NewReplacer("{group}", d[1], "{only}", "", "{neither}", neither).Replace(d[0] + lines), ok
}

// Report is a line a group, in the order of their names.
func (s *Store) Report(ctx context.Context, q ledger.Query) ([]ledger.Line, error) {
	query, ok := reportBy(q.By)
	if !ok {
		return nil, fmt.Errorf("report by %q: no such thing", q.By)
	}
	if err := q.Validate(); err != nil {
		return nil, err
	}
	since, until := bounds(q.Span)
	list, err := collect(ctx, s.Read, scanLine, query, since, until)
	if err != nil {
		return nil, fmt.Errorf("report by %s: %w", q.By, err)
	}
	if q.By == ledger.ByDay {
		for i := range list {
			var days int64
			if _, err := fmt.Sscan(list[i].Group, &days); err != nil {
				return nil, err
			}
			list[i].Group = time.Unix(days*86400, 0).UTC().Format(time.DateOnly)
		}
	}
	return list, nil
}

func scanLine(rows *sql.Rows) (l ledger.Line, err error) {
	err = rows.Scan(&l.Group, &l.Generations, &l.Attempts, &l.Count, &l.OK, &l.Neither, &l.Images, &l.Cost, &l.Possible, &l.Unknown,
		&l.Busy, &l.P95, &l.Priced, &l.PricedFor)
	return l, err
}

// bounds are a span in nanoseconds.
func bounds(s ledger.Span) (since, until int64) {
	if s.Until.IsZero() {
		return nanos(s.Since), math.MaxInt64
	}
	return nanos(s.Since), nanos(s.Until)
}

// EachRow tells the attempts that started in a span of time, the oldest first. It holds one row at a time.
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

// EachGeneration tells the generations that have ended, the oldest first. It holds one at a time.
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
