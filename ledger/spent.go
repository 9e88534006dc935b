package ledger

import (
	"context"
	"time"

	"switchyard"
)

// Books tell what has been spent, for budgets.
type Books interface {
	// Spent adds up the attempts that started at since or later, and before until, by who spends. ByAll gives one line
	// with the empty name. What belongs to no tenant, key or route is in the line with the empty name, too.
	Spent(ctx context.Context, by Dimension, since, until time.Time) (map[string]Spent, error)
}

// Dimensions for Spent alone; a report cannot have them.
const (
	ByAll    Dimension = "all"
	ByTarget Dimension = "target"
)

// Spent is what attempts came to. An attempt that still runs counts at its estimate.
type Spent struct {
	Money   switchyard.Money // known amounts, possible ones included
	Images  int
	Unknown int // attempts that cost an amount that nobody knows
}
