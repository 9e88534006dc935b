package ticket_test

import (
	"database/sql"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"switchyard"
	"switchyard/ticket"
)

var start = time.Date(2026, 11, 24, 6, 0, 0, 0, time.UTC)

func database(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(5000)&_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() })
	return db
}

// sent is a body as an app sent it.
type sent string

func (s sent) Open() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(string(s))), nil }
func (s sent) Len() int64                   { return int64(len(s)) }

func store(t *testing.T, c ticket.Config) *ticket.Store {
	t.Helper()
	if c.DB == nil {
		c.DB = database(t, filepath.Join(t.TempDir(), "x.db"))
	}
	s, err := ticket.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// draft is a ticket of acme, worked on by "me".
func draft(id string) ticket.Ticket {
	return ticket.Ticket{
		ID: id, Tenant: "acme", Dialect: "replicate", Model: "house", Generation: "g-" + id, Owner: "me",
		Lease: start.Add(time.Minute), Created: start, Request: []byte(`{"prompt":"x"}`),
	}
}

func create(t *testing.T, s *ticket.Store, d ticket.Ticket) ticket.Ticket {
	t.Helper()
	got, err := s.Create(t.Context(), d, sent("{}"))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func move(id string, from, to ticket.State) ticket.Move {
	m := ticket.Move{ID: id, Owner: "me", From: from, To: to}
	switch to {
	case ticket.Sending:
		m.Target = "flux"
	case ticket.Held:
		m.Job = "job-1"
	case ticket.Done:
		m.Outcome, m.Result = switchyard.OK, []byte(`{"output":[]}`)
	}
	return m
}

// lead makes a ticket and leads it through states.
func lead(t *testing.T, s *ticket.Store, id string, states ...ticket.State) ticket.Ticket {
	t.Helper()
	got := create(t, s, draft(id))
	for _, to := range states {
		var err error
		if got, err = s.Advance(t.Context(), move(id, got.State, to)); err != nil {
			t.Fatal(err)
		}
	}
	return got
}
