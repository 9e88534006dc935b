package sqlite_test

import (
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"switchyard/ledger"
)

func BenchmarkJournal(b *testing.B) {
	for _, callers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			j, err := ledger.OpenJournal(ledger.JournalConfig{Dir: filepath.Join(b.TempDir(), "j")})
			if err != nil {
				b.Fatal(err)
			}
			defer j.Close()
			a := attempt("benchmark-attempt-0123456789", "benchmark-generation-0123456789")
			var n atomic.Int64
			var wg sync.WaitGroup
			b.ResetTimer()
			for range callers {
				wg.Go(func() {
					for n.Add(1) <= int64(b.N) {
						if err := j.Open(b.Context(), a); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
			b.ReportMetric(float64(j.Stats().Syncs)/b.Elapsed().Seconds(), "syncs/s")
		})
	}
}

func BenchmarkApply(b *testing.B) {
	for _, size := range []int{1, 64, 512} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) {
			s, _ := fresh(b)
			records := make([]ledger.Record, size)
			rows := 0
			for b.Loop() {
				for i := range records {
					id := fmt.Sprintf("attempt-%026d", rows)
					records[i] = ledger.SettleRecord(done(attempt(id, id)))
					rows++
				}
				if err := s.Apply(b.Context(), ledger.Batch{Journal: "j", Last: uint64(rows), Records: records}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
