package ledgertest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"switchyard"
	"switchyard/ledger"
)

func ratings(t *testing.T, x Technology) {
	s, _ := x.Fresh(t)
	Apply(t, s, "e", ledger.EndRecord(Ended(Generation("g"))))
	for _, tc := range []struct {
		tenant, id, rating string
		want               error
	}{
		{"acme", "g", ledger.ThumbsUp, nil},
		{"acme", "g", ledger.ThumbsDown, nil},
		{"stranger", "g", ledger.ThumbsUp, ledger.ErrNotFound},
		{"acme", "none", ledger.ThumbsUp, ledger.ErrNotFound},
	} {
		if err := s.Rate(t.Context(), tc.tenant, tc.id, tc.rating); !errors.Is(err, tc.want) {
			t.Errorf("%+v: got %v", tc, err)
		}
	}
	if err := s.Rate(t.Context(), "acme", "g", "great"); switchyard.AsError(err).Kind != switchyard.BadRequest {
		t.Errorf("got %v", err)
	}
	if got := account(t, s).Rating; got != ledger.ThumbsDown {
		t.Errorf("the last word counts: got %q", got)
	}
}

// ofVariant is a generation that ended after so long.
func ofVariant(id, variant string, latency time.Duration) ledger.Record {
	g := Ended(Generation(id))
	g.Variant, g.Latency = variant, latency
	return ledger.EndRecord(g)
}

// observations: first the generations in the order in which they ended, then the ratings, each as it was last given, in the order in which
// they were first given.
func observations(t *testing.T, x Technology) {
	s, _ := x.Fresh(t)
	running, failed := Generation("g4"), Generation("g5")
	running.Variant, failed.Variant = "x:flux", "x:flux"
	failed.Outcome, failed.Latency, failed.Cost.Basis = switchyard.Timeout, 4*time.Second, switchyard.BasisUnknown
	Apply(t, s, "e", ofVariant("g1", "x:flux", 3*time.Second), ofVariant("g2", "x:nano", time.Second), ofVariant("g3", "x:flux", 2*time.Second),
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
}
