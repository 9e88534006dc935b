package cache_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"switchyard/cache"
)

// TestKeyed: one makes it, the others wait for it, and later ones find it, also after a restart.
func TestKeyed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		r := replies(t, cache.Config{Dir: dir})
		ask, other := cache.Keyed(sum(1), sum(9)), cache.Keyed(sum(1), sum(8))
		w := claim(t, r, ask)
		joined := goClaim(t.Context(), r, ask)
		if w.Reply() != nil || !joined.waits() {
			t.Fatal("the second does not wait for the first")
		}
		if _, err := r.Claim(t.Context(), other); !errors.Is(err, cache.ErrMismatch) {
			t.Errorf("another request while it runs: %v", err)
		}
		lost := w.Deliver(reply("picture"), func() error {
			if got := joined.work(t).Reply(); got == nil || read(t, got) != "picture" {
				t.Error("who waited has to wait for the first one's app, too")
			}
			return breaks()
		})
		if w.Release(); lost != nil {
			t.Error(lost)
		}
		for range 2 {
			r = replies(t, cache.Config{Dir: dir})
			got := claim(t, r, ask).Reply()
			if read(t, got) != "picture" || got.Status != http.StatusOK || got.Header.Get("X-Id") != "g-1" {
				t.Errorf("after a restart: %+v", got)
			}
		}
		if _, err := r.Claim(t.Context(), other); !errors.Is(err, cache.ErrMismatch) {
			t.Errorf("another request afterwards: %v", err)
		}
	})
}

// TestReleaseWakesAndForgets: one of those who waited makes it, and the rest wait on.
func TestReleaseWakesAndForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := replies(t, cache.Config{})
		ask := cache.Keyed(sum(1), sum(9))
		w := claim(t, r, ask)
		a, b := goClaim(t.Context(), r, ask), goClaim(t.Context(), r, ask)
		synctest.Wait()
		w.Release()
		if a.waits() == b.waits() {
			t.Fatal("not one of two makes it anew")
		}
		if a.waits() {
			a, b = b, a
		}
		a.work(t).Release()
		b.work(t).Release()
		deliver(t, claim(t, r, cache.Keyed(sum(1), sum(8))), "another") // the key is free
	})
}

// TestReleasedIsNotKept: an answer that came to nothing is only written.
func TestReleasedIsNotKept(t *testing.T) {
	for _, ask := range []cache.Ask{cache.Keyed(sum(1), sum(9)), cache.Shared(sum(1), time.Hour), cache.Rejoin(sum(1), gone())} {
		r, written := replies(t, cache.Config{}), false
		w := claim(t, r, ask)
		w.Release()
		if lost := w.Deliver(reply("failure"), func() error { written = true; return nil }); lost != nil || !written {
			t.Errorf("written: %v, lost: %v", written, lost)
		}
		deliver(t, claim(t, r, ask), "picture")
	}
}

// TestWaitingEndsWithItsContext, whoever is waited for.
func TestWaitingEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := replies(t, cache.Config{})
		for _, ask := range []cache.Ask{cache.Keyed(sum(1), sum(1)), cache.Shared(sum(2), time.Hour), cache.Rejoin(sum(3), gone())} {
			w := claim(t, r, ask)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			if _, err := r.Claim(ctx, ask); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
			cancel()
			w.Release()
		}
	})
}

func gone() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

func stays() <-chan struct{} { return make(chan struct{}) }

// TestRejoin: only what was left is taken over, by one at a time, and told once.
func TestRejoin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := replies(t, cache.Config{})
		first, leave := context.WithCancel(t.Context())
		w := claim(t, r, cache.Rejoin(sum(1), first.Done()))
		beside := claim(t, r, cache.Rejoin(sum(1), stays()))
		if beside.Reply() != nil {
			t.Error("it has the answer of a live one")
		}
		beside.Release()
		leave()
		deliver(t, claim(t, r, cache.Rejoin(sum(2), stays())), "another request's")
		joined := goClaim(t.Context(), r, cache.Rejoin(sum(1), stays()))
		if !joined.waits() {
			t.Fatal("it did not join the one that was left")
		}
		deliver(t, claim(t, r, cache.Rejoin(sum(1), stays())), "beside two")
		deliver(t, w, "picture")
		got := joined.work(t)
		if read(t, got.Reply()) != "picture" {
			t.Error("who joined has another one")
		}
		deliver(t, claim(t, r, cache.Rejoin(sum(1), stays())), "beside who joined")
		if lost := got.Deliver(got.Reply(), arrives); lost != nil {
			t.Error(lost)
		}
		deliver(t, claim(t, r, cache.Rejoin(sum(1), stays())), "a new one")
		if n := cache.Askers(r); n != 0 {
			t.Errorf("%d are remembered for nothing", n)
		}
	})
}

