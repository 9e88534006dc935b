package proxy_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"switchyard"
	"switchyard/attempt"
	"switchyard/breaker"
	"switchyard/dialect/all"
	"switchyard/ledger"
	"switchyard/limit"
	"switchyard/proxy"
	"switchyard/router"
	"switchyard/spool"
)

// disk is a journal that takes nothing for a while.
type disk struct {
	mu    sync.Mutex
	spare int // appends that there is room for before it is full
	full  int // appends that fail
	took  []string

	appends int

	breaks string // "write" or "append" panics
}

func (d *disk) Append(_ context.Context, records ...ledger.Record) error {
	if d.breaks == "append" {
		panic(d.breaks)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.appends++
	if d.spare > 0 {
		d.spare--
	} else if d.full > 0 {
		d.full--
		return errors.New("no space left on device")
	}
	for _, r := range records {
		d.took = append(d.took, strings.TrimSpace(string(r.Kind)+" "+string(r.Generation.Outcome)))
	}
	return nil
}

func (*disk) State() (time.Time, error) { return time.Time{}, nil }

func (d *disk) Write(ctx context.Context, records ...ledger.Record) (func() error, error) {
	if d.breaks == "write" {
		panic(d.breaks)
	}
	return func() error { return nil }, (&disk{}).Append(ctx, records...)
}

// told is what the disk has taken.
func (d *disk) told() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return fmt.Sprint(d.took)
}

type answering func(*http.Request) (*http.Response, error)

func (f answering) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// before is a handler before a provider that is in memory, so that it can be waited for in a bubble.
func before(t *testing.T, journal proxy.Journal) *proxy.Handler {
	t.Helper()
	pool, err := spool.New(spool.Config{Memory: 1 << 20, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	provider := answering(func(r *http.Request) (*http.Response, error) {
		_ = r.Body.Close()
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("hello")), ContentLength: 5, Request: r}, nil
	})
	h := &proxy.Handler{
		Runner: &attempt.Runner{
			Breaker: &breaker.Registry{}, Limiter: &limit.Registry{}, Pool: pool, Transport: func(string) http.RoundTripper { return provider },
		},
		Journal: journal, Log: zap.NewNop(),
	}
	natives, err := router.New(router.Config{Natives: []*switchyard.Target{{
		Name: "native:openai", Provider: "openai", Dialect: "openai", Key: switchyard.NewSecret("provider-key"),
		Bases: map[string]string{"": "http://provider.test"},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	h.Use(&proxy.Snapshot{
		Dialects: all.Dialects(), Settings: proxy.Settings{MaxRequestBody: 1 << 20}, Keys: proxy.NewKeyring(nil), Router: natives,
	})
	return h
}

// TestAFullDisk: what came to its end while the disk was full is told when there is room again, and nobody asks any more
// then. A bubble does not end before all that was begun in it has.
func TestAFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{full: 3}
		h := before(t, d)
		for range 2 {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, post("/v1/chat/completions"))
			if w.Code != http.StatusOK || w.Body.String() != "hello" {
				t.Errorf("%d %q", w.Code, w.Body)
			}
		}
		if got := d.told(); got != "[]" {
			t.Errorf("a full disk has taken %s", got)
		}
		time.Sleep(time.Minute)
		if got := d.told(); got != "[settled ended ok settled ended ok]" {
			t.Errorf("a disk with room again has taken %s", got)
		}
		h.ServeHTTP(httptest.NewRecorder(), post("/v1/chat/completions"))
		if got := d.told(); got != "[settled ended ok settled ended ok settled ended ok]" {
			t.Errorf("in the end it has taken %s", got)
		}
		d.full = 1 // once more: somebody tries again, as the first time
		h.ServeHTTP(httptest.NewRecorder(), post("/v1/chat/completions"))
		time.Sleep(time.Minute)
		if got := d.told(); got != "[settled ended ok settled ended ok settled ended ok settled ended ok]" {
			t.Errorf("a disk that was full twice has taken %s", got)
		}
	})
}

