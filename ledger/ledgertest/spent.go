package ledgertest

import (
	"maps"
	"testing"
	"time"

	"switchyard"
	"switchyard/ledger"
)

// spentByWhom: what runs counts at its estimate, what ended at its cost, and unknown amounts are counted apart.
func spentByWhom(t *testing.T, x Technology) {
	s, _ := x.Fresh(t)
	running, ended, unknown, old := Attempt("a", "g"), Done(Attempt("b", "g")), Done(Attempt("c", "h")), Done(Attempt("d", "h"))
	unknown.Cost, unknown.Provider, unknown.Target = switchyard.Cost{Basis: switchyard.BasisUnknown, Charge: switchyard.ChargeSettled}, "google", "imagen"
	old.Started = Start.Add(-time.Hour)
	g, h := Generation("g"), Generation("h")
	h.Tenant, h.Key, h.Route = "other", "", "none"
	Apply(t, s, "e", ledger.BeginRecord(g), ledger.BeginRecord(h), ledger.OpenRecord(running), ledger.SettleRecord(ended),
		ledger.SettleRecord(unknown), ledger.SettleRecord(old))
	two, one := ledger.Spent{Money: 49_000_000, Images: 1}, ledger.Spent{Images: 1, Unknown: 1}
	for by, want := range map[ledger.Dimension]map[string]ledger.Spent{
		ledger.ByAll:      {"": {Money: 49_000_000, Images: 2, Unknown: 1}},
		ledger.ByProvider: {"fal": two, "google": one},
		ledger.ByTarget:   {"flux": two, "imagen": one},
		ledger.ByTenant:   {"acme": two, "other": one},
		ledger.ByKey:      {"web": two, "": one},
		ledger.ByRoute:    {"all": two, "none": one},
	} {
		got, err := s.Spent(t.Context(), by, Start, Start.Add(time.Hour))
		if err != nil || !maps.Equal(got, want) {
			t.Errorf("by %s: %+v %v, want %+v", by, got, err, want)
		}
	}
	if _, err := s.Spent(t.Context(), ledger.ByDay, Start, Start); err == nil {
		t.Error("days spend")
	}
}