// TestRejoinAfterwards: what nobody waited for is kept for a minute; what somebody got is not kept at all.
func TestRejoinAfterwards(t *testing.T) {
	now := time.Unix(0, 0)
	r := replies(t, cache.Config{Now: func() time.Time { return now }})
	for i, c := range []struct {
		gone  <-chan struct{}
		later time.Duration
		want  bool
	}{{gone(), 59 * time.Second, true}, {gone(), 61 * time.Second, false}, {stays(), 0, false}} {
		deliver(t, claim(t, r, cache.Rejoin(sum(byte(i)), c.gone)), "picture")
		now = now.Add(c.later)
		got := claim(t, r, cache.Rejoin(sum(byte(i)), stays())).Reply()
		if (got != nil) != c.want || c.want && read(t, got) != "picture" {
			t.Errorf("case %d: %v", i, got)
		}
	}
}

// TestRejoinSideBySide: an app may ask the same several times at once, for variations, and leave them all. Each is paid for
// once, whether its answer has been made when the app comes again or not.
func TestRejoinSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := replies(t, cache.Config{})
		app, leave := context.WithCancel(t.Context())
		var made []*cache.Work
		for range 4 {
			w := claim(t, r, cache.Rejoin(sum(1), app.Done()))
			if w.Reply() != nil {
				t.Fatal("an answer before there was one")
			}
			made = append(made, w)
		}
		deliver(t, made[0], "that has arrived")
		leave()
		deliver(t, made[1], "one")
		var again []*claiming
		for range 4 {
			again = append(again, goClaim(t.Context(), r, cache.Rejoin(sum(1), stays())))
		}
		synctest.Wait()
		deliver(t, made[2], "two")
		deliver(t, made[3], "three")
		var got []string
		for _, c := range again {
			w := c.work(t)
			if w.Reply() == nil {
				deliver(t, w, "a new one")
				got = append(got, "none")
				continue
			}
			got = append(got, read(t, w.Reply()))
			_ = w.Deliver(w.Reply(), arrives)
		}
		slices.Sort(got)
		if want := []string{"none", "one", "three", "two"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		if w := claim(t, r, cache.Rejoin(sum(1), stays())); w.Reply() != nil {
			t.Error("one is told twice")
		}
	})
}

// TestRejoinWhileItIsWritten: until an answer is known to have arrived, whoever comes for it waits, and does not pay.
func TestRejoinWhileItIsWritten(t *testing.T) {
	for name, end := range map[string]func() error{
		"arrives": arrives, // as far as its connection can tell
		"breaks":  breaks,
		"panics":  func() error { panic(http.ErrAbortHandler) },
	} {
		synctest.Test(t, func(t *testing.T) {
			r := replies(t, cache.Config{})
			first, leave := context.WithCancel(t.Context())
			w := claim(t, r, cache.Rejoin(sum(1), first.Done()))
			var joined *claiming
			func() {
				defer func() { _ = recover() }()
				_ = w.Deliver(reply("picture"), func() error {
					leave()
					if joined = goClaim(t.Context(), r, cache.Rejoin(sum(1), stays())); !joined.waits() {
						t.Errorf("%s: it pays again while the answer is written", name)
					}
					return end()
				})
			}()
			if got := joined.work(t).Reply(); got == nil || read(t, got) != "picture" {
				t.Errorf("%s: it pays again", name)
			}
		})
	}
}

// TestWhatDoesNotArriveIsKept, though its app seemed to be there, and as often as it does not.
func TestWhatDoesNotArriveIsKept(t *testing.T) {
	r := replies(t, cache.Config{})
	w := claim(t, r, cache.Rejoin(sum(1), stays()))
	if lost := w.Deliver(reply("picture"), breaks); lost != nil {
		t.Fatal(lost)
	}
	for range 3 {
		w = claim(t, r, cache.Rejoin(sum(1), stays()))
		if read(t, w.Reply()) != "picture" {
			t.Fatal("it is another one")
		}
		_ = w.Deliver(w.Reply(), breaks)
	}
	w = claim(t, r, cache.Rejoin(sum(1), stays())) // nor is it lost if it was not even written
	w.Release()
	w = claim(t, r, cache.Rejoin(sum(1), stays()))
	_ = w.Deliver(w.Reply(), arrives)
	if claim(t, r, cache.Rejoin(sum(1), stays())).Reply() != nil {
		t.Error("it is told twice")
	}
}

