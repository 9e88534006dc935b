package sqlstore_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"switchyard/ledger/internal/sqlstore"
)

// The 95th percentile is a latency that there was, however many there are.
func TestP95(t *testing.T) {
	dice := rand.New(rand.NewPCG(5, 6))
	for _, n := range []int{0, 1, 2, 19, 20, 21, 39, 40, 100, 4095, 4096, 4097, 20_000} {
		for _, different := range []int64{1, 3, 1 << 40} {
			list := make([]int64, n)
			for i := range list {
				list[i] = dice.Int64N(different)
			}
			got := sqlstore.P95(list)
			slices.Sort(list)
			want := int64(0)
			for i := n - 1; i >= 0 && 100*(i+1) >= 95*n; i-- {
				want = list[i]
			}
			if got != want {
				t.Errorf("of %d, %d different: %d, want %d", n, different, got, want)
			}
		}
	}
}
