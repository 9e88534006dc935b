package ledger

import (
	"fmt"
	"time"

	"switchyard"
)

// Bounds are the upper bounds of the buckets that latencies are counted in. Each is half as much again as the one before, so a
// quantile read from them is wrong by a fifth at most. Latencies above the last bound are in a bucket of their own.
var Bounds = [...]time.Duration{
	50 * time.Millisecond, 75 * time.Millisecond, 110 * time.Millisecond, 170 * time.Millisecond, 250 * time.Millisecond,
	380 * time.Millisecond, 570 * time.Millisecond, 850 * time.Millisecond, 1300 * time.Millisecond, 1900 * time.Millisecond,
	2900 * time.Millisecond, 4300 * time.Millisecond, 6500 * time.Millisecond, 9700 * time.Millisecond,
	14600 * time.Millisecond, 22 * time.Second, 33 * time.Second, 49 * time.Second, 74 * time.Second, 111 * time.Second,
	166 * time.Second, 249 * time.Second,
}

// Histogram counts latencies by Bounds.
type Histogram [len(Bounds) + 1]int

// Observe counts one.
func (h *Histogram) Observe(d time.Duration) { h[bucket(d)]++ }

// Add counts all that o has.
func (h *Histogram) Add(o *Histogram) {
	for i, n := range o {
		h[i] += n
	}
}

// Quantile returns the latency that a share q of those counted did not exceed, read off a straight line within its bucket, as
// Prometheus does. It is 0 if nothing was counted, and the last bound if the latency is beyond that.
func (h *Histogram) Quantile(q float64) time.Duration {
	total := 0
	for _, n := range h {
		total += n
	}
	if total == 0 {
		return 0
	}
	rank, below := q*float64(total), 0
	for i, n := range h {
		if float64(below+n) < rank || n == 0 {
			below += n
			continue
		}
		if i == len(Bounds) {
			break
		}
		low := time.Duration(0)
		if i > 0 {
			low = Bounds[i-1]
		}
		return low + time.Duration((rank-float64(below))/float64(n)*float64(Bounds[i]-low))
	}
	return Bounds[len(Bounds)-1]
}

// bucket returns the index of the count that a latency belongs to.
func bucket(d time.Duration) int {
	for i, bound := range Bounds {
		if d <= bound {
			return i
		}
	}
	return len(Bounds)
}

// Sums is what a number of attempts, or of generations, came to.
type Sums struct {
	Count    int              // that have ended
	OK       int              // of them, those that ended well
	Neither  int              // of them, those whose outcome says nothing about the target or route: see switchyard.Neither
	Images   int              // delivered
	Cost     switchyard.Money // known amounts, settled and possible
	Possible switchyard.Money // the part of Cost that may not have been charged
	Unknown  int              // how many cost an amount that nobody knows
	Busy     time.Duration    // latencies of those that ended well, added up
	Latency  Histogram        // of those that ended well
}

// Add adds what o came to.
func (s *Sums) Add(o *Sums) {
	s.Count += o.Count
	s.OK += o.OK
	s.Neither += o.Neither
	s.Images += o.Images
	s.Cost += o.Cost
	s.Possible += o.Possible
	s.Unknown += o.Unknown
	s.Busy += o.Busy
	s.Latency.Add(&o.Latency)
}

// Take takes away what o came to, the opposite of Add.
func (s *Sums) Take(o *Sums) {
	s.Count -= o.Count
	s.OK -= o.OK
	s.Neither -= o.Neither
	s.Images -= o.Images
	s.Cost -= o.Cost
	s.Possible -= o.Possible
	s.Unknown -= o.Unknown
	s.Busy -= o.Busy
	for i, n := range o.Latency {
		s.Latency[i] -= n
	}
}

// Success returns the share that ended well, 0 to 1, of those whose outcome says something about the target or route; known is false
// if there are none.
func (s *Sums) Success() (share float64, known bool) {
	if n := s.Count - s.Neither; n > 0 {
		return float64(s.OK) / float64(n), true
	}
	return 0, false
}

// Mean returns the mean latency of those that ended well; 0 without any.
func (s *Sums) Mean() time.Duration {
	if s.OK == 0 {
		return 0
	}
	return s.Busy / time.Duration(s.OK)
}

// Spans are the lengths of time that stores keep sums of, the shortest first. An answer is made of the longest that will do: each row
// of sums costs time to read.
var Spans = [...]time.Duration{time.Minute, 15 * time.Minute, time.Hour}

// MinutesKept is how long stores keep the sums of spans that are shorter than an hour. Those of hours are kept as long as
// the ledger itself.
const MinutesKept = 8 * 24 * time.Hour

// Steps asks for rollups of what started from Since on, up to but not including Until, in steps of Step, which begin at multiples of
// it since 1970 UTC. A Step is a number of whole minutes; 0 makes one step of everything. Since and Until are widened to whole steps;
// if Step is 0, to whole minutes, or to whole hours if they are further apart than MinutesKept. What is older than MinutesKept is
// found only by steps of whole hours, or, if Step is 0, by asking for a longer time than MinutesKept.
type Steps struct {
	Since, Until time.Time // zero: from the first, to the last
	Step         time.Duration
}

// Span returns the one of Spans to read. It errs if Step is not a number of whole minutes, or if Since is after Until.
func (s Steps) Span() (time.Duration, error) {
	if s.Step < 0 || s.Step%time.Minute != 0 {
		return 0, fmt.Errorf("step %v: want whole minutes", s.Step)
	}
	if err := (Span{s.Since, s.Until}).Validate(); err != nil {
		return 0, err
	}
	if s.Step == 0 {
		if s.Since.IsZero() || s.Until.IsZero() || s.Until.Sub(s.Since) > MinutesKept {
			return time.Hour, nil
		}
		return time.Minute, nil
	}
	longest := time.Minute
	for _, span := range Spans {
		if s.Step%span == 0 {
			longest = span
		}
	}
	return longest, nil
}

// Begin returns when the step begins that at is in; Step must not be 0. Time.Truncate would not do: it counts from the year 1, and
// finds another moment if a day is not a multiple of Step.
func (s Steps) Begin(at time.Time) time.Time {
	seconds := at.Unix() // a count of nanoseconds ends with the year 2262
	return time.Unix(seconds-seconds%int64(s.Step/time.Second), 0).UTC()
}

// TargetStep is what the attempts at one target came to in one step of time.
type TargetStep struct {
	At       time.Time // when the step began
	Provider string
	Target   string
	Sums
}

// RouteStep is what the generations of one route came to in one step of time. What passed through is not among them.
type RouteStep struct {
	At    time.Time
	Route string
	Sums
}
