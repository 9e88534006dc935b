package ledger

import (
	"context"
	"time"

	"switchyard"
)

// Books tell what has been spent, for budgets.
type Books interface {
	// Spent adds up the attempts that started from since up to but without until, by who spends. All is one line with the
	// empty name; what is no tenant's, key's or route's is in the line with the empty name, too.
	Spent(ctx context.Context, by Dimension, since, until time.Time) (map[string]Spent, error)
}

// Dimensions that only spending has.
const (
	ByAll    Dimension = "all"
	ByTarget Dimension = "target"
)

// Spent is what attempts came to. One that runs counts at its estimate.
type Spent struct {
	Money   switchyard.Money // known amounts, possible ones included
	Images  int
	Unknown int // attempts that cost an amount which nobody knows
}
