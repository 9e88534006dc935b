package limit_test

import (
	"context"
	"errors"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"switchyard"
	"switchyard/limit"
)

var (
	google = limit.Name{Scope: limit.Provider, Name: "google"}
	nano   = limit.Name{Scope: limit.Target, Name: "google-image"}
	web    = limit.Name{Scope: limit.Key, Name: "web"}
)

func rate(t *testing.T, s string) switchyard.Rate {
	t.Helper()
	r, err := switchyard.ParseRate(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func registry(limits map[limit.Name]limit.Config) *limit.Registry {
	r := &limit.Registry{}
	r.Configure(limits)
	return r
}

// mustAcquire is Acquire for one image, or the test ends.
func mustAcquire(t *testing.T, r *limit.Registry, patience time.Duration, names ...limit.Name) (release func()) {
	t.Helper()
	release, err := r.Acquire(t.Context(), names, 1, patience)
	if err != nil {
		t.Fatalf("refused: %v", err)
	}
	return release
}

// mustThrottle checks that Acquire refuses with this advice.
func mustThrottle(t *testing.T, r *limit.Registry, n int, patience, after time.Duration, names ...limit.Name) {
	t.Helper()
	release, err := r.Acquire(t.Context(), names, n, patience)
	if err == nil {
		release()
		t.Fatal("admitted, want a refusal")
	}
	var e *switchyard.Error
	if !errors.As(err, &e) || !errors.Is(err, limit.ErrLimited) || e.Kind != switchyard.Throttled || e.Stage != switchyard.Unsent {
		t.Fatalf("got %#v", err)
	}
	if e.RetryAfter != after {
		t.Errorf("RetryAfter is %v, want %v", e.RetryAfter, after)
	}
}

func TestNothingIsLimitedUnlessConfigured(t *testing.T) {
	r := &limit.Registry{}
	var releases []func()
	for range 1000 {
		releases = append(releases, mustAcquire(t, r, 0, google, nano))
	}
	if got := r.Load(google); got != (limit.Load{InFlight: 1000}) {
		t.Errorf("load is %+v", got)
	}
	for _, release := range releases {
		release()
		release() // a second call does nothing
	}
	if got := r.Loads(); len(got) != 0 {
		t.Errorf("left behind: %v", got)
	}
}

func TestReleaseCountsOnce(t *testing.T) {
	r := registry(map[limit.Name]limit.Config{google: {Concurrent: 2}})
	first := mustAcquire(t, r, 0, google)
	defer mustAcquire(t, r, 0, google)()
	first()
	first()
	if got := r.Load(google); got != (limit.Load{InFlight: 1}) {
		t.Errorf("load is %+v", got)
	}
}

func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := registry(map[limit.Name]limit.Config{google: {Rate: rate(t, "2/s"), Burst: 3, Concurrent: 1}})
		for range 3 {
			mustAcquire(t, r, 0, google)()
		}
		mustThrottle(t, r, 1, 0, 500*time.Millisecond, google)
		mustThrottle(t, r, 1, 0, 500*time.Millisecond, google) // the first refusal cost nothing, and keeps no place
		start := time.Now()
		mustAcquire(t, r, time.Second, google)()
		mustAcquire(t, r, time.Second, google)()
		if took := time.Since(start); took != time.Second {
			t.Errorf("two tokens took %v, want 1s", took)
		}
	})
}

// TestTheSlowestRateDecides, whichever of the names it belongs to.
func TestTheSlowestRateDecides(t *testing.T) {
	slow, fast := limit.Config{Rate: rate(t, "1/s"), Burst: 1}, limit.Config{Rate: rate(t, "10/s"), Burst: 1}
	for name, limits := range map[string]map[limit.Name]limit.Config{
		"the narrow one": {nano: slow, google: fast}, "the wide one": {nano: fast, google: slow}, "the only one": {nano: slow},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := registry(limits)
				mustAcquire(t, r, 0, nano, google)()
				mustThrottle(t, r, 1, 0, time.Second, nano, google)
				start := time.Now()
				mustAcquire(t, r, time.Second, nano, google)()
				if took := time.Since(start); took != time.Second {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

func TestBurstIsASecondsWorthUnlessWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for text, burst := range map[string]int{"10/s": 10, "90/m": 2, "3/h": 1} {
			r := registry(map[limit.Name]limit.Config{google: {Rate: rate(t, text)}})
			for range burst {
				mustAcquire(t, r, 0, google)()
			}
			if _, err := r.Acquire(t.Context(), []limit.Name{google}, 1, 0); err == nil {
				t.Errorf("%s: more than %d at once", text, burst)
			}
		}
	})
}

func TestImagesCountEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := registry(map[limit.Name]limit.Config{google: {Images: rate(t, "1/s"), Burst: 4}})
		acquire := func(n int, patience time.Duration) error {
			release, err := r.Acquire(t.Context(), []limit.Name{google}, n, patience)
			if err == nil {
				release()
			}
			return err
		}
		if err := acquire(3, 0); err != nil {
			t.Fatal(err)
		}
		mustThrottle(t, r, 3, time.Second, 2*time.Second, google)
		if err := acquire(3, 2*time.Second); err != nil {
			t.Error(err)
		}
	})
}

