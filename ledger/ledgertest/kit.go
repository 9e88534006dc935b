// Package ledgertest tests that databases of the ledger do what package ledger promises: one suite for all.
package ledgertest

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"switchyard"
	"switchyard/ledger"
)

// Technology is what the suite must know of the one under test.
type Technology struct {
	// Fresh opens an empty ledger, and a connection to it with none of our settings, as somebody has who asks plain SQL.
	// Both are closed when the test ends.
	Fresh func(t *testing.T) (ledger.Database, *sql.DB)

	DayAgo string // the time a day ago, in SQL
}

// Run runs every test of the suite.
func (x Technology) Run(t *testing.T) {
	for _, c := range []struct {
		name string
		test func(*testing.T, Technology)
	}{
		{"a generation comes back whole", comesBackWhole},
		{"spent is told by whom", spentByWhom},
		{"applying twice is applying once", applyingTwice},
		{"a batch is all or nothing", allOrNothing},
		{"a settled record stands alone", standsAlone},
		{"any text can be held", anyText},
		{"unfinished", unfinished},
		{"rows have the shape of the API", rowsShape},
		{"pages", pages},
		{"totals", totals},
		{"check finds what does not add up", checks},
		{"prune forgets the oldest first", prunes},
		{"ratings", ratings},
		{"observations", observations},
		{"sums are what a recount gives", recount},
		{"sums by step", steps},
		{"sums are pruned by their age", pruneSums},
		{"reports", reports},
		{"reports are what a reckoning gives", reckoned},
		{"times beyond all", beyondAll},
		{"by request", byRequest},
		{"each row", eachRow},
		{"each generation", eachGeneration},
		{"generation_logs", generationLogs},
		{"plain SQL", plainSQL},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, x) })
	}
}

// Start is when everything here starts.
var Start = time.Date(2026, 11, 24, 6, 0, 0, 123456789, time.UTC)

// Apply applies records as of one epoch; each call is a batch.
func Apply(t testing.TB, s ledger.Store, epoch string, records ...ledger.Record) {
	t.Helper()
	for i := range records {
		records[i].Epoch = epoch
	}
	if err := s.Apply(t.Context(), ledger.Batch{Journal: "j", Last: 7, Records: records}); err != nil {
		t.Fatal(err)
	}
}

// Cost is a cost in one line.
func Cost(n switchyard.Money, b switchyard.Basis, c switchyard.Charge) switchyard.Cost {
	return switchyard.Cost{Amount: n, Basis: b, Charge: c}
}

// Attempt returns one that has just been opened.
func Attempt(id, generation string) switchyard.Attempt {
	return switchyard.Attempt{
		ID: id, Generation: generation, Number: 1, Part: 2, Target: "flux", Provider: "fal", Model: "fal-ai/flux/dev", Started: Start,
		Estimate: Cost(25_000_000, switchyard.BasisEstimate, ""), // an estimate is no charge
	}
}

// Done returns the attempt as it is when it has ended well.
func Done(a switchyard.Attempt) switchyard.Attempt {
	a.Latency, a.Stage, a.Outcome, a.Status, a.Images = 1500*time.Millisecond, switchyard.Answered, switchyard.OK, 200, 1
	a.Cost = Cost(24_000_000, switchyard.BasisBook, switchyard.ChargeSettled)
	return a
}

// Generation returns one that has just begun.
func Generation(id string) switchyard.Generation {
	return switchyard.Generation{
		ID: id, RequestID: "r", Tenant: "acme", Key: "web", Tier: "pro", Kind: "generation", Dialect: "openai", Path: "/v1/images/generations",
		Model: "house", Route: "all", Variant: "b", Started: Start, Labels: map[string]string{"avatar-id": "7", "style_id": "pixar"}, Asked: 1,
	}
}

// Ended returns the generation as it is when it has ended well.
func Ended(g switchyard.Generation) switchyard.Generation {
	g.Latency, g.Outcome, g.Target, g.Provider, g.Served = 1600*time.Millisecond, switchyard.OK, "flux", "fal", "fal-ai/flux/dev"
	g.Attempts, g.Delivered, g.Fidelity, g.Prompt, g.Shape = 1, 1, "exact", "abc", `{"n":1}`
	g.Hosted = []string{"first.png", "second.jpg"}
	g.Cost = Cost(24_000_000, switchyard.BasisBook, switchyard.ChargeSettled)
	return g
}

func account(t *testing.T, s ledger.Reader) ledger.Account {
	t.Helper()
	acc, err := s.Generation(t.Context(), "g")
	if err != nil {
		t.Fatal(err)
	}
	return acc
}

func rate(t *testing.T, s ledger.Opinions, id, rating string) {
	t.Helper()
	if err := s.Rate(t.Context(), "acme", id, rating); err != nil {
		t.Fatal(err)
	}
}

// ask returns the rows of a query, each read by scan.
func ask[T any](ctx context.Context, t *testing.T, db *sql.DB, query string, scan func(*sql.Rows) (T, error)) (list []T) {
	t.Helper()
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		list = append(list, v)
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return list
}
