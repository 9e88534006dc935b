package limit

import (
	"time"

	"golang.org/x/time/rate"

	"switchyard"
)

// maxBatch bounds the images of one request that a bucket counts, and so the work of counting them.
const maxBatch = 10_000

// bucket is a token bucket that can be reconfigured in place. The zero bucket is no limit. Requires external locking.
type bucket struct{ lim *rate.Limiter }

// set changes rate and burst, and keeps what has been spent.
func (b *bucket) set(r switchyard.Rate, burst int, now time.Time) {
	switch {
	case r.PerSecond() == 0:
		b.lim = nil
	case b.lim == nil:
		b.lim = rate.NewLimiter(rate.Limit(r.PerSecond()), burst)
	default:
		b.lim.SetLimitAt(now, rate.Limit(r.PerSecond()))
		b.lim.SetBurstAt(now, burst)
	}
}

// reserve takes n tokens, and says when they may be used. If n is more than a full bucket, so many would never be there
// at once. Such a batch waits for a full bucket and leaves the rest as a debt to whoever comes next: so it passes, and
// the mean rate holds.
func (b *bucket) reserve(n int, now time.Time) (wait time.Duration, undo func(time.Time)) {
	if b.lim == nil || n <= 0 {
		return 0, func(time.Time) {}
	}
	burst := b.lim.Burst()
	first := b.lim.ReserveN(now, min(n, burst))
	wait = first.DelayFrom(now)
	taken := []*rate.Reservation{first}
	for left := min(n, maxBatch) - burst; left > 0; left -= burst {
		taken = append(taken, b.lim.ReserveN(now, min(left, burst)))
	}
	return wait, func(at time.Time) {
		// Undo the last one first: a reservation gives back only what was not reserved again after it. It gives back
		// nothing once its time has come, so a refusal must undo at the very instant at which it reserved.
		for i := len(taken) - 1; i >= 0; i-- {
			taken[i].CancelAt(at)
		}
	}
}