func TestABatchLargerThanTheBurstPassesAndOwes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := registry(map[limit.Name]limit.Config{google: {Images: rate(t, "1/s"), Burst: 4}})
		release, err := r.Acquire(t.Context(), []limit.Name{google}, 10, 0)
		if err != nil {
			t.Fatalf("ten images with a full bucket of four: %v", err)
		}
		release()
		// Six are owed, and one is wanted.
		mustThrottle(t, r, 1, time.Second, 7*time.Second, google)
		mustThrottle(t, r, 10, time.Second, 10*time.Second, google)
		mustThrottle(t, r, 1, time.Second, 7*time.Second, google) // nor did those two change the debt
	})
}

// TestImagesThatComeLater are taken by one who has its place: all or none, and no request's tokens.
func TestImagesThatComeLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := registry(map[limit.Name]limit.Config{web: {Rate: rate(t, "1/h"), Images: rate(t, "1/s"), Burst: 4}})
		defer mustAcquire(t, r, 0, web)() // for one image
		if err := r.TakeImages(web, 3); err != nil {
			t.Fatal(err)
		}
		var e *switchyard.Error
		if err := r.TakeImages(web, 2); !errors.Is(err, limit.ErrLimited) || !errors.As(err, &e) || e.Kind != switchyard.Throttled || e.RetryAfter != 2*time.Second {
			t.Errorf("got %#v", err)
		}
		time.Sleep(2 * time.Second)
		if err := r.TakeImages(web, 2); err != nil {
			t.Errorf("what was refused has cost something: %v", err)
		}
		if err := r.TakeImages(google, 1000); err != nil {
			t.Errorf("where nothing is limited: %v", err)
		}
		if n := len(r.Loads()); n != 1 {
			t.Errorf("%d names are remembered", n)
		}
	})
}

func TestAllOrNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := registry(map[limit.Name]limit.Config{
			nano:   {Rate: rate(t, "1/s"), Burst: 1, Concurrent: 5},
			google: {Rate: rate(t, "1/m"), Burst: 1},
		})
		mustAcquire(t, r, 0, google)() // its token is gone; the target's is not
		mustThrottle(t, r, 1, time.Second, time.Minute, google, nano)
		if got := r.Load(nano); got != (limit.Load{}) {
			t.Errorf("target keeps a place: %+v", got)
		}
		mustAcquire(t, r, 0, nano)() // and it has its token
	})
}

func TestConcurrencyIsFirstComeFirstServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := registry(map[limit.Name]limit.Config{google: {Concurrent: 1}})
		release := mustAcquire(t, r, 0, google)
		var mu sync.Mutex
		var order []int
		var wg sync.WaitGroup
		for i := range 5 {
			wg.Go(func() {
				release, err := r.Acquire(t.Context(), []limit.Name{google}, 1, time.Minute)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				order = append(order, i)
				mu.Unlock()
				release()
			})
			synctest.Wait() // i stands in line
		}
		if got := r.Load(google); got != (limit.Load{InFlight: 1, Waiting: 5}) {
			t.Errorf("load is %+v", got)
		}
		mustThrottle(t, r, 1, 0, time.Second, google) // nobody jumps the queue
		release()
		wg.Wait()
		for i, got := range order {
			if got != i {
				t.Fatalf("served in order %v", order)
			}
		}
	})
}

func TestPatienceEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := registry(map[limit.Name]limit.Config{google: {Concurrent: 1}})
		defer mustAcquire(t, r, 0, google)()
		start := time.Now()
		mustThrottle(t, r, 1, 2*time.Second, time.Second, google)
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("waited %v, want 2s", took)
		}
		if got := r.Load(google); got != (limit.Load{InFlight: 1}) {
			t.Errorf("still in line: %+v", got)
		}
	})
}

func TestCancellationGivesBack(t *testing.T) {
	for name, c := range map[string]limit.Config{
		"waiting for a place": {Concurrent: 1},
		"waiting for a token": {Rate: switchyard.Rate{Events: 1, Per: time.Second}, Burst: 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := registry(map[limit.Name]limit.Config{google: c})
				release := mustAcquire(t, r, 0, google)
				ctx, cancel := context.WithCancel(t.Context())
				failed := make(chan error)
				go func() {
					_, err := r.Acquire(ctx, []limit.Name{google, web}, 1, time.Minute)
					failed <- err
				}()
				synctest.Wait()
				cancel()
				if err := <-failed; !errors.Is(err, context.Canceled) {
					t.Errorf("got %v", err)
				}
				release()
				if got := r.Loads()[google]; got != (limit.Load{}) {
					t.Errorf("left behind: %+v", got)
				}
				// The token that the canceled one had reserved is free for the next second.
				mustAcquire(t, r, time.Second, google)()
			})
		})
	}
}

func TestAnEndedContextTakesNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := &limit.Registry{}
	if _, err := r.Acquire(ctx, []limit.Name{google}, 1, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestANameTwiceIsOnePlace(t *testing.T) {
	r := registry(map[limit.Name]limit.Config{google: {Concurrent: 1}})
	mustAcquire(t, r, 0, google, google)()
	mustAcquire(t, r, 0, google, google)()
}

func TestAKeysQueueDoesNotIdleTheProvider(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := registry(map[limit.Name]limit.Config{web: {Concurrent: 1}, google: {Concurrent: 2}})
		release := mustAcquire(t, r, 0, google, web)
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				release, err := r.Acquire(t.Context(), []limit.Name{google, web}, 1, time.Minute)
				if err == nil {
					release()
				}
			})
		}
		synctest.Wait()
		mustAcquire(t, r, 0, google)() // ten wait for web; google has a place
		release()
		wg.Wait()
	})
}

func TestReloadKeepsState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := registry(map[limit.Name]limit.Config{google: {Rate: rate(t, "1/s"), Burst: 2, Concurrent: 1}})
		release := mustAcquire(t, r, 0, google)
		admitted := make(chan func())
		go func() {
			release, err := r.Acquire(t.Context(), []limit.Name{google}, 1, time.Minute)
			if err != nil {
				t.Error(err)
			}
			admitted <- release
		}()
		synctest.Wait()
		r.Configure(map[limit.Name]limit.Config{google: {Rate: rate(t, "1/m"), Burst: 2, Concurrent: 2}})
		second := <-admitted // the wider limit lets it in
		mustThrottle(t, r, 1, 0, time.Second, google)
		release()
		// Both tokens of the burst are spent, and the new rate counts.
		mustThrottle(t, r, 1, 0, time.Minute, google)
		r.Configure(nil)
		mustAcquire(t, r, 0, google)()
		if got := r.Load(google); got != (limit.Load{InFlight: 1}) {
			t.Errorf("load is %+v", got)
		}
		second()
		r.Configure(map[limit.Name]limit.Config{nano: {Concurrent: 1}})
		r.Configure(nil) // and nobody is at it
		if got := r.Loads(); len(got) != 0 {
			t.Errorf("left behind: %v", got)
		}
	})
}

func TestManyAtOnce(t *testing.T) {
	r := registry(map[limit.Name]limit.Config{google: {Concurrent: 3}, nano: {Concurrent: 2}})
	var mu sync.Mutex
	var inside, most int
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			for range 50 {
				release, err := r.Acquire(t.Context(), []limit.Name{nano, google}, 1, time.Minute)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				inside++
				most = max(most, inside)
				mu.Unlock()
				mu.Lock()
				inside--
				mu.Unlock()
				release()
			}
		})
	}
	wg.Wait()
	if most > 2 {
		t.Errorf("%d at once, want at most 2", most)
	}
	if r.Load(google) != (limit.Load{}) || r.Load(nano) != (limit.Load{}) {
		t.Errorf("left behind: %v", r.Loads())
	}
}

func TestValidate(t *testing.T) {
	ten := switchyard.Rate{Events: 10, Per: time.Second}
	for _, c := range []struct {
		config limit.Config
		want   string
	}{
		{limit.Config{}, ""},
		{limit.Config{Rate: ten, Burst: 20, Concurrent: 50}, ""},
		{limit.Config{Images: ten, Burst: 20}, ""},
		{limit.Config{Rate: ten, Burst: math.MaxInt32 + 1}, "limit.burst: must be from 0 to 2147483647, got 2147483648"},
		{limit.Config{Burst: 20}, "limit.burst: means nothing without rate or images"},
		{
			limit.Config{Rate: ten, Burst: -1, Concurrent: -1},
			"limit.burst: must be from 0 to 2147483647, got -1\nlimit.concurrent: must not be negative, got -1",
		},
	} {
		got := ""
		if err := c.config.Validate(); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%+v:\n got %s\nwant %s", c.config, got, c.want)
		}
	}
}

// TestAPlaceAllocatesLittle: 13 in all, a turn in line and what to undo for each of two names; the race detector adds two.
func TestAPlaceAllocatesLittle(t *testing.T) {
	r := registry(map[limit.Name]limit.Config{
		google: {Rate: switchyard.Rate{Events: 1e9, Per: time.Second}, Concurrent: 1000}, nano: {Concurrent: 1000},
	})
	names := []limit.Name{nano, google}
	if n := testing.AllocsPerRun(100, func() { mustAcquire(t, r, time.Second, names...)() }); n > 15 {
		t.Errorf("a place at two names makes %v allocations", n)
	}
}

func BenchmarkAcquire(b *testing.B) {
	r := registry(map[limit.Name]limit.Config{
		google: {Rate: switchyard.Rate{Events: 1e9, Per: time.Second}, Concurrent: 1000}, nano: {Concurrent: 1000},
	})
	names := []limit.Name{nano, google}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			release, err := r.Acquire(context.Background(), names, 1, time.Second)
			if err != nil {
				b.Error(err)
				return
			}
			release()
		}
	})
}