// TestSuccession: who waits may leave, too; the next one takes its place, and makes the answer if it came to nothing.
func TestSuccession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := replies(t, cache.Config{})
		w := claim(t, r, cache.Rejoin(sum(1), gone()))
		second, leave := context.WithCancel(t.Context())
		b := goClaim(second, r, cache.Rejoin(sum(1), second.Done()))
		if !b.waits() {
			t.Fatal("it does not wait")
		}
		leave()
		impatient, giveUp := context.WithCancel(t.Context())
		c := goClaim(impatient, r, cache.Rejoin(sum(1), stays()))
		if !c.waits() || b.waits() || !errors.Is(b.err, context.Canceled) {
			t.Fatalf("the third does not take the second's place: %v", b.err)
		}
		giveUp() // though its app is there
		synctest.Wait()
		d := goClaim(t.Context(), r, cache.Rejoin(sum(1), stays()))
		if c.waits() || !d.waits() {
			t.Fatal("the fourth does not take the third's place")
		}
		w.Release()
		deliver(t, d.work(t), "picture")
	})
}

// TestWhatCannotBeKeptIsNotMadeAgain: it has been paid for, so those who wait are told that it failed.
func TestWhatCannotBeKeptIsNotMadeAgain(t *testing.T) {
	for name, ask := range map[string]cache.Ask{"keyed": cache.Keyed(sum(1), sum(9)), "left": cache.Rejoin(sum(1), gone())} {
		synctest.Test(t, func(t *testing.T) {
			dir := t.TempDir() + "/x"
			r := replies(t, cache.Config{Dir: dir})
			w := claim(t, r, ask)
			joined := goClaim(t.Context(), r, ask)
			synctest.Wait()
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
			arrived := false
			if lost := w.Deliver(reply("picture"), func() error { arrived = true; return nil }); lost == nil || !arrived {
				t.Errorf("%s: it was kept in a folder that is gone, or not handed out: %v", name, lost)
			}
			if joined.waits() || !errors.Is(joined.err, cache.ErrLost) {
				t.Errorf("%s: who waited got %v", name, joined.err)
			}
		})
	}
}

// TestAHeadIsFoundHoweverLong: providers send headers as long as they please, within what we read of them.
func TestAHeadIsFoundHoweverLong(t *testing.T) {
	r := replies(t, cache.Config{})
	for i, size := range []int{60 << 10, 100 << 10, 2 << 20} {
		long := reply("picture")
		long.Header.Set("X-Long", strings.Repeat("\x01", size/6)) // JSON spells it in six letters
		ask := cache.Keyed(sum(byte(i)), sum(9))
		lost := claim(t, r, ask).Deliver(long, arrives)
		if found := claim(t, r, ask).Reply() != nil; found != (lost == nil) || found != (size < 1<<20) {
			t.Errorf("a head of %d bytes: found %v, %v", size, found, lost)
		}
	}
}

type short struct{ text }

func (s short) Len() int64 { return s.text.Len() + 1 }

// TestAShortBodyIsNotKept: half an answer is none.
func TestAShortBodyIsNotKept(t *testing.T) {
	dir := t.TempDir()
	r := replies(t, cache.Config{Dir: dir})
	half := reply("")
	half.Body = short{"pictur"}
	if lost := claim(t, r, cache.Keyed(sum(1), sum(9))).Deliver(half, arrives); lost == nil {
		t.Error("it is told as kept")
	}
	if files, _ := os.ReadDir(dir); len(files) != 0 {
		t.Errorf("it is in %v", files)
	}
}

// TestWorkIsForWhoeverWaits: whoever makes it goes on while anybody waits, and no longer.
func TestWorkIsForWhoeverWaits(t *testing.T) {
	for name, ask := range map[string]cache.Ask{"shared": cache.Shared(sum(1), time.Minute), "keyed": cache.Keyed(sum(1), sum(2))} {
		synctest.Test(t, func(t *testing.T) {
			r := replies(t, cache.Config{})
			maker, makerLeaves := context.WithCancel(t.Context())
			other, otherLeaves := context.WithCancel(t.Context())
			w := claim(t, r, ask)
			defer w.Release()
			left := w.Left(maker)
			joined := goClaim(other, r, ask)
			if !joined.waits() {
				t.Errorf("%s: it is made twice", name)
			}
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
			late, lateLeaves := context.WithCancel(t.Context())
			last := goClaim(late, r, ask)
			if !last.waits() {
				t.Errorf("%s: it is made twice while the first is being given up", name)
			}
			if lateLeaves(); last.waits() || !errors.Is(last.err, context.Canceled) {
				t.Errorf("%s: who came late and left got %v", name, last.err)
			}
		})
	}
}
