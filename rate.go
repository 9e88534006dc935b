package switchyard

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Rate is a number of events in a span of time, written "10/s", "600/m" or "3/h". The zero Rate is no limit.
type Rate struct {
	Events float64
	Per    time.Duration
}

var ratePer = map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}

// ParseRate reads "10/s".
func ParseRate(s string) (Rate, error) {
	n, unit, ok := strings.Cut(s, "/")
	events, err := strconv.ParseFloat(n, 64)
	per := ratePer[unit]
	if !ok || err != nil || !(events > 0) || events > 1e9 || per == 0 {
		return Rate{}, fmt.Errorf("rate %q: want a number by s, m, h or d, for example 10/s", s)
	}
	return Rate{events, per}, nil
}

// PerSecond is the rate as events by the second; 0 for no limit.
func (r Rate) PerSecond() float64 {
	if r.Per == 0 {
		return 0
	}
	return r.Events / r.Per.Seconds()
}

// String is the inverse of ParseRate.
func (r Rate) String() string {
	for unit, per := range ratePer {
		if per == r.Per {
			return strconv.FormatFloat(r.Events, 'g', -1, 64) + "/" + unit
		}
	}
	return ""
}

// UnmarshalText lets rates stand in YAML as "10/s".
func (r *Rate) UnmarshalText(b []byte) (err error) { *r, err = ParseRate(string(b)); return err }

// MarshalText is the inverse of UnmarshalText.
func (r Rate) MarshalText() ([]byte, error) { return []byte(r.String()), nil }
