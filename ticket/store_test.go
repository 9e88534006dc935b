package ticket_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"switchyard"
	"switchyard/ticket"
)

func TestALifeIsOnDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	db := database(t, path)
	s := store(t, ticket.Config{DB: db})
	want := draft("a")
	want.State, want.Version, want.Expires = ticket.Accepted, 1, start.Add(7*24*time.Hour)
	if got := create(t, s, draft("a")); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	got, err := s.Advance(t.Context(), move("a", ticket.Accepted, ticket.Sending))
	if err != nil || got.State != ticket.Sending || got.Target != "flux" || time.Since(got.Started) > time.Minute {
		t.Errorf("sending: %+v, %v", got, err)
	}
	started := got.Started
	hold := move("a", ticket.Sending, ticket.Held)
	hold.Lease = start.Add(time.Hour)
	if got, err = s.Advance(t.Context(), hold); err != nil || got.Job != "job-1" || got.Target != "flux" || !got.Lease.Equal(hold.Lease) {
		t.Errorf("held: %+v, %v", got, err)
	}
	if got, err = s.Advance(t.Context(), move("a", ticket.Held, ticket.Done)); err != nil {
		t.Fatal(err)
	}
	if got.Outcome != switchyard.OK || string(got.Result) != `{"output":[]}` || got.Job != "job-1" || !got.Started.Equal(started) || got.Completed.Before(started) {
		t.Errorf("done: %+v", got)
	}
	db.Close()
	again, err := store(t, ticket.Config{DB: database(t, path)}).Get(t.Context(), "acme", "a")
	if err != nil || !reflect.DeepEqual(again, got) {
		t.Errorf("after a restart: %+v, %v", again, err)
	}
}