// TestDrainOnAFullDisk: a drain tries at once, and for as long as it lasts; the process ends then all the same.
func TestDrainOnAFullDisk(t *testing.T) {
	const told = "[settled ended ok]"
	for _, c := range []struct {
		full  int
		want  string
		after time.Duration
	}{
		{1, told, 0},
		{2, told, 2 * time.Second},
		{1000, "[]", time.Minute},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := &disk{full: c.full}
			h := before(t, d)
			h.ServeHTTP(httptest.NewRecorder(), post("/v1/chat/completions"))
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			began := time.Now()
			h.Drain(ctx)
			if got := d.told(); got != c.want || time.Since(began) != c.after {
				t.Errorf("after %v it has taken %s, want %s after %v", time.Since(began), got, c.want, c.after)
			}
		})
	}
}

// TestTheRefusedAreForgotten: of what the journal took nothing, nothing was sent, and nothing is told later. However many
// there are, they do not push out what was paid for.
func TestTheRefusedAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{full: 10_001}
		h := before(t, d)
		for range 10_000 {
			proxy.End(h, switchyard.Generation{Outcome: switchyard.Refused})
		}
		h.ServeHTTP(httptest.NewRecorder(), post("/v1/chat/completions"))
		time.Sleep(time.Minute)
		if got := d.told(); got != "[settled ended ok]" {
			t.Errorf("the disk has taken %.100s", got)
		}
	})
}

// halting is a disk that has no room for what comes first, and takes its time to say so.
type halting struct {
	*disk
	asked atomic.Bool
}

func (h *halting) Append(ctx context.Context, records ...ledger.Record) error {
	if h.asked.CompareAndSwap(false, true) {
		time.Sleep(time.Second)
		return errors.New("no space left on device")
	}
	return h.disk.Append(ctx, records...)
}

// TestNoAttemptWithoutItsGeneration: of attempts that begin side by side none is on disk before the generation is, though the
// one that was to bring it there fails.
func TestNoAttemptWithoutItsGeneration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &halting{disk: &disk{}}
		open := proxy.Opens(h)
		go func() {
			if err := open(t.Context(), switchyard.Attempt{}); err == nil {
				t.Error("a full disk has taken the first")
			}
		}()
		synctest.Wait()
		if err := open(t.Context(), switchyard.Attempt{}); err != nil {
			t.Error(err)
		}
		if got := h.told(); got != "[begun opened]" {
			t.Errorf("with the second attempt the disk has taken %s", got)
		}
		time.Sleep(time.Second)
	})
}

// TestTheBegunAreNotForgotten: once the journal has taken anything of a generation, how it ends is told, however late.
func TestTheBegunAreNotForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{spare: 1, full: 1}
		proxy.End(before(t, d), switchyard.Generation{Outcome: switchyard.Timeout}, switchyard.Generation{Outcome: switchyard.OK})
		time.Sleep(time.Minute)
		if got := d.told(); got != "[begun ended timeout ended ok]" {
			t.Errorf("the disk has taken %s", got)
		}
	})
}

// TestManyArrears: many ends are written at a time. Those that there is no room for are lost, which is logged once.
func TestManyArrears(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{full: 10_002}
		h := before(t, d)
		core, logs := observer.New(zap.ErrorLevel)
		h.Log = zap.New(core)
		for range 10_002 {
			h.ServeHTTP(httptest.NewRecorder(), post("/v1/chat/completions"))
		}
		time.Sleep(time.Minute)
		d.mu.Lock()
		defer d.mu.Unlock()
		if n := len(d.took); n != 2*10_000 {
			t.Errorf("the disk has taken %d records", n)
		}
		if d.appends > 10_002+200 {
			t.Errorf("%d appends", d.appends-10_002)
		}
		if n := logs.FilterMessageSnippet("too many ends").Len(); n != 1 {
			t.Errorf("logged %d times", n)
		}
	})
}

// TestEndsInOrder: the row of a generation that is told twice is as the second time, though the first could not be written.
func TestEndsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{full: 1}
		proxy.End(before(t, d), switchyard.Generation{Outcome: switchyard.Timeout}, switchyard.Generation{Outcome: switchyard.OK})
		time.Sleep(time.Minute)
		if got := d.told(); got != "[begun ended timeout ended ok]" {
			t.Errorf("the disk has taken %s", got)
		}
	})
}
