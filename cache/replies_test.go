package cache_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"switchyard/cache"
)

type text string

func (s text) Open() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(string(s))), nil }
func (s text) Len() int64                   { return int64(len(s)) }

func reply(body string) *cache.Reply {
	return &cache.Reply{Status: http.StatusOK, Header: http.Header{"X-Id": {"g-1"}}, Body: text(body)}
}

func read(t *testing.T, r *cache.Reply) string {
	t.Helper()
	if r == nil {
		t.Fatal("there is no answer")
	}
	f, err := r.Body.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil || int64(len(b)) != r.Body.Len() {
		t.Errorf("%d of %d bytes, %v", len(b), r.Body.Len(), err)
	}
	return string(b)
}

func replies(t *testing.T, c cache.Config) *cache.Replies {
	t.Helper()
	if c.Dir == "" {
		c.Dir = t.TempDir()
	}
	r, err := cache.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func sum(b byte) cache.Sum { return cache.Sum{b} }

// TestKeyed: one makes it, the others wait for it, and later ones find it, also after a restart.
func TestKeyed(t *testing.T) {
	dir := t.TempDir()
	r := replies(t, cache.Config{Dir: dir})
	f, _, err := r.Keyed(sum(1), sum(9))
	if err != nil || !f.Mine() {
		t.Fatalf("the first is not the one who makes it: %v", err)
	}
	joined, _, err := r.Keyed(sum(1), sum(9))
	if err != nil || joined.Mine() {
		t.Fatalf("the second makes it, too: %v", err)
	}
	if _, _, err := r.Keyed(sum(1), sum(8)); !errors.Is(err, cache.ErrMismatch) {
		t.Errorf("another request while it runs: %v", err)
	}
	if err := f.Keep(reply("picture")); err != nil {
		t.Fatal(err)
	}
	f.Release() // too late
	got, err := joined.Wait(t.Context())
	if err != nil || read(t, got) != "picture" {
		t.Errorf("who waited got %v, %v", got, err)
	}
	for range 2 {
		r = replies(t, cache.Config{Dir: dir})
		_, got, err := r.Keyed(sum(1), sum(9))
		if err != nil || read(t, got) != "picture" || got.Status != http.StatusOK || got.Header.Get("X-Id") != "g-1" {
			t.Errorf("after a restart: %+v, %v", got, err)
		}
	}
	if _, _, err := r.Keyed(sum(1), sum(8)); !errors.Is(err, cache.ErrMismatch) {
		t.Errorf("another request afterwards: %v", err)
	}
}

func TestReleaseWakesAndForgets(t *testing.T) {
	r := replies(t, cache.Config{})
	f, _, _ := r.Keyed(sum(1), sum(9))
	f.Mine()
	joined, _, _ := r.Keyed(sum(1), sum(9))
	f.Release()
	if _, err := joined.Wait(t.Context()); !errors.Is(err, cache.ErrReleased) {
		t.Errorf("who waited got %v", err)
	}
	next, got, err := r.Keyed(sum(1), sum(8))
	if err != nil || got != nil || !next.Mine() {
		t.Errorf("the next one does not make it anew: %v, %v", got, err)
	}
}

// TestRejoin: only what was left is taken over, by one at a time, and told once.
func TestRejoin(t *testing.T) {
	r := replies(t, cache.Config{})
	gone := make(chan struct{})
	f, _, err := r.Rejoin(sum(1), gone)
	if err != nil || !f.Mine() {
		t.Fatal(err)
	}
	if beside, got, err := r.Rejoin(sum(1), t.Context().Done()); beside != nil || got != nil || err != nil {
		t.Errorf("it joined a live one: %v %v %v", beside, got, err)
	}
	close(gone)
	second, third := make(chan struct{}), make(chan struct{})
	joined, _, err := r.Rejoin(sum(1), second)
	if err != nil || joined == nil || joined.Mine() {
		t.Fatalf("it did not join the one that was left: %v", err)
	}
	if beside, _, _ := r.Rejoin(sum(1), third); beside != nil {
		t.Error("two joined the same")
	}
	if err := f.Keep(reply("picture")); err != nil {
		t.Fatal(err)
	}
	got, err := joined.Wait(t.Context())
	if err != nil || read(t, got) != "picture" {
		t.Errorf("who joined got %v, %v", got, err)
	}
	if next, got, err := r.Rejoin(sum(1), third); err != nil || got != nil || !next.Mine() {
		t.Errorf("it is told twice: %v, %v", got, err)
	}
}

// TestRejoinAfterwards: what nobody waited for is kept for a minute; what somebody got is not kept at all.
func TestRejoinAfterwards(t *testing.T) {
	now := time.Unix(0, 0)
	r := replies(t, cache.Config{Now: func() time.Time { return now }})
	left, stays := make(chan struct{}), make(chan struct{})
	close(left)
	for i, c := range []struct {
		gone  chan struct{}
		later time.Duration
		want  bool
	}{{left, 59 * time.Second, true}, {left, 61 * time.Second, false}, {stays, 0, false}} {
		f, _, err := r.Rejoin(sum(byte(i+1)), c.gone)
		if err != nil || !f.Mine() {
			t.Fatal(err)
		}
		if err := f.Keep(reply("picture")); err != nil {
			t.Fatal(err)
		}
		now = now.Add(c.later)
		_, got, err := r.Rejoin(sum(byte(i+1)), stays)
		if err != nil || (got != nil) != c.want || c.want && read(t, got) != "picture" {
			t.Errorf("case %d: %v, %v", i, got, err)
		}
	}
}

// TestWhatDidNotArriveIsKept, though somebody was there when it was given.
func TestWhatDidNotArriveIsKept(t *testing.T) {
	r := replies(t, cache.Config{})
	f, _, _ := r.Rejoin(sum(1), make(chan struct{}))
	f.Mine()
	_ = f.Keep(reply("picture"))
	if err := f.KeepFor(reply("picture")); err != nil {
		t.Fatal(err)
	}
	if _, got, err := r.Rejoin(sum(1), make(chan struct{})); err != nil || read(t, got) != "picture" {
		t.Errorf("%v, %v", got, err)
	}
}

func TestWaitingEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := replies(t, cache.Config{})
		f, _, _ := r.Keyed(sum(1), sum(1))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := f.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestSweep(t *testing.T) {
	now, dir := time.Unix(0, 0), t.TempDir()
	r := replies(t, cache.Config{Dir: dir, TTL: time.Hour, Max: 2500, Now: func() time.Time { return now }})
	for i := range 4 {
		f, _, err := r.Keyed(sum(byte(i)), sum(9))
		if err != nil || !f.Mine() {
			t.Fatal(err)
		}
		if err := f.Keep(reply(strings.Repeat("x", 1000))); err != nil {
			t.Fatal(err)
		}
	}
	count := func() int { files, _ := os.ReadDir(dir); return len(files) }
	if err := r.Sweep(); err != nil || count() != 2 {
		t.Errorf("%d are left of what is too much, %v", count(), err)
	}
	now = now.Add(2 * time.Hour)
	if err := r.Sweep(); err != nil || count() != 0 {
		t.Errorf("%d are left of what has expired, %v", count(), err)
	}
}

// TestHalfAFileIsNone: a crash may leave one, if the disk does.
func TestHalfAFileIsNone(t *testing.T) {
	dir := t.TempDir()
	r := replies(t, cache.Config{Dir: dir})
	f, _, _ := r.Keyed(sum(1), sum(9))
	f.Mine()
	if err := f.Keep(reply("picture")); err != nil {
		t.Fatal(err)
	}
	files, _ := os.ReadDir(dir)
	path := dir + "/" + files[0].Name()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 10, bytes.IndexByte(whole, '\n'), len(whole) - 1} {
		if err := os.WriteFile(path, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		if f, got, err := r.Keyed(sum(1), sum(9)); err != nil || got != nil {
			t.Errorf("cut at %d: %v, %v", n, got, err)
		} else {
			f.Release()
		}
	}
}

// TestAJoinedAnswerIsToldOnce: who began it fails to write to an app that has left, and keeps nothing for a third.
func TestAJoinedAnswerIsToldOnce(t *testing.T) {
	r := replies(t, cache.Config{})
	gone := make(chan struct{})
	f, _, _ := r.Rejoin(sum(1), gone)
	f.Mine()
	close(gone)
	joined, _, _ := r.Rejoin(sum(1), make(chan struct{}))
	if err := f.Keep(reply("picture")); err != nil {
		t.Fatal(err)
	}
	if got, err := joined.Wait(t.Context()); err != nil || read(t, got) != "picture" {
		t.Fatalf("%v, %v", got, err)
	}
	if err := f.KeepFor(reply("picture")); err != nil {
		t.Fatal(err)
	}
	if _, got, _ := r.Rejoin(sum(1), make(chan struct{})); got != nil {
		t.Error("a third got it, too")
	}
}

// TestWhatCannotBeKeptIsNotMadeAgain: it has been paid for, so those who wait are told that it failed.
func TestWhatCannotBeKeptIsNotMadeAgain(t *testing.T) {
	dir := t.TempDir()
	r := replies(t, cache.Config{Dir: dir + "/x"})
	f, _, _ := r.Keyed(sum(1), sum(9))
	f.Mine()
	joined, _, _ := r.Keyed(sum(1), sum(9))
	if err := os.RemoveAll(dir + "/x"); err != nil {
		t.Fatal(err)
	}
	if err := f.Keep(reply("picture")); err == nil {
		t.Fatal("it was kept in a folder that is gone")
	}
	if _, err := joined.Wait(t.Context()); err == nil || errors.Is(err, cache.ErrReleased) {
		t.Errorf("who waited got %v", err)
	}
}

// TestTooMuchIsSweptAtOnce, not at the next round of the sweeper.
func TestTooMuchIsSweptAtOnce(t *testing.T) {
	dir := t.TempDir()
	r := replies(t, cache.Config{Dir: dir, Max: 5000})
	for i := range 50 {
		f, _, err := r.Keyed(sum(byte(i)), sum(9))
		if err != nil || !f.Mine() {
			t.Fatal(err)
		}
		if err := f.Keep(reply(strings.Repeat("x", 1000))); err != nil {
			t.Fatal(err)
		}
	}
	if files, _ := os.ReadDir(dir); len(files) > 5 {
		t.Errorf("%d answers of a kilobyte are kept in 5 kB", len(files))
	}
}

// TestShared: one makes it, whoever asks the same has it until its time is over, and one that is asked for stays when room
// is made.
func TestShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := replies(t, cache.Config{Max: 4600})
		who := cache.Made{Target: "flux", Images: 2, Hosted: []string{"a.png", "b.png"}}
		keep := func(b byte) {
			f, got, err := r.Shared(sum(b), time.Minute)
			if err != nil || got != nil || !f.Mine() {
				t.Fatalf("%d is there already: %v %v", b, got, err)
			}
			made := reply(strings.Repeat("x", 1<<10))
			made.Made = who
			joined, _, _ := r.Shared(sum(b), time.Minute)
			if joined != f || joined.Mine() {
				t.Errorf("%d is made twice", b)
			}
			if err := f.Keep(made); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		there := func(b byte) bool {
			f, got, err := r.Shared(sum(b), time.Minute)
			f.Release()
			return err == nil && got != nil && reflect.DeepEqual(got.Made, who)
		}
		keep(1)
		keep(2)
		if !there(1) {
			t.Error("it is not found")
		}
		time.Sleep(time.Second)
		keep(3)
		keep(4) // too much: 2 was asked for longest ago
		if !there(1) || there(2) || !there(3) || !there(4) {
			t.Errorf("after making room: %v %v %v %v", there(1), there(2), there(3), there(4))
		}
		time.Sleep(time.Minute)
		if there(1) {
			t.Error("it is found after its time")
		}
	})
}

