package ledger

import (
	"context"
	"fmt"

	"switchyard"
)

// Orphan is an attempt of an earlier process whose job goes on at its provider. Whoever takes it in asks for the job,
// then appends the attempt's Settled and the generation's Ended; until then its charge is possible.
type Orphan struct {
	Attempt    switchyard.Attempt
	Generation switchyard.Generation
}

// Recover settles what earlier processes left open, once what they wrote has been applied. It is called once, at the
// start, while Run is running. An attempt without a job becomes lost, possibly charged at its estimate, for nobody will
// ever know. One with a job is an orphan. A generation without orphans ends: as lost, unless it had ended before.
func (a *Applier) Recover(ctx context.Context) ([]Orphan, error) {
	if err := a.Flush(ctx); err != nil {
		return nil, err
	}
	j := a.config.Journal
	accounts, err := a.config.Store.Unfinished(ctx, j.Epoch())
	if err != nil {
		return nil, fmt.Errorf("what earlier processes left: %w", err)
	}
	var orphans []Orphan
	for _, acc := range accounts {
		records, left := settle(acc)
		if len(records) > 0 {
			if err := j.Append(ctx, records...); err != nil {
				return nil, err
			}
		}
		orphans = append(orphans, left...)
	}
	return orphans, a.Flush(ctx)
}

// settle is what is to be recorded of a generation that its process left.
func settle(acc Account) (records []Record, orphans []Orphan) {
	costs := make([]switchyard.Cost, 0, len(acc.Attempts))
	images := 0
	for _, at := range acc.Attempts {
		switch {
		case at.Outcome != "":
		case at.Job != "":
			orphans = append(orphans, Orphan{at, acc.Generation})
		default:
			at = Lose(at)
			records = append(records, SettleRecord(at))
		}
		costs = append(costs, at.Cost)
		images += at.Images
	}
	if len(orphans) > 0 {
		return records, orphans
	}
	g := acc.Generation
	g.Cost = Sum(costs...)
	if g.Outcome == "" {
		g.Outcome = switchyard.Lost
		g.Attempts = len(acc.Attempts)
		g.Delivered = images
	}
	return append(records, EndRecord(g)), nil
}

// Lose ends an attempt whose process died. That its request never left cannot be known.
func Lose(a switchyard.Attempt) switchyard.Attempt {
	a.Outcome = switchyard.Lost
	a.Stage = switchyard.Sent
	a.Cost = a.Estimate
	a.Cost.Charge = switchyard.ChargePossible
	return a
}
