package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"switchyard/ledger"
)

// spenders has two texts for each dimension: the expression that names who spends, and the join that it needs, empty if the
// attempts' table knows. To look up each attempt's generation takes longer than all the rest.
var spenders = map[ledger.Dimension][2]string{
	ledger.ByAll: {`''`}, ledger.ByProvider: {`a.provider`}, ledger.ByTarget: {`a.target`},
	ledger.ByKey: {`COALESCE(g.key_name, '')`, ofGeneration}, ledger.ByTenant: {`COALESCE(g.tenant, '')`, ofGeneration}, ledger.ByRoute: {`COALESCE(g.route, '')`, ofGeneration},
}

const ofGeneration = ` LEFT JOIN generations g ON g.id = a.generation`

// Spent adds up attempts by who spends.
func (s *Store) Spent(ctx context.Context, by ledger.Dimension, since, until time.Time) (map[string]ledger.Spent, error) {
	who, ok := spenders[by]
	if !ok {
		return nil, fmt.Errorf("spent by %q: no such thing", by)
	}
	type line struct {
		name  string
		spent ledger.Spent
	}
	scan := func(rows *sql.Rows) (l line, err error) {
		err = rows.Scan(&l.name, &l.spent.Money, &l.spent.Images, &l.spent.Unknown)
		return l, err
	}
	lines, err := collect(ctx, s.Read, scan, `SELECT `+who[0]+`, CAST(COALESCE(SUM(a.cost), 0) AS BIGINT), SUM(a.images),
	COUNT(*) FILTER (WHERE a.cost IS NULL AND a.charge <> 'none')
FROM attempts a`+who[1]+` WHERE a.started >= $1 AND a.started < $2 GROUP BY 1`, nanos(since), nanos(until))
	if err != nil {
		return nil, fmt.Errorf("spent by %s: %w", by, err)
	}
	all := map[string]ledger.Spent{}
	for _, l := range lines {
		all[l.name] = l.spent
	}
	return all, nil
}