// TestAFlightIsWantedByWhoeverWaits: whoever makes it goes on while anybody waits, and no longer.
func TestAFlightIsWantedByWhoeverWaits(t *testing.T) {
	for name, find := range map[string]func(*cache.Replies) (*cache.Flight, *cache.Reply, error){
		"shared": func(r *cache.Replies) (*cache.Flight, *cache.Reply, error) { return r.Shared(sum(1), time.Minute) },
		"keyed":  func(r *cache.Replies) (*cache.Flight, *cache.Reply, error) { return r.Keyed(sum(1), sum(2)) },
	} {
		synctest.Test(t, func(t *testing.T) {
			r := replies(t, cache.Config{})
			maker, makerLeaves := context.WithCancel(t.Context())
			other, otherLeaves := context.WithCancel(t.Context())
			f, _, err := find(r)
			if err != nil || !f.Mine() {
				t.Fatal(err)
			}
			defer f.Release()
			left, stop := f.Left(maker)
			defer stop()
			joined, _, _ := find(r)
			go func() { _, _ = joined.Wait(other) }()
			gone := func() bool {
				synctest.Wait()
				select {
				case <-left:
					return true
				default:
					return false
				}
			}
			if makerLeaves(); gone() {
				t.Errorf("%s: it is given up though another waits", name)
			}
			if otherLeaves(); !gone() {
				t.Errorf("%s: it goes on for nobody", name)
			}
		})
	}
}
