package ledger

import (
	"context"
	"io"
	"time"
)

// Database is all that the program asks of the place where the ledger is kept. Each kind is in a folder named for its
// technology, and passes the tests of package ledgertest. Any number of goroutines may use one; the owner calls Close.
type Database interface {
	Store
	Reader
	Rollups
	Reports
	Books
	Opinions
	Keeper
	io.Closer
}

// Reader answers questions about single rows.
type Reader interface {
	// Generation returns one generation with its attempts, ErrNotFound if there is none. It does not ask whose it is: see
	// Account.
	Generation(ctx context.Context, id string) (Account, error)

	// Account returns one generation of a tenant; another tenant's is ErrNotFound.
	Account(ctx context.Context, tenant, id string) (Account, error)

	// Generations lists a page of generations, the newest first and those of one moment by their ids, without their attempts.
	Generations(ctx context.Context, p Page) ([]Account, error)

	// Rows lists attempts that started at since or later, newest first.
	Rows(ctx context.Context, since time.Time, limit int) ([]Row, error)
}

// Rollups answers questions about many rows.
type Rollups interface {
	// Targets tells what attempts came to, by step, provider and target, in that order. Steps without any are left out.
	Targets(ctx context.Context, steps Steps) ([]TargetStep, error)

	// Routes tells what generations came to, by step and route, in that order. Steps without any are left out.
	Routes(ctx context.Context, steps Steps) ([]RouteStep, error)

	// Totals sums the attempts that started at since or later, and before until, by provider. Attempts that still run count,
	// too: their money may be spent.
	Totals(ctx context.Context, since, until time.Time) ([]Total, error)
}

// Opinions are the apps' ratings, and what experiments learn.
type Opinions interface {
	// Rate keeps what an app thinks of one of its generations; the last word counts. Another tenant's is ErrNotFound.
	Rate(ctx context.Context, tenant, generation, rating string) error

	// Observations calls tell with all that an experiment has to learn from: first its generations in the order in which they
	// ended, then their ratings in the order in which they were first given. It ends at the first error of tell.
	Observations(ctx context.Context, experiment string, tell func(Observation) error) error
}

// Keeper keeps the books in order.
type Keeper interface {
	// Check adds the whole ledger up, both ways.
	Check(ctx context.Context) (Check, error)

	// Prune deletes generations that started and ended before the given time, with their attempts and ratings, at most limit
	// of them, and returns how many. The sums keep what a deleted row added to them; they are deleted by their own age.
	Prune(ctx context.Context, before time.Time, limit int) (int, error)
}
