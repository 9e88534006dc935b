package admin

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"

	"switchyard"
	"switchyard/breaker"
	"switchyard/ledger"
)

// words is how pages say things.
var words = template.FuncMap{
	"count":    count,
	"dollars":  dollars,
	"share":    switchyard.Percent,
	"duration": duration,
	"clock":    clock,
	"stamp":    func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") },
	"machine":  func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	"millis":   func(d time.Duration) int64 { return d.Milliseconds() },
	"outcome":  outcomeWords,
	"mood":     mood,
	"named":    targetWords,
	"short":    short,
	"settled":  func(s ledger.Sums) switchyard.Money { return s.Cost - s.Possible },
	"failed":   func(s ledger.Sums) int { return s.Count - s.OK - s.Neither },
	"quantile": func(s ledger.Sums, q float64) time.Duration { return s.Latency.Quantile(q) },
	"success":  successOf,
	"rest":     func(x float64) float64 { return 1 - x },
}

// count writes a number, with its thousands apart.
func count(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// dollars writes money as people read it: to the cent from a dollar on, below that to a hundredth of a cent. The exact
// amount is shown to those who point at it. An amount that is too small to show is not written as nothing.
func dollars(m switchyard.Money) string {
	if m < 0 {
		return "−" + dollars(-m)
	}
	unit := switchyard.Dollar / 10_000
	if m >= switchyard.Dollar {
		unit = switchyard.Dollar / 100
	}
	rounded := m.Times(1, int64(unit)) * unit
	if rounded == 0 && m != 0 {
		return "<$0.0001"
	}
	whole, part := rounded/switchyard.Dollar, rounded%switchyard.Dollar
	digits := fmt.Sprintf("%09d", int64(part))[:4]
	if strings.HasSuffix(digits, "00") {
		digits = digits[:2]
	}
	return "$" + count(int(whole)) + "." + digits
}

func duration(d time.Duration) string {
	switch {
	case d <= 0:
		return "—"
	case d < time.Second:
		return strconv.FormatInt(max(d.Milliseconds(), 1), 10) + " ms"
	case d < 100*time.Second:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	case d < 100*time.Minute:
		return strconv.Itoa(int(d.Minutes()+0.5)) + " min"
	}
	return strconv.Itoa(int(d.Hours()+0.5)) + " h"
}

// clock writes a time of day, with the date if that is not today's.
func clock(t, now time.Time) string {
	t, now = t.UTC(), now.UTC()
	if t.Truncate(24 * time.Hour).Equal(now.Truncate(24 * time.Hour)) {
		return t.Format("15:04:05")
	}
	return t.Format("Jan 2, 15:04")
}

func outcomeWords(o switchyard.Outcome) string {
	if o == "" {
		return "running"
	}
	return strings.ReplaceAll(string(o), "_", " ")
}

// mood returns how an outcome is marked; the word always stands beside the mark.
func mood(o switchyard.Outcome) string {
	switch {
	case o == switchyard.OK:
		return "good"
	case o == "":
		return "busy"
	case o.Blames() || o == switchyard.Lost:
		return "bad"
	}
	return "warn"
}

// targetWords names a target as people know it.
func targetWords(target string) string {
	if native(target) {
		return "as the app asked"
	}
	return target
}

// short returns the beginning of a long id.
func short(id string) string {
	if len(id) > 12 {
		return id[:10] + "…"
	}
	return id
}

// wait writes a time to come, in whole seconds.
func wait(d time.Duration) string {
	return strconv.Itoa(int(max(d, time.Second).Round(time.Second).Seconds())) + " s"
}

// phaseWords says in words what a breaker does.
func phaseWords(s breaker.State) string {
	switch {
	case s.Phase == breaker.Open && s.Wait > 0:
		return "open, next try in " + wait(s.Wait)
	case s.Phase == breaker.Open:
		return "open, next try at once"
	case s.Phase == breaker.HalfOpen:
		return "half-open, one may try"
	case s.Wait > 0:
		return "asked to wait " + wait(s.Wait)
	}
	return "closed"
}

// success is a share of successes, and how it is marked.
type success struct {
	Share float64
	Known bool
	Mood  string
}

func successOf(s ledger.Sums) success {
	share, known := s.Success()
	mood := "good"
	switch {
	case share < 0.9:
		mood = "bad"
	case share < 0.99:
		mood = "warn"
	}
	return success{share, known, mood}
}
