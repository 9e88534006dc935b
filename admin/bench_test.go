package admin_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"switchyard"
	"switchyard/admin"
	"switchyard/ledger"
	"switchyard/ledger/sqlite"
)

// million is as many generations as the benchmark's ledger has, over thirty days.
const million = 1_000_000

// BenchmarkDashboard is each page before a ledger of a million generations. p50-ms is the median answer, its database
// included.
func BenchmarkDashboard(b *testing.B) {
	store, err := sqlite.Open(b.Context(), sqlite.Config{Path: filepath.Join(b.TempDir(), "db")})
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	last := fill(b, store)
	d := newDesk(&testing.T{})
	d.Ledger, d.Observer = store, store
	d.Providers = func() map[string][]string {
		return map[string][]string{"fal": {"native:fal", "flux", "sdxl"}, "google": {"native:google", "nano"}, "openai": {"native:openai", "gpt"}}
	}
	d.Live = &admin.Live{}
	d.Init()
	d.login()
	for _, path := range []string{"?range=1h", "?range=24h", "?range=7d", "?range=30d", "/generations", "/generations?range=30d", "/generations/" + last} {
		b.Run(path, func(b *testing.B) {
			var times []time.Duration
			for b.Loop() {
				r := httptest.NewRequest(http.MethodGet, "http://localhost/admin/ai-metrics"+path, nil)
				r.AddCookie(d.cookie)
				w := httptest.NewRecorder()
				began := time.Now()
				d.ServeHTTP(w, r)
				times = append(times, time.Since(began))
				if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "<tr") || strings.Contains(w.Body.String(), "cannot be read") {
					b.Fatal(w.Code, w.Body)
				}
			}
			slices.Sort(times)
			b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "p50-ms")
		})
	}
}

// fill makes the ledger, and is the id of the newest generation.
func fill(b *testing.B, store *sqlite.Store) (last string) {
	b.Helper()
	const batch = 5000
	dice := rand.New(rand.NewPCG(1, 2))
	begin := time.Now().Add(-30 * 24 * time.Hour)
	targets := [][2]string{{"fal", "flux"}, {"fal", "sdxl"}, {"google", "nano"}, {"openai", "gpt"}}
	for i := 0; i < million; i += batch {
		records := make([]ledger.Record, 0, 2*batch)
		for n := i; n < i+batch; n++ {
			t := targets[dice.IntN(len(targets))]
			last = fmt.Sprintf("%016x%016x", dice.Uint64(), dice.Uint64())
			cost := switchyard.Cost{Amount: switchyard.Dollar / 25, Basis: switchyard.BasisBook, Charge: switchyard.ChargeSettled}
			a := switchyard.Attempt{
				ID: last, Generation: last, Number: 1, Target: t[1], Provider: t[0], Model: "m", Started: begin.Add(time.Duration(n) * (30 * 24 * time.Hour / million)),
				Latency: time.Duration(dice.IntN(9000)) * time.Millisecond, Stage: switchyard.Answered, Outcome: switchyard.OK, Status: 200, Images: 1, Cost: cost,
			}
			g := switchyard.Generation{
				ID: last, Kind: "generation", Dialect: "openai", Model: "m", Route: []string{"pro", "free", "trial"}[dice.IntN(3)], Started: a.Started, Latency: a.Latency,
				Outcome: switchyard.OK, Target: t[1], Provider: t[0], Served: "m", Attempts: 1, Asked: 1, Delivered: 1, Cost: cost, Fidelity: "exact",
			}
			records = append(records, ledger.SettleRecord(a), ledger.EndRecord(g))
		}
		if err := store.Apply(b.Context(), ledger.Batch{Journal: "j", Last: uint64(i + batch), Records: records}); err != nil {
			b.Fatal(err)
		}
	}
	return last
}
