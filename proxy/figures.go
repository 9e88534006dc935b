package proxy

import (
	"time"

	"switchyard"
)

// mean is in seconds, to the millisecond.
func mean(sum time.Duration, n int) float64 {
	if n == 0 {
		return 0
	}
	return (sum / time.Duration(n)).Round(time.Millisecond).Seconds()
}

// costText is dollars, or that nobody knows.
func costText(c switchyard.Cost) string {
	if c.Basis == switchyard.BasisUnknown {
		return "unknown"
	}
	return c.Amount.String()
}