func TestAStrangersTicketIsNotFound(t *testing.T) {
	s := store(t, ticket.Config{})
	lead(t, s, "a", ticket.Sending)
	_, stranger := s.Get(t.Context(), "evil", "a")
	_, unknown := s.Get(t.Context(), "acme", "b")
	_, cancel := s.Cancel(t.Context(), "evil", "a")
	_, wait := s.Wait(t.Context(), ticket.Ticket{ID: "a", Tenant: "evil"})
	for name, err := range map[string]error{"stranger": stranger, "unknown": unknown, "cancel": cancel, "wait": wait} {
		if !errors.Is(err, ticket.ErrNotFound) || switchyard.AsError(err).Kind != switchyard.NotFound || err.Error() != unknown.Error() {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if got, err := s.Get(t.Context(), "acme", "a"); err != nil || got.Cancel {
		t.Errorf("a stranger canceled it: %+v, %v", got, err)
	}
}

func TestCreateRefuses(t *testing.T) {
	s := store(t, ticket.Config{MaxDocument: 20})
	create(t, s, draft("a"))
	taken, large, nameless, ownerless := draft("a"), draft("b"), draft(""), draft("c")
	taken.Tenant, large.Request, ownerless.Owner = "evil", make([]byte, 21), ""
	for _, tc := range []struct {
		draft ticket.Ticket
		want  error
	}{{taken, ticket.ErrExists}, {large, ticket.ErrTooLarge}, {nameless, ticket.ErrIllegal}, {ownerless, ticket.ErrIllegal}} {
		if _, err := s.Create(t.Context(), tc.draft, sent("{}")); !errors.Is(err, tc.want) {
			t.Errorf("%q: got %v, want %v", tc.draft.ID, err, tc.want)
		}
	}
	if got, err := s.Get(t.Context(), "acme", "a"); err != nil || got.Tenant != "acme" {
		t.Errorf("the first one: %+v, %v", got, err)
	}
}

func TestMoves(t *testing.T) {
	all := []ticket.State{ticket.Accepted, ticket.Sending, ticket.Held, ticket.Done}
	paths := map[ticket.State][]ticket.State{ // how to get there
		ticket.Sending: {ticket.Sending}, ticket.Held: {ticket.Sending, ticket.Held}, ticket.Done: {ticket.Done},
	}
	legal := map[string]bool{
		"accepted>sending": true, "accepted>done": true, "sending>sending": true, "sending>held": true, "sending>done": true,
		"held>sending": true, "held>done": true,
	}
	s := store(t, ticket.Config{})
	for _, from := range all {
		for _, to := range all {
			id := string(from) + ">" + string(to)
			lead(t, s, id, paths[from]...)
			got, err := s.Advance(t.Context(), move(id, from, to))
			if legal[id] && (err != nil || got.State != to) || !legal[id] && !errors.Is(err, ticket.ErrIllegal) {
				t.Errorf("%s: got %s, %v", id, got.State, err)
			}
		}
	}
}

func TestAFallbackForgetsTheLastJob(t *testing.T) {
	s := store(t, ticket.Config{})
	if got := lead(t, s, "a", ticket.Sending, ticket.Held, ticket.Sending); got.Job != "" {
		t.Errorf("job %q", got.Job)
	}
}

func TestAMoveNeedsWhatItTells(t *testing.T) {
	s := store(t, ticket.Config{MaxDocument: 20})
	lead(t, s, "a", ticket.Sending)
	jobless, endless, large := move("a", ticket.Sending, ticket.Held), move("a", ticket.Sending, ticket.Done), move("a", ticket.Sending, ticket.Done)
	jobless.Job, endless.Outcome, large.Result = "", "", make([]byte, 21)
	for _, tc := range []struct {
		move ticket.Move
		want error
	}{{jobless, ticket.ErrIllegal}, {endless, ticket.ErrIllegal}, {large, ticket.ErrTooLarge}} {
		if _, err := s.Advance(t.Context(), tc.move); !errors.Is(err, tc.want) {
			t.Errorf("%+v: got %v, want %v", tc.move, err, tc.want)
		}
	}
}

func TestOnlyOneMoveWins(t *testing.T) {
	s := store(t, ticket.Config{})
	lead(t, s, "a")
	var won atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			_, err := s.Advance(t.Context(), move("a", ticket.Accepted, ticket.Sending))
			if err == nil {
				won.Add(1)
			} else if !errors.Is(err, ticket.ErrConflict) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Errorf("%d moves won: the request would be sent as often", won.Load())
	}
	foreign := move("a", ticket.Sending, ticket.Done)
	foreign.Owner = "other"
	if _, err := s.Advance(t.Context(), foreign); !errors.Is(err, ticket.ErrConflict) {
		t.Errorf("another owner: got %v", err)
	}
	if _, err := s.Advance(t.Context(), move("none", ticket.Sending, ticket.Done)); !errors.Is(err, ticket.ErrNotFound) {
		t.Errorf("unknown: got %v", err)
	}
}

func TestCancelMarksWhatIsNotDone(t *testing.T) {
	s := store(t, ticket.Config{})
	lead(t, s, "a", ticket.Sending)
	lead(t, s, "done", ticket.Done)
	for range 2 {
		if got, err := s.Cancel(t.Context(), "acme", "a"); err != nil || !got.Cancel || got.State != ticket.Sending || got.Version != 3 {
			t.Errorf("got %+v, %v", got, err)
		}
	}
	if got, err := s.Cancel(t.Context(), "acme", "done"); err != nil || got.Cancel {
		t.Errorf("a done one: %+v, %v", got, err)
	}
}

func TestListPages(t *testing.T) {
	s := store(t, ticket.Config{})
	for i := range 7 {
		d := draft(fmt.Sprint(i))
		d.Created = start.Add(time.Duration(i/2) * time.Second) // pairs of the same age
		create(t, s, d)
	}
	for id, change := range map[string]func(*ticket.Ticket){
		"fal":  func(d *ticket.Ticket) { d.Dialect = "fal" },
		"evil": func(d *ticket.Ticket) { d.Tenant = "evil" },
	} {
		d := draft(id)
		change(&d)
		create(t, s, d)
	}
	got, before := "", ""
	for page := 0; ; page++ {
		list, next, err := s.List(t.Context(), ticket.Query{Tenant: "acme", Dialect: "replicate", Before: before, Limit: 3})
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range list {
			got += one.ID
		}
		if page == 0 { // a newcomer shifts no page
			d := draft("new")
			d.Created = start.Add(time.Hour)
			create(t, s, d)
		}
		if before = next; next == "" {
			break
		}
	}
	if got != "6543210" {
		t.Errorf("got %s", got)
	}
	for _, bad := range []string{"%", "AAAA", "Lg"} {
		if _, _, err := s.List(t.Context(), ticket.Query{Tenant: "acme", Before: bad, Limit: 3}); !errors.Is(err, ticket.ErrCursor) {
			t.Errorf("%q: got %v", bad, err)
		}
	}
}

// TestListSpan: a span has its beginning, and not its end; pages go on within it.
func TestListSpan(t *testing.T) {
	s := store(t, ticket.Config{})
	for i := range 5 {
		d := draft(fmt.Sprint(i))
		d.Created = start.Add(time.Duration(i) * time.Second)
		create(t, s, d)
	}
	at := func(i int) time.Time { return start.Add(time.Duration(i) * time.Second) }
	for _, c := range []struct {
		from, to time.Time
		want     string
	}{
		{want: "43210"},
		{from: at(1), want: "4321"},
		{to: at(3), want: "210"},
		{from: at(1), to: at(4), want: "321"},
		{from: at(3), to: at(3)},
	} {
		got, before := "", ""
		for {
			list, next, err := s.List(t.Context(), ticket.Query{Tenant: "acme", Dialect: "replicate", From: c.from, To: c.to, Before: before, Limit: 1})
			if err != nil {
				t.Fatal(err)
			}
			for _, one := range list {
				got += one.ID
			}
			if before = next; next == "" {
				break
			}
		}
		if got != c.want {
			t.Errorf("from %v to %v: %q, want %q", c.from, c.to, got, c.want)
		}
	}
}

// TestListBytes: a page ends before it has too many bytes, but has one ticket at least.
func TestListBytes(t *testing.T) {
	s := store(t, ticket.Config{})
	for _, id := range []string{"a", "b", "c"} {
		create(t, s, draft(id))
	}
	one := len(draft("a").Request)
	for bytes, want := range map[int]int{0: 3, one - 1: 1, 2*one - 1: 1, 2 * one: 2, 3 * one: 3} {
		list, next, err := s.List(t.Context(), ticket.Query{Tenant: "acme", Dialect: "replicate", Limit: 5, Bytes: bytes})
		if err != nil || len(list) != want || (next == "") != (want == 3) {
			t.Errorf("%d bytes: %d tickets, next %q, %v", bytes, len(list), next, err)
		}
	}
}

func TestPrune(t *testing.T) {
	s := store(t, ticket.Config{TTL: time.Hour})
	lead(t, s, "old", ticket.Done)
	lead(t, s, "open", ticket.Sending)
	young := draft("young")
	young.Created = start.Add(time.Minute)
	create(t, s, young)
	if _, err := s.Advance(t.Context(), move("young", ticket.Accepted, ticket.Done)); err != nil {
		t.Fatal(err)
	}
	if n, err := s.Prune(t.Context(), start.Add(time.Hour)); n != 1 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
	for id, want := range map[string]error{"old": ticket.ErrNotFound, "open": nil, "young": nil} {
		if _, err := s.Get(t.Context(), "acme", id); !errors.Is(err, want) {
			t.Errorf("%s: got %v", id, err)
		}
	}
}

func TestAMoveIsMadeWithWhatGoesAlongOrNotAtAll(t *testing.T) {
	s := store(t, ticket.Config{})
	lead(t, s, "a")
	m, no := move("a", ticket.Accepted, ticket.Sending), errors.New("no")
	m.With = func(_ context.Context, _ *sql.Tx, next ticket.Ticket) error {
		if next.State != ticket.Sending {
			t.Errorf("it was shown a ticket that is %s", next.State)
		}
		return no
	}
	if _, err := s.Advance(t.Context(), m); !errors.Is(err, ticket.ErrWith) || !errors.Is(err, no) {
		t.Errorf("got %v", err)
	}
	if got, err := s.Get(t.Context(), "acme", "a"); err != nil || got.State != ticket.Accepted {
		t.Errorf("it is %s, %v", got.State, err)
	}
	no = nil
	if got, err := s.Advance(t.Context(), m); err != nil || got.State != ticket.Sending {
		t.Errorf("it is %s, %v", got.State, err)
	}
	if got, err := s.Get(t.Context(), "acme", "a"); err != nil || got.State != ticket.Sending {
		t.Errorf("it is %s on disk, %v", got.State, err)
	}
}
