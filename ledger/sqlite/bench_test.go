//go:build unix

package sqlite_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"switchyard"
	"switchyard/ledger"
	"switchyard/ledger/ledgertest"
	"switchyard/ledger/sqlite"
)

// The ledger's share of a generation is CPU time, so that is what the benchmarks tell, background work included.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func perGeneration(b *testing.B, since time.Duration) {
	b.ReportMetric(float64((cpu(b)-since).Nanoseconds())/1000/float64(b.N), "cpu-µs/op")
}

// real is a generation with the names and ids that one has in service.
func real() (switchyard.Generation, switchyard.Attempt) {
	now := time.Now()
	g, a := ledgertest.Generation(switchyard.NewID(now)), ledgertest.Attempt(rand.Text(), "")
	g.RequestID, g.Prompt, g.Started = rand.Text(), fmt.Sprintf("%064x", 1<<60), now
	a.Generation, a.Started = g.ID, now
	return g, a
}

// BenchmarkLedger is a generation from its first record to its rows, while others go the same way.
func BenchmarkLedger(b *testing.B) {
	for _, callers := range []int{1, 32} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			j, s, err := parts(b.TempDir(), 0)
			if err != nil {
				b.Fatal(err)
			}
			a := ledger.NewApplier(ledger.ApplierConfig{Journal: j, Store: s, Linger: 200 * time.Millisecond})
			ctx, cancel := context.WithCancel(b.Context())
			stopped := make(chan error, 1)
			go func() { stopped <- a.Run(ctx) }()
			b.ReportAllocs()
			b.ResetTimer()
			since := cpu(b)
			concurrently(b, callers, func() error {
				g, at := real()
				if err := j.Append(b.Context(), ledger.BeginRecord(g), ledger.OpenRecord(at)); err != nil {
					return err
				}
				return j.Append(b.Context(), ledger.SettleRecord(ledgertest.Done(at)), ledger.EndRecord(ledgertest.Ended(g)))
			})
			if err := a.Flush(b.Context()); err != nil {
				b.Fatal(err)
			}
			perGeneration(b, since)
			b.ReportMetric(float64(j.Stats().Syncs)/float64(b.N), "syncs/op")
			b.StopTimer()
			cancel()
			for _, err := range []error{<-stopped, j.Close(), s.Close()} {
				if err != nil {
					b.Error(err)
				}
			}
		})
	}
}

func concurrently(b *testing.B, callers int, do func() error) {
	var n atomic.Int64
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for n.Add(1) <= int64(b.N) {
				if err := do(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

// BenchmarkApply is the store's part of it: of a generation that comes whole, and of one that takes so long that its
// beginning is applied before its end.
func BenchmarkApply(b *testing.B) {
	for _, apart := range []bool{false, true} {
		b.Run(fmt.Sprintf("apart=%v", apart), func(b *testing.B) {
			s, err := sqlite.Open(b.Context(), sqlite.Config{Path: filepath.Join(b.TempDir(), "x.db")})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			const batch = 256 // generations
			b.ReportAllocs()
			b.ResetTimer()
			since := cpu(b)
			for at := 0; at < b.N; at += batch {
				var begin, end []ledger.Record
				for range min(batch, b.N-at) {
					g, a := real()
					begin = append(begin, ledger.BeginRecord(g), ledger.OpenRecord(a))
					end = append(end, ledger.SettleRecord(ledgertest.Done(a)), ledger.EndRecord(ledgertest.Ended(g)))
				}
				if !apart {
					begin, end = append(begin, end...), nil
				}
				for _, records := range [][]ledger.Record{begin, end} {
					if err := s.Apply(b.Context(), ledger.Batch{Journal: "j", Last: uint64(at), Records: records}); err != nil {
						b.Fatal(err)
					}
				}
			}
			perGeneration(b, since)
		})
	}
}

// BenchmarkSteps reads a day in quarters of an hour, of a ledger with a million generations in it that
// went to four targets.
func BenchmarkSteps(b *testing.B) {
	day := time.Now().UTC().Truncate(24 * time.Hour)
	s := million(b, day, 24*time.Hour)
	for b.Loop() {
		list, err := s.Targets(b.Context(), ledger.Steps{Since: day, Until: day.Add(24 * time.Hour), Step: 15 * time.Minute})
		if err != nil || len(list) != 4*96 {
			b.Fatal(len(list), err)
		}
	}
}

// BenchmarkReport is a report of thirty days with a million generations, and what budgets begin with.
func BenchmarkReport(b *testing.B) {
	since, month := time.Now().UTC().Add(-30*24*time.Hour), 30*24*time.Hour
	s := million(b, since, month)
	for by, groups := range map[ledger.Dimension]int{ledger.ByProvider: 3, ledger.ByRoute: 3, ledger.ByKey: 40} {
		b.Run("by="+string(by), func(b *testing.B) {
			b.ReportAllocs()
			began := cpu(b)
			for b.Loop() {
				lines, err := s.Report(b.Context(), ledger.Query{By: by, Span: ledger.Span{Since: since}})
				if err != nil || len(lines) != groups {
					b.Fatal(len(lines), err)
				}
			}
			b.ReportMetric((cpu(b)-began).Seconds()/float64(b.N), "cpu-s/op")
		})
		b.Run("spent="+string(by), func(b *testing.B) {
			began := cpu(b)
			for b.Loop() {
				spent, err := s.Spent(b.Context(), by, since, since.Add(month))
				if err != nil || len(spent) != groups {
					b.Fatal(len(spent), err)
				}
			}
			b.ReportMetric((cpu(b)-began).Seconds()/float64(b.N), "cpu-s/op")
		})
	}
}

// million is a ledger of as many generations, evenly over a span of time. Every twentieth fell back to another target.
func million(b *testing.B, since time.Time, span time.Duration) *sqlite.Store {
	b.Helper()
	s, err := sqlite.Open(b.Context(), sqlite.Config{Path: filepath.Join(b.TempDir(), "x.db")})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	const all, batch = 1_000_000, 4096
	for at := 0; at < all; at += batch {
		var records []ledger.Record
		for i := at; i < min(at+batch, all); i++ {
			records = append(records, nth(i, since.Add(time.Duration(i)*(span/all)))...)
		}
		if err := s.Apply(b.Context(), ledger.Batch{Journal: "j", Last: uint64(at), Records: records}); err != nil {
			b.Fatal(err)
		}
	}
	return s
}

func nth(i int, started time.Time) (records []ledger.Record) {
	targets, providers := []string{"flux", "google-image", "fast-sdxl", "face-to-many"}, []string{"fal", "google", "fal", "replicate"}
	g, a := real()
	g.ID, g.Started, g.Route, g.Key = switchyard.NewID(started), started, []string{"all", "avatars", "edits"}[i%3], fmt.Sprint("key", i%40)
	a = ledgertest.Done(a)
	a.Generation, a.Part, a.Started, a.Latency = g.ID, 0, started, time.Duration(i%20011)*time.Millisecond
	if i%20 == 0 {
		failed := a
		failed.ID, failed.Target, failed.Provider, failed.Outcome, failed.Images = rand.Text(), targets[(i+1)%4], providers[(i+1)%4], switchyard.Timeout, 0
		failed.Cost = ledgertest.Cost(25_000_000, switchyard.BasisEstimate, switchyard.ChargePossible)
		records, a.Number = append(records, ledger.SettleRecord(failed)), 2
	}
	a.Target, a.Provider = targets[i%4], providers[i%4]
	g = ledgertest.Ended(g)
	g.Latency = a.Latency
	return append(records, ledger.SettleRecord(a), ledger.EndRecord(g))
}
