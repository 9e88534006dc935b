package ticket_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"switchyard"
	"switchyard/ticket"
)

// stand is how tickets stand, by id.
func stand(list []ticket.Ticket) string {
	var s []string
	for _, t := range list {
		s = append(s, t.ID+"@"+t.Owner+" "+string(t.State))
	}
	slices.Sort(s)
	return strings.Join(s, ", ")
}

func TestWhatADeadProcessLeftIsTakenOverAsItStands(t *testing.T) {
	s := store(t, ticket.Config{})
	lead(t, s, "a")
	lead(t, s, "b", ticket.Sending)
	lead(t, s, "c", ticket.Sending, ticket.Held)
	lead(t, s, "d", ticket.Done)
	if list, err := s.Recover(t.Context(), ticket.Claim{Owner: "me", Lease: start}); err != nil || len(list) != 0 {
		t.Fatalf("what is one's own is not to be recovered: %+v, %v", list, err)
	}
	lease := start.Add(time.Hour)
	list, err := s.Recover(t.Context(), ticket.Claim{Owner: "new", Lease: lease})
	if err != nil || stand(list) != "a@new accepted, b@new sending, c@new held" {
		t.Fatalf("got %+v, %v", list, err)
	}
	for _, tk := range list {
		if !tk.Lease.Equal(lease) || tk.Outcome != "" || tk.State == ticket.Held && (tk.Job != "job-1" || tk.Target != "flux") {
			t.Errorf("got %+v", tk)
		}
	}
	end := ticket.Move{ID: "b", Owner: "new", From: ticket.Sending, To: ticket.Done, Outcome: switchyard.Lost}
	if lost, err := s.Advance(t.Context(), end); err != nil || lost.Outcome != switchyard.Lost || lost.Completed.IsZero() {
		t.Errorf("lost: %+v, %v", lost, err)
	}
	// The dead one, if it lives after all, cannot send what was taken from it.
	if _, err := s.Advance(t.Context(), move("a", ticket.Accepted, ticket.Sending)); !errors.Is(err, ticket.ErrConflict) {
		t.Errorf("got %v", err)
	}
	if list, err := s.Recover(t.Context(), ticket.Claim{Owner: "new", Lease: lease}); err != nil || len(list) != 0 {
		t.Errorf("the same twice: %+v, %v", list, err)
	}
}

// TestAnEndThatWasSetAsideIsFound: while the row cannot be written, the end of a ticket lies in a file, until it can.
func TestAnEndThatWasSetAsideIsFound(t *testing.T) {
	dir := t.TempDir()
	c := ticket.Config{DB: database(t, filepath.Join(dir, "x.db")), Dir: filepath.Join(dir, "bodies")}
	s := store(t, c)
	for _, id := range []string{"a", "torn"} {
		lead(t, s, id, ticket.Sending)
		if err := s.SetAside(move(id, ticket.Sending, ticket.Done)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Truncate(filepath.Join(c.Dir, "torn.end"), 20); err != nil {
		t.Fatal(err)
	}
	s = store(t, c) // another process, which sweeps first
	list, err := s.Recover(t.Context(), ticket.Claim{Owner: "new", Lease: start})
	if err != nil || stand(list) != "a@new sending, torn@new sending" {
		t.Fatalf("got %+v, %v", list, err)
	}
	for _, tk := range list {
		if whole := tk.ID == "a"; whole != (tk.Outcome == switchyard.OK) || whole != (string(tk.Result) == `{"output":[]}`) {
			t.Errorf("%s ended as %q with %q", tk.ID, tk.Outcome, tk.Result)
		}
	}
	for _, tk := range list {
		m := move(tk.ID, ticket.Sending, ticket.Done)
		m.Owner = "new"
		if tk.ID == "torn" { // it makes room for another
			if err := s.SetAside(m); err != nil {
				t.Error(err)
			}
		}
		if _, err := s.Advance(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	if files, err := os.ReadDir(c.Dir); err != nil || len(files) != 0 {
		t.Errorf("left are %v, %v", files, err)
	}
}

// An id may come again, with its Idempotency-Key, after its ticket has been forgotten: it is another ticket.
func TestAnEndIsOfOneTicket(t *testing.T) {
	dir := t.TempDir()
	c := ticket.Config{DB: database(t, filepath.Join(dir, "x.db")), Dir: filepath.Join(dir, "bodies")}
	s := store(t, c)
	if err := s.SetAside(move("a", ticket.Sending, ticket.Done)); err != nil {
		t.Fatal(err)
	}
	lead(t, s, "a", ticket.Sending)
	list, err := s.Recover(t.Context(), ticket.Claim{Owner: "new", Lease: start})
	if err != nil || len(list) != 1 || list[0].Outcome != "" {
		t.Errorf("got %+v, %v", list, err)
	}
}

func TestOnlyAnEndIsSetAside(t *testing.T) {
	s := store(t, ticket.Config{Dir: t.TempDir()})
	if err := s.SetAside(move("a", ticket.Sending, ticket.Held)); !errors.Is(err, ticket.ErrIllegal) {
		t.Errorf("got %v", err)
	}
	if err := store(t, ticket.Config{}).SetAside(move("a", ticket.Sending, ticket.Done)); err == nil {
		t.Error("set aside without a folder")
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
	if list, err := s.Recover(t.Context(), claim); err != nil || stand(list) != "other@new accepted" {
		t.Errorf("got %+v, %v", list, err)
	}
	claim.Dead = start.Add(11 * time.Minute)
	if list, err := s.Recover(t.Context(), claim); err != nil || stand(list) != "fresh@new accepted, mine@new sending" {
		t.Errorf("got %+v, %v", list, err)
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
