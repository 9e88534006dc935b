package ledgertest

import (
	"database/sql"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"switchyard"
	"switchyard/ledger"
)

// generationLogs: the view is read by people with a SQL prompt, so the test does just that.
func generationLogs(t *testing.T, x Technology) {
	s, db := x.Fresh(t)
	failed, pass := Ended(Generation("failed")), Ended(Generation("pass"))
	failed.Outcome, failed.Provider, failed.Cost = switchyard.Overloaded, "", Cost(0, switchyard.BasisUnknown, switchyard.ChargePossible)
	failed.Labels = nil
	pass.Kind = "passthrough"
	Apply(t, s, "e", ledger.EndRecord(Ended(Generation("g"))), ledger.EndRecord(failed), ledger.EndRecord(pass),
		ledger.SettleRecord(Done(Attempt("1", "failed"))), ledger.BeginRecord(Generation("running")))
	rate(t, s, "g", ledger.ThumbsUp)
	got := ask(t.Context(), t, db, `SELECT avatar_id, style_id, provider, generation_time, cost, user_rating, success FROM generation_logs ORDER BY id`,
		func(rows *sql.Rows) (string, error) {
			var avatar, style, provider, rating sql.NullString
			var ms int
			var success bool
			var dollars sql.NullFloat64
			err := rows.Scan(&avatar, &style, &provider, &ms, &dollars, &rating, &success)
			return fmt.Sprintln(avatar, style, provider, ms, dollars, rating, success), err
		})
	const want = "{ false} { false} {fal true} 1600 {0 false} { false} false\n" +
		"{7 true} {pixar true} {fal true} 1600 {0.024 true} {thumbs_up true} true\n"
	if strings.Join(got, "") != want {
		t.Errorf("got\n%swant\n%s", strings.Join(got, ""), want)
	}
}

// plainSQL are the questions that people ask of such a table, in their own words, without a cast.
func plainSQL(t *testing.T, x Technology) {
	s, db := x.Fresh(t)
	for i, id := range []string{"a", "b", "c", "old"} {
		g := Ended(Generation(id))
		g.Started, g.Latency = time.Now(), time.Duration(i+1)*time.Second
		if id == "c" {
			g.Outcome, g.Provider, g.Cost = switchyard.Timeout, "google", Cost(0, switchyard.BasisUnknown, switchyard.ChargePossible)
		}
		if id == "old" {
			g.Started = g.Started.Add(-25 * time.Hour)
		}
		Apply(t, s, "e", ledger.EndRecord(g))
	}
	rate(t, s, "a", ledger.ThumbsUp)
	rate(t, s, "b", ledger.ThumbsDown)
	for _, c := range []struct{ query, want string }{
		{`SELECT provider, COUNT(*) FROM generation_logs WHERE user_rating IS NOT NULL GROUP BY provider`, "fal 2"},
		{`SELECT provider, SUM(CASE WHEN user_rating = 'thumbs_up' THEN 1 ELSE 0 END), AVG(generation_time), AVG(cost)
			FROM generation_logs GROUP BY provider ORDER BY provider`, "fal 1 2333.333 0.024, google 0 3000 NULL"},
		{`SELECT COUNT(*), AVG(generation_time), SUM(cost), AVG(CASE WHEN success THEN 1.0 ELSE 0 END)
			FROM generation_logs WHERE created_at > ` + x.DayAgo, "3 2000 0.048 0.667"},
	} {
		if got := strings.Join(ask(t.Context(), t, db, c.query, words), ", "); got != c.want {
			t.Errorf("%s\ngot  %s\nwant %s", c.query, got, c.want)
		}
	}
}

// words returns a row as text. Its numbers are rounded, for databases differ in how many digits they give.
func words(rows *sql.Rows) (string, error) {
	columns, err := rows.Columns()
	if err != nil {
		return "", err
	}
	values, fields := make([]sql.NullString, len(columns)), make([]any, len(columns))
	for i := range values {
		fields[i] = &values[i]
	}
	if err := rows.Scan(fields...); err != nil {
		return "", err
	}
	out := make([]string, len(values))
	for i, v := range values {
		var n float64
		switch _, err := fmt.Sscanf(v.String, "%g", &n); {
		case !v.Valid:
			out[i] = "NULL"
		case err == nil:
			out[i] = fmt.Sprint(math.Round(n*1000) / 1000)
		default:
			out[i] = v.String
		}
	}
	return strings.Join(out, " "), nil
}
