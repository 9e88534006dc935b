package proxy_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	_ "modernc.org/sqlite"

	"switchyard"
	"switchyard/dialect/all"
	"switchyard/ledger"
	"switchyard/proxy"
	"switchyard/spool"
	"switchyard/ticket"
)

// locked is a ticket for which a request is under way, and the handler that works on it, in a database that another process
// has locked until unlock is called. It is for a bubble.
func locked(t *testing.T) (h *proxy.Handler, tk ticket.Ticket, unlock func()) {
	file := "file:" + filepath.Join(t.TempDir(), "x.db") + "?_pragma=journal_mode(WAL)"
	connect := func() *sql.DB {
		db, err := sql.Open("sqlite", file)
		if err != nil {
			t.Fatal(err)
		}
		db.SetMaxOpenConns(1)
		t.Cleanup(func() { _ = db.Close() })
		return db
	}
	db, foreign := connect(), connect()
	s, err := ticket.New(t.Context(), ticket.Config{DB: db}) // without a folder, nothing can be set aside
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Create(t.Context(), ticket.Ticket{ID: "a", Tenant: "acme", Owner: "me"}, spool.Bytes("{}")); err != nil {
		t.Fatal(err)
	}
	tk, err = s.Advance(t.Context(), ticket.Move{ID: "a", Owner: "me", From: ticket.Accepted, To: ticket.Sending, Target: "flux"})
	if err != nil {
		t.Fatal(err)
	}
	do := func(text string) {
		if _, err := foreign.ExecContext(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	do(`BEGIN IMMEDIATE`)
	return &proxy.Handler{Tickets: s, Journal: nowhere{}, Log: zap.NewNop()}, tk, func() { do(`ROLLBACK`) }
}

// TestTheEndOfATicketWaitsForTheDatabase: however long its row cannot be written, it ends as soon as it can.
func TestTheEndOfATicketWaitsForTheDatabase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, tk, unlock := locked(t)
		ended := make(chan struct{})
		go func() { defer close(ended); proxy.Finish(t.Context(), h, tk) }()
		select {
		case <-ended:
			t.Error("it was given up")
		case <-time.After(time.Hour):
		}
		unlock()
		<-ended
		tk, err := h.Tickets.Get(t.Context(), "acme", "a")
		if err != nil || tk.State != ticket.Done || tk.Outcome != switchyard.OK {
			t.Errorf("it is %s %q, %v", tk.State, tk.Outcome, err)
		}
	})
}

// TestAJobOutlivesALockedDatabase: a provider has accepted it, and the journal knows, so it is waited for. A ticket that is
// not ours any more is another matter.
func TestAJobOutlivesALockedDatabase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, tk, unlock := locked(t)
		if err := proxy.Hold(t.Context(), h, tk, "job-1"); err != nil {
			t.Errorf("the work is stopped: %v", err)
		}
		unlock()
		tk.Owner = "another"
		if err := proxy.Hold(t.Context(), h, tk, "job-1"); !errors.Is(err, ticket.ErrConflict) {
			t.Errorf("somebody else's: %v", err)
		}
	})
}

// TestAJobOutlivesAFullDisk: a provider has accepted it, so it is waited for, and the journal is told of it when there is room again.
func TestAJobOutlivesAFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, tk, unlock := locked(t)
		unlock()
		d := &disk{spare: 1, full: 3}
		h.Journal = d
		if err := proxy.Begin(t.Context(), h, tk, "job-1"); err != nil {
			t.Errorf("the work is stopped: %v", err)
		}
		if tk, err := h.Tickets.Get(t.Context(), "acme", "a"); err != nil || tk.State != ticket.Held || tk.Job != "job-1" {
			t.Errorf("it is %s at %q, %v", tk.State, tk.Job, err)
		}
		time.Sleep(time.Minute)
		if got := d.told(); got != "[begun opened held]" {
			t.Errorf("a disk with room again has taken %s", got)
		}
	})
}

// leavingJournal has the app leave as soon as a job is on disk.
type leavingJournal struct {
	proxy.Journal
	leave context.CancelFunc
}

func (j leavingJournal) Append(context.Context, ...ledger.Record) error {
	j.leave()
	return nil
}

// TestAJobIsHeldThoughItsAppLeaves: what the journal has of a job the ticket's row has, too, whoever still waits for it.
func TestAJobIsHeldThoughItsAppLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, tk, unlock := locked(t)
		unlock()
		ctx, leave := context.WithCancel(t.Context())
		h.Journal = leavingJournal{leave: leave}
		if err := proxy.Hold(ctx, h, tk, "job-1"); err != nil {
			t.Error(err)
		}
		tk, err := h.Tickets.Get(t.Context(), "acme", "a")
		if err != nil || tk.State != ticket.Held || tk.Job != "job-1" {
			t.Errorf("it is %s at %q, %v", tk.State, tk.Job, err)
		}
	})
}

// TestATicketWhoseBodyIsGone: nobody can ever go on with it, and the error names it once.
func TestATicketWhoseBodyIsGone(t *testing.T) {
	dir := t.TempDir()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s, err := ticket.New(t.Context(), ticket.Config{DB: db, Dir: filepath.Join(dir, "bodies")})
	if err != nil {
		t.Fatal(err)
	}
	tk, err := s.Create(t.Context(), ticket.Ticket{ID: "a", Tenant: "acme", Owner: "me", Dialect: "fal", Request: []byte("{}")}, spool.Bytes(make([]byte, 100_000)))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "bodies", "a")); err != nil {
		t.Fatal(err)
	}
	h := &proxy.Handler{Tickets: s, Journal: nowhere{}, Log: zap.NewNop()}
	h.Use(&proxy.Snapshot{Dialects: all.Dialects(), Keys: proxy.NewKeyring(nil)})
	if err := h.Revive(t.Context(), tk, "", nil, nil); !errors.Is(err, proxy.ErrUnrevivable) || strings.Count(err.Error(), "ticket a") != 1 {
		t.Errorf("got %v", err)
	}
}
