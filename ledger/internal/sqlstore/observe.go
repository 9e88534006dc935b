package sqlstore

import (
	"context"
	"fmt"

	"switchyard/ledger"
)

const (
	ended = `SELECT variant, target, outcome, latency, cost, basis, charge, delivered, '' FROM generations
WHERE variant <> '' AND variant >= $1 AND variant < $2 AND outcome <> '' ORDER BY started + latency, id`

	rated = `SELECT g.variant, g.target, '', 0, NULL, '', '', 0, r.rating FROM generations g JOIN ratings r ON r.generation = g.id
WHERE g.variant <> '' AND g.variant >= $1 AND g.variant < $2 ORDER BY `
)

// Observations calls tell with all that an experiment has to learn from: first its generations in the order in which they ended,
// then their ratings in the order in which they were first given, each as it was last given. It ends at the first error of tell.
func (s *Store) Observations(ctx context.Context, experiment string, tell func(ledger.Observation) error) error {
	for _, query := range []string{ended, rated + s.RatingsInOrder} {
		if err := s.observe(ctx, query, experiment, tell); err != nil {
			return fmt.Errorf("observe %q: %w", experiment, err)
		}
	}
	return nil
}

// observe holds one row at a time: an experiment may have millions.
func (s *Store) observe(ctx context.Context, query, experiment string, tell func(ledger.Observation) error) error {
	// Variants of one experiment begin with its name and a colon; a semicolon is the next character after that.
	rows, err := s.Read.QueryContext(ctx, query, experiment+":", experiment+";")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var o ledger.Observation
		err := rows.Scan(&o.Variant, &o.Target, &o.Outcome, &o.Latency, (*known)(&o.Cost.Amount), &o.Cost.Basis, &o.Cost.Charge, &o.Images, &o.Rating)
		if err != nil {
			return err
		}
		if err := tell(o); err != nil {
			return err
		}
	}
	return rows.Err()
}
