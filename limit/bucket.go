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

// reserve takes n tokens, and says when they may be used. More than a full bucket would never be there at once: such a
// batch waits for a full one and leaves the rest as a debt for whoever comes next, so that it passes, and the mean holds.
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
		// The last one first: a reservation gives back only what nobody reserved after it. And nothing once its time
		// has come, so that a refusal must undo at the very instant at which it reserved.
		for i := len(taken) - 1; i >= 0; i-- {
			taken[i].CancelAt(at)
		}
	}
}
