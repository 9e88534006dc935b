package ticket_test

import (
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"switchyard"
	"switchyard/ticket"
)

func ids(list []ticket.Ticket) string {
	var s []string
	for _, t := range list {
		s = append(s, t.ID+"@"+t.Owner)
	}
	return strings.Join(s, " ")
}

func TestWhatADeadProcessLeftIsRunReattachedOrLostButNeverSentAgain(t *testing.T) {
	s := store(t, ticket.Config{})
	lead(t, s, "accepted")
	lead(t, s, "sending", ticket.Sending)
	lead(t, s, "held", ticket.Sending, ticket.Held)
	lead(t, s, "done", ticket.Done)
	if r, err := s.Recover(t.Context(), ticket.Claim{Owner: "me", Lease: start}); err != nil || len(r.Run)+len(r.Reattach)+len(r.Lost) != 0 {
		t.Fatalf("what is one's own is not to be recovered: %+v, %v", r, err)
	}
	lease := start.Add(time.Hour)
	r, err := s.Recover(t.Context(), ticket.Claim{Owner: "new", Lease: lease})
	if err != nil || ids(r.Run) != "accepted@new" || ids(r.Reattach) != "held@new" || ids(r.Lost) != "sending@new" {
		t.Fatalf("got %+v, %v", r, err)
	}
	if held := r.Reattach[0]; held.Job != "job-1" || held.Target != "flux" || held.State != ticket.Held || !held.Lease.Equal(lease) {
		t.Errorf("held: %+v", held)
	}
	end := ticket.Move{ID: "sending", Owner: "new", From: ticket.Sending, To: ticket.Done, Outcome: switchyard.Lost}
	if lost, err := s.Advance(t.Context(), end); err != nil || lost.Outcome != switchyard.Lost || lost.Completed.IsZero() {
		t.Errorf("lost: %+v, %v", lost, err)
	}
	// The dead one, if it lives after all, cannot send what was taken from it.
	if _, err := s.Advance(t.Context(), move("accepted", ticket.Accepted, ticket.Sending)); !errors.Is(err, ticket.ErrConflict) {
		t.Errorf("got %v", err)
	}
	if r, err := s.Recover(t.Context(), ticket.Claim{Owner: "new", Lease: lease}); err != nil || len(r.Run)+len(r.Reattach)+len(r.Lost) != 0 {
		t.Errorf("the same twice: %+v, %v", r, err)
	}
}

func TestALivingOwnerKeepsItsTickets(t *testing.T) {
	s := store(t, ticket.Config{})
	lead(t, s, "mine", ticket.Sending) // lease: one minute
	lead(t, s, "fresh")
	other := draft("other")
	other.Owner = "other"
	create(t, s, other)
	if err := s.Renew(t.Context(), "me", start.Add(10*time.Minute)); err != nil {
		t.Fatal(err)
	}
	claim := ticket.Claim{Owner: "new", Lease: start.Add(time.Hour), Dead: start.Add(5 * time.Minute)}
	r, err := s.Recover(t.Context(), claim)
	if err != nil || ids(r.Run) != "other@new" || len(r.Lost) != 0 {
		t.Errorf("got %+v, %v", r, err)
	}
	claim.Dead = start.Add(11 * time.Minute)
	if r, err = s.Recover(t.Context(), claim); err != nil || ids(r.Lost) != "mine@new" || ids(r.Run) != "fresh@new" {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestANewerFileIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	db := database(t, path)
	store(t, ticket.Config{DB: db})
	store(t, ticket.Config{DB: db}) // opening again is nothing
	if _, err := db.ExecContext(t.Context(), `INSERT INTO ticket_version VALUES (99)`); err != nil {
		t.Fatal(err)
	}
	if _, err := ticket.New(t.Context(), ticket.Config{DB: db}); err == nil {
		t.Error("opened, though a newer build wrote it")
	}
}

func TestALockedFileRefusesATicketRatherThanForgetIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	db := database(t, path)
	s := store(t, ticket.Config{DB: db})
	if _, err := db.ExecContext(t.Context(), `PRAGMA busy_timeout = 10`); err != nil {
		t.Fatal(err)
	}
	foreign, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer foreign.Close()
	foreign.SetMaxOpenConns(1)
	if _, err := foreign.ExecContext(t.Context(), `BEGIN IMMEDIATE`); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Create(t.Context(), draft("a"), sent("{}")); err == nil {
		t.Error("created, though nothing could be written")
	}
	if _, err := foreign.ExecContext(t.Context(), `ROLLBACK`); err != nil {
		t.Fatal(err)
	}
	create(t, s, draft("a"))
}
