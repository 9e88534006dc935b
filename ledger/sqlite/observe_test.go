package sqlite_test

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"switchyard"
	"switchyard/ledger"
)

// ofVariant is a generation that ended after so long.
func ofVariant(id, variant string, latency time.Duration) ledger.Record {
	g := ended(generation(id))
	g.Variant, g.Latency = variant, latency
	return ledger.EndRecord(g)
}

// TestObservations: what ended, in the order in which it did, then the ratings as they were last given, in the order in which they first were.
func TestObservations(t *testing.T) {
	s, path := fresh(t)
	running, failed := generation("g4"), generation("g5")
	running.Variant, failed.Variant = "x:flux", "x:flux"
	failed.Outcome, failed.Latency, failed.Cost.Basis = switchyard.Timeout, 4*time.Second, switchyard.BasisUnknown
	apply(t, s, "e", ofVariant("g1", "x:flux", 3*time.Second), ofVariant("g2", "x:nano", time.Second), ofVariant("g3", "x:flux", 2*time.Second),
		ledger.BeginRecord(running), ledger.EndRecord(failed), ofVariant("o1", "xx:flux", time.Second), ofVariant("o2", "x", time.Second),
		ofVariant("o3", "", time.Second), ofVariant("o4", "x;flux", time.Second))
	for _, r := range [][2]string{{"g1", "thumbs_up"}, {"g2", "thumbs_down"}, {"g1", "thumbs_down"}, {"o1", "thumbs_up"}} {
		if err := s.Rate(t.Context(), "acme", r[0], r[1]); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	err := s.Observations(t.Context(), "x", func(o ledger.Observation) error {
		got = append(got, fmt.Sprintln(o.Variant, o.Target, o.Outcome, o.Latency, o.Cost.Amount, o.Cost.Basis, o.Images, o.Rating))
		return nil
	})
	want := "x:nano flux ok 1s 0.024 price-book 1 \n" +
		"x:flux flux ok 2s 0.024 price-book 1 \n" +
		"x:flux flux ok 3s 0.024 price-book 1 \n" +
		"x:flux  timeout 4s 0 unknown 0 \n" +
		"x:flux flux  0s 0  0 thumbs_down\n" +
		"x:nano flux  0s 0  0 thumbs_down\n"
	if strings.Join(got, "") != want || err != nil {
		t.Errorf("%v\n%s", err, strings.Join(got, ""))
	}
	full := errors.New("full")
	if err := s.Observations(t.Context(), "x", func(ledger.Observation) error { return full }); !errors.Is(err, full) {
		t.Errorf("%v", err)
	}
	if plan := explain(t, path); !strings.Contains(plan, "USING INDEX generations_variant") {
		t.Errorf("the whole ledger is read: %s", plan)
	}
}

// explain is how SQLite looks for the generations of an experiment.
func explain(t *testing.T, path string) (plan string) {
	t.Helper()
	db, err := sql.Open("sqlite", path2dsn(path))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(`EXPLAIN QUERY PLAN SELECT id FROM generations WHERE variant <> '' AND variant >= ? || ':' AND variant < ? || ';'`, "x", "x")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		plan += detail + "\n"
	}
	return plan
}
