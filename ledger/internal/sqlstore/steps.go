package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"math"
	"strings"
	"time"

	"switchyard/ledger"
)

// Targets returns what attempts came to, by step, provider and target, in that order. Steps without any are left out.
func (s *Store) Targets(ctx context.Context, steps ledger.Steps) ([]ledger.TargetStep, error) {
	scan := func(rows *sql.Rows) (t ledger.TargetStep, err error) {
		var at int64
		err = rows.Scan(append([]any{&at, &t.Provider, &t.Target}, sumFields(&t.Sums)...)...)
		t.At = time.Unix(0, at).UTC()
		return t, err
	}
	return readSteps(ctx, s.Read, scan, steps, "target_sums", "provider, target")
}

// Routes returns what generations came to, by step and route, in that order. Steps without any are left out.
func (s *Store) Routes(ctx context.Context, steps ledger.Steps) ([]ledger.RouteStep, error) {
	scan := func(rows *sql.Rows) (r ledger.RouteStep, err error) {
		var at int64
		err = rows.Scan(append([]any{&at, &r.Route}, sumFields(&r.Sums)...)...)
		r.At = time.Unix(0, at).UTC()
		return r, err
	}
	return readSteps(ctx, s.Read, scan, steps, "route_sums", "route")
}

// summedUp is the columns that add up many rows of sums. PostgreSQL makes a wider number of the sum of a BIGINT, which
// no row here needs.
var summedUp = func() string {
	sums := make([]string, len(sumColumns))
	for i, c := range sumColumns {
		sums[i] = "CAST(SUM(" + c + ") AS BIGINT)"
	}
	return strings.Join(sums, ", ")
}()

func readSteps[T any](ctx context.Context, db *sql.DB, scan func(*sql.Rows) (T, error), steps ledger.Steps, table, key string) ([]T, error) {
	span, err := steps.Span()
	if err != nil {
		return nil, err
	}
	wide := int64(cmp.Or(steps.Step, span)) // what the bounds are widened to
	since, until := nanos(steps.Since), int64(math.MaxInt64)
	if since -= since % wide; !steps.Until.IsZero() {
		until = (nanos(steps.Until) + wide - 1) / wide * wide
	}
	step := fmt.Sprintf("at / %d * %d", wide, wide)
	if steps.Step == 0 {
		step = fmt.Sprintf("CAST(%d AS BIGINT)", since)
	}
	return collect(ctx, db, scan, `SELECT `+step+` AS step, `+key+`, `+summedUp+` FROM `+table+`
WHERE span = $1 AND at >= $2 AND at < $3 GROUP BY step, `+key+` HAVING SUM(ended) <> 0 ORDER BY step, `+key, int64(span), since, until)
}

// sumFields are what a row's sums are scanned into.
func sumFields(s *ledger.Sums) []any {
	fields := []any{&s.Count, &s.OK, &s.Neither, &s.Images, &s.Cost, &s.Possible, &s.Unknown, &s.Busy}
	for i := range s.Latency {
		fields = append(fields, &s.Latency[i])
	}
	return fields
}
