package ledger

import (
	"time"

	"switchyard"
)

// Observation is what an experiment learns from one generation that has ended, or from one rating.
type Observation struct {
	Variant string // the arm that the generation counts for
	Target  string // the target that served; empty if none did
	Outcome switchyard.Outcome
	Latency time.Duration
	Cost    switchyard.Cost
	Images  int    // delivered
	Rating  string // a rating's, which besides has Variant and Target only; empty for a generation
}
