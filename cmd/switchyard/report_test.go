package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"switchyard"
	"switchyard/ledger"
	"switchyard/ledger/ledgertest"
	"switchyard/ledger/postgres/postgrestest"
)

// books writes a ledger, leaves it open as serve does, and is a config file that names it.
func books(t *testing.T, address string) (config string) {
	t.Helper()
	dir := t.TempDir()
	d := database(strings.ReplaceAll(address, "{dir}", dir))
	s, err := d.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	ledgertest.Books(t, s)
	odd := ledgertest.Done(ledgertest.Attempt("odd", "odd"))
	odd.Provider, odd.Model, odd.Cost = "strange", "=1+1\x1b", switchyard.Cost{Basis: switchyard.BasisUnknown, Charge: switchyard.ChargeSettled}
	ledgertest.Apply(t, s, "e", ledger.SettleRecord(odd))
	config = filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, "store: {database: %q, journal: %q}\n", string(d), dir+"/journal"), 0o600); err != nil {
		t.Fatal(err)
	}
	return config
}

// report runs the command over the day of the books.
func report(t *testing.T, config string, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	args = append([]string{"report", "--config", config, "--since", "2026-11-24", "--until", "2026-11-25"}, args...)
	if code := run(t.Context(), args, noEnv, &stdout, &stderr); code != 0 || stderr.Len() > 0 {
		t.Fatalf("%v: %d %s", args, code, stderr.String())
	}
	return stdout.String()
}

func TestReport(t *testing.T) {
	config := books(t, "sqlite:{dir}/x.db")
	const table = `
PROVIDER  GENERATIONS  ATTEMPTS  IMAGES  SUCCESS    MEAN     P95             COST  INCL. POSSIBLE  UNKNOWN     PER IMAGE
fal                19        19      16   94.1 %  12.3 s  20.0 s  $0.41 + unknown           $0.05        1  $0.027333333
google              1         1       1    100 %   1.0 s   1.0 s            $0.04           $0.00        0         $0.04
strange             1         1       1    100 %   1.5 s   1.5 s          unknown           $0.00        1       unknown
`
	if got := report(t, config); got != table[1:] {
		t.Errorf("got\n%swant%s", got, table)
	}
	if got := report(t, config, "--by", "model"); !strings.HasPrefix(got, "MODEL ") || !strings.Contains(got, "\n\"=1+1\\x1b\" ") {
		t.Errorf("a terminal is told\n%q", got)
	}
	const csv = `tier,generations,attempts,images,success,mean_seconds,p95_seconds,cost_usd,possible_usd,unknown_costs,cost_per_image_usd
free,2,3,2,1.000,1.500,2.000,0.065,0.025,1,0.065
pro,17,17,15,1.000,13.000,20.000,0.385,0.025,0,0.025666667
`
	if got := report(t, config, "--by", "tier", "--csv"); got != csv {
		t.Errorf("got\n%s", got)
	}
	var got struct{ Groups []map[string]any }
	if err := json.Unmarshal([]byte(report(t, config, "--json")), &got); err != nil || len(got.Groups) != 3 {
		t.Fatalf("%+v, %v", got, err)
	}
	if g := got.Groups[0]; g["cost_usd"] != 0.41 || g["success"] != 16.0/17 || g["unknown_costs"] != 1.0 {
		t.Errorf("%+v", g)
	}
	if g := got.Groups[2]; g["group"] != "strange" || g["cost_usd"] != nil || g["cost_per_image_usd"] != nil {
		t.Errorf("what nobody knows is told as %+v", g)
	}
}

func TestReportRows(t *testing.T) {
	config := books(t, "sqlite:{dir}/x.db")
	lines := strings.Split(strings.TrimSpace(report(t, config, "--rows", "--csv")), "\n")
	if len(lines) != 1+21 || !strings.HasPrefix(lines[0], "id,generation,request_id,at,") {
		t.Fatalf("%d lines: %s", len(lines), lines[0])
	}
	text := strings.Join(lines, "\n")
	for _, want := range []string{
		"\na1,g1,r,2026-11-24T06:00:00.123456789Z,all,flux,fal,fal-ai/flux/dev,x:flux,ok,settled,unknown,unknown,1,2000\n",
		"\na3,g3,r,2026-11-24T06:00:00.123456789Z,all,flux,fal,fal-ai/flux/dev,x:flux,,possible,0.025,estimate,0,0\n",
		",strange,'=1+1\x1b,,ok,",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %q in\n%s", want, text)
		}
	}
	if n := strings.Count(report(t, config, "--rows", "--json"), "\n"); n != 21 {
		t.Errorf("%d rows as JSON", n)
	}
}

// The same figures from PostgreSQL.
func TestReportFromPostgreSQL(t *testing.T) {
	server := postgrestest.Start(t)
	there, here := books(t, server.URL("postgres")), books(t, "sqlite:{dir}/x.db")
	for _, args := range [][]string{{}, {"--by", "tier", "--json"}, {"--by", "model", "--csv"}, {"--by", "day"}, {"--rows"}} {
		if got, want := report(t, there, args...), report(t, here, args...); got != want {
			t.Errorf("%v\ngot\n%s\nwant\n%s", args, got, want)
		}
	}
}

func TestReportIsCalledWrongly(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(empty, fmt.Appendf(nil, "store: {database: \"sqlite:%s/none.db\"}\n", dir), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"--since 2026-11-02 --until 2026-11-01", exitUsage, "since 2026-11-02T00:00:00Z is after until 2026-11-01T00:00:00Z"},
		{"--since yesterday", exitUsage, `--since: want 7d, 36h, 2026-11-01 or 2026-11-01T12:00:00Z, got "yesterday"`},
		{"--since -7d", exitUsage, "--since"},
		{"--until 1w", exitUsage, "--until: want"},
		{"--since 2199-01-01", exitUsage, "is yet to come"},
		{"--by colour", exitUsage, "--by must be one of"},
		{"--json --csv", exitUsage, "can't be used together"},
		{"--config " + empty, exitFailed, "none.db"},
	} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), append([]string{"report"}, strings.Fields(c.args)...), noEnv, &stdout, &stderr)
		if code != c.code || !strings.Contains(stderr.String(), c.want) {
			t.Errorf("%s: %d %s", c.args, code, stderr.String())
		}
	}
}

func TestMoment(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"7d": now.AddDate(0, 0, -7), "36h": now.Add(-36 * time.Hour), "0d": now,
		"2026-11-01": time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), "2026-11-01T12:00:00+02:00": time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC),
	} {
		if got, err := moment(text, now); !got.Equal(want) || err != nil {
			t.Errorf("%s: got %v, %v", text, got, err)
		}
	}
}

// The tier of a row is its key's, whatever the app says; without one there, it is the app's word.
func TestTierOfAKey(t *testing.T) {
	k := startKit(t, `keys:
  - {name: paid, secret: key-paid, tenant: acme, labels: {tier: pro}}
  - {name: plain, secret: key-plain, tenant: acme}
`+twoProviders)
	for _, key := range []string{"key-paid", "key-plain"} {
		if a := k.post(openaiPath, `{"prompt":"a"}`, "X-Only", "gpt", "Authorization", "Bearer "+key, "X-Switchyard-Label-Tier", "gold"); a.status != 200 {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	k.rows()
	lines, err := k.side.store.Report(t.Context(), ledger.Query{By: ledger.ByTier})
	if err != nil || len(lines) != 2 || lines[0].Group != "gold" || lines[1].Group != "pro" {
		t.Errorf("%+v, %v", lines, err)
	}
}
