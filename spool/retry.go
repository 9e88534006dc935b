package spool

import (
	"net/http"
	"strconv"
	"time"
)

// RetryAfter is an answer's Retry-After: seconds, or a date, which is compared with the answer's own Date so that the
// clocks need not agree. It is 0 if there is none.
func RetryAfter(h http.Header) time.Duration {
	text := h.Get("Retry-After")
	if s, err := strconv.ParseFloat(text, 64); err == nil && s > 0 && s < 1e6 {
		return time.Duration(s * float64(time.Second))
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		now = time.Now()
	}
	return max(at.Sub(now), 0)
}
