package sqlite

import (
	"context"
	"fmt"
	"time"

	"switchyard/ledger"
)

// spenders is who spends, in terms of the tables.
var spenders = map[ledger.Scope]string{
	ledger.ByAll: `''`, ledger.ByKey: `COALESCE(g.key_name, '')`, ledger.ByTenant: `COALESCE(g.tenant, '')`,
	ledger.ByProvider: `a.provider`, ledger.ByTarget: `a.target`, ledger.ByRoute: `COALESCE(g.route, '')`,
}

// Spent adds up the attempts that started from since up to but without until, by scope; all of them have the empty name.
func (s *Store) Spent(ctx context.Context, scope ledger.Scope, since, until time.Time) (map[string]ledger.Spent, error) {
	who, ok := spenders[scope]
	if !ok {
		return nil, fmt.Errorf("no such scope: %q", scope)
	}
	rows, err := s.read.QueryContext(ctx, `SELECT `+who+`, COALESCE(SUM(a.cost), 0), SUM(a.images),
	SUM(CASE WHEN a.cost IS NULL AND a.charge <> 'none' THEN 1 ELSE 0 END)
FROM attempts a LEFT JOIN generations g ON g.id = a.generation
WHERE a.started >= ? AND a.started < ? GROUP BY 1`, nanos(since), nanos(until))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := map[string]ledger.Spent{}
	for rows.Next() {
		var name string
		var spent ledger.Spent
		if err := rows.Scan(&name, &spent.Money, &spent.Images, &spent.Unknown); err != nil {
			return nil, err
		}
		all[name] = spent
	}
	return all, rows.Err()
}
