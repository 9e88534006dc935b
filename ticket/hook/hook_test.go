package hook_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"switchyard/ticket/hook"
)

func TestANoticeArrivesAsItIs(t *testing.T) {
	r, db := receive(t, ok), fresh(t)
	at := time.Date(2026, 11, 24, 6, 0, 0, 0, time.UTC)
	h := hooks(t, db, r, func(c *hook.Config) { c.Now = func() time.Time { return at } })
	stop := run(t, h)
	n := r.notice("a1")
	n.Body = []byte("{ \"z\":1,\n\"a\":\"\\u00e9\"}")
	insert(t, db, h, n)
	got := r.next(t)
	if got.path != "/a1" || got.body != string(n.Body) || got.header.Get("Signed") != digest(n.Body) || got.id() != "a1" ||
		got.header.Get("Content-Type") != "application/json" || got.header.Get("At") != strconv.FormatInt(at.UnixNano(), 10) {
		t.Errorf("got %+v", got)
	}
	stop()
	if s := stats(t, h); s != (hook.Stats{Attempts: 1, Delivered: 1}) {
		t.Errorf("got %+v", s)
	}
	if len(r.got) != 0 {
		t.Errorf("it came again: %+v", <-r.got)
	}
}

func TestNoticesOfATicketKeepTheirOrder(t *testing.T) {
	failures := 2
	r := receive(t, func(w http.ResponseWriter, in request) {
		if in.id() == "a1" && failures > 0 {
			failures--
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	db := fresh(t)
	h := hooks(t, db, r, nil)
	run(t, h)
	insert(t, db, h, r.notices("a1", "a2")...)
	insert(t, db, h, r.notice("a3"))
	if got := r.ids(t, 5); got != "a1 a1 a1 a2 a3" {
		t.Errorf("got %s", got)
	}
}

func TestEachAttemptIsSignedAnew(t *testing.T) {
	r := receive(t, func(w http.ResponseWriter, _ request) { w.WriteHeader(http.StatusBadGateway) })
	db := fresh(t)
	h := hooks(t, db, r, nil)
	run(t, h)
	insert(t, db, h, r.notice("a1"))
	one, two := r.next(t), r.next(t)
	before, _ := strconv.ParseInt(one.header.Get("At"), 10, 64)
	after, _ := strconv.ParseInt(two.header.Get("At"), 10, 64)
	if time.Duration(after-before) < 10*time.Millisecond || one.id() != two.id() || one.body != two.body {
		t.Errorf("got %+v, then %+v", one, two)
	}
}

func TestTicketsDoNotWaitForEachOther(t *testing.T) {
	hang := make(chan struct{})
	defer close(hang)
	r := receive(t, func(w http.ResponseWriter, in request) {
		switch in.id()[0] {
		case 'a':
			<-hang
		case 'b':
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	db := fresh(t)
	h := hooks(t, db, r, func(c *hook.Config) {
		c.Grace = 10 * time.Millisecond
		c.Policy = func(hook.Notice) hook.Policy { return hook.Policy{Attempts: 2, Backoff: hook.Exponential(time.Hour)} }
	})
	run(t, h)
	insert(t, db, h, r.notices("a1", "a2")...)
	insert(t, db, h, r.notices("b1", "b2")...)
	if got := r.ids(t, 2); got != "a1 b1" && got != "b1 a1" {
		t.Errorf("got %s", got)
	}
	insert(t, db, h, r.notices("c1", "c2")...)
	if got := r.ids(t, 2); got != "c1 c2" {
		t.Errorf("got %s", got)
	}
	if s := stats(t, h); s.Pending < 4 || s.Oldest.IsZero() {
		t.Errorf("got %+v", s)
	}
}

// River does not poll here, so only Wake makes it look. A notice is inserted when the job of the one before it has ended,
// or in the very moment in which it ends.
func TestNoNoticeIsForgotten(t *testing.T) {
	r, db := receive(t, ok), fresh(t)
	h := hooks(t, db, r, func(c *hook.Config) { c.Poll = time.Hour })
	run(t, h)
	for i := range 20 {
		id := fmt.Sprintf("a%d", i)
		insert(t, db, h, r.notice(id))
		if got := r.next(t).id(); got != id {
			t.Fatalf("got %s, want %s", got, id)
		}
		for stats(t, h).Pending > 0 || i%2 == 0 && running(t, db) { // a moment
		}
	}
}

func TestWhatIsRolledBackIsNotSent(t *testing.T) {
	r, db := receive(t, ok), fresh(t)
	h := hooks(t, db, r, nil)
	stop := run(t, h)
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(h.Insert(t.Context(), tx, r.notice("a1")), tx.Rollback()); err != nil {
		t.Fatal(err)
	}
	h.Wake()
	insert(t, db, h, r.notice("a2"))
	if got := r.next(t).id(); got != "a2" {
		t.Errorf("got %s", got)
	}
	stop()
	if s := stats(t, h); s.Attempts != 1 || s.Pending != 0 {
		t.Errorf("got %+v", s)
	}
}

func TestTheSameNoticeTwiceIsSentOnce(t *testing.T) {
	r, db := receive(t, ok), fresh(t)
	h := hooks(t, db, r, nil)
	stop := run(t, h)
	insert(t, db, h, r.notices("a1", "a1")...)
	insert(t, db, h, r.notice("a1"))
	r.next(t)
	insert(t, db, h, r.notices("a1", "a2")...) // also when it has been delivered
	if got := r.next(t).id(); got != "a2" {
		t.Errorf("got %s", got)
	}
	stop()
	if s := stats(t, h); s.Attempts != 2 || s.Pending != 0 {
		t.Errorf("got %+v", s)
	}
}

// Whoever holds the only connection must not be kept from letting go of it, and deliveries go on around it.
func TestOneConnectionIsEnough(t *testing.T) {
	r, db := receive(t, ok), fresh(t)
	h := hooks(t, db, r, nil)
	stop := run(t, h)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for j := range 4 {
				tx, err := db.BeginTx(t.Context(), nil)
				if err != nil {
					t.Error(err)
					return
				}
				for k := range 3 {
					h.Wake() // too early, and harmless
					if err := h.Insert(t.Context(), tx, r.notice(fmt.Sprintf("%d%d%d", i, j, k))); err != nil {
						t.Error(err)
					}
				}
				if err := tx.Commit(); err != nil {
					t.Error(err)
				}
				h.Wake()
				if _, err := h.Stats(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	last := map[byte]string{} // :: ticket → its latest notice
	for range 48 {
		id := r.next(t).id()
		if id <= last[id[0]] {
			t.Errorf("%s came after %s", id, last[id[0]])
		}
		last[id[0]] = id
	}
	stop()
	if s := stats(t, h); s.Delivered != 48 || s.Pending != 0 {
		t.Errorf("got %+v", s)
	}
}

// Then River's reads never stand in the way of the tickets'.
func TestTransactionsMayComeFromAnotherConnection(t *testing.T) {
	r, path := receive(t, ok), file(t)
	h := hooks(t, database(t, path), r, nil)
	run(t, h)
	db := database(t, path)
	for i := range 5 {
		insert(t, db, h, r.notice(fmt.Sprintf("a%d", i)))
	}
	if got := r.ids(t, 5); got != "a0 a1 a2 a3 a4" {
		t.Errorf("got %s", got)
	}
}

func TestRunMayEndBeforeItBegins(t *testing.T) {
	r, db := receive(t, ok), fresh(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := hooks(t, db, r, nil).Run(ctx); err != nil {
		t.Error(err)
	}
	h := hooks(t, db, r, nil)
	db.Close()
	if err := h.Run(t.Context()); err == nil {
		t.Error("ran without a database")
	}
}

func TestPruneForgetsWhatHasEnded(t *testing.T) {
	r := receive(t, func(w http.ResponseWriter, in request) {
		if strings.HasPrefix(in.id(), "b") {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	db := fresh(t)
	now := time.Date(2026, 11, 24, 6, 0, 0, 0, time.UTC)
	h := hooks(t, db, r, func(c *hook.Config) { c.Now = func() time.Time { return now } })
	stop := run(t, h)
	insert(t, db, h, r.notices("a1", "a2", "b1")...)
	r.ids(t, 3)
	stop()
	for _, tc := range []struct {
		before time.Time
		want   int64
	}{{now, 0}, {now.Add(1), 2}, {now.Add(time.Hour), 0}} {
		if n, err := h.Prune(t.Context(), tc.before); n != tc.want || err != nil {
			t.Errorf("before %v: got %d, %v, want %d", tc.before, n, err, tc.want)
		}
	}
	if s := stats(t, h); s.Pending != 1 || !s.Oldest.Equal(now) {
		t.Errorf("got %+v", s)
	}
}

func TestInsertRefusesHalfANotice(t *testing.T) {
	r, db := receive(t, ok), fresh(t)
	h := hooks(t, db, r, nil)
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	for _, n := range []hook.Notice{{Ticket: "a", URL: "x"}, {ID: "a", URL: "x"}, {ID: "a", Ticket: "a"}} {
		if err := h.Insert(t.Context(), tx, n); !errors.Is(err, hook.ErrIncomplete) {
			t.Errorf("%+v: got %v", n, err)
		}
	}
	if err := h.Insert(t.Context(), tx); err != nil {
		t.Errorf("none at all: %v", err)
	}
}

func TestNewNeedsItsParts(t *testing.T) {
	if _, err := hook.New(hook.Config{}); err == nil {
		t.Error("made of nothing")
	}
	r, db := receive(t, ok), database(t, filepath.Join(t.TempDir(), "x.db"))
	hooks(t, db, r, nil)
	hooks(t, db, r, nil) // bringing it up to date again is nothing
	if _, err := db.ExecContext(t.Context(), `INSERT INTO ticket_notices_version VALUES (99)`); err != nil {
		t.Fatal(err)
	}
	if err := hook.Up(t.Context(), db); err == nil {
		t.Error("taken, though a newer build wrote it")
	}
}
