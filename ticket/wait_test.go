package ticket_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"switchyard/ticket"
)

// bubble runs f with a store, on a clock that stands still while anybody works.
func bubble(t *testing.T, f func(t *testing.T, s *ticket.Store)) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		db := database(t, filepath.Join(dir, "x.db"))
		defer db.Close()
		f(t, store(t, ticket.Config{DB: db}))
	})
}

func TestWaitersWakeWhenTheirTicketChanges(t *testing.T) {
	bubble(t, func(t *testing.T, s *ticket.Store) {
		a, b := lead(t, s, "a"), lead(t, s, "b")
		type answer struct {
			ticket ticket.Ticket
			err    error
		}
		got := make(chan answer, 10)
		wait := func(of ticket.Ticket) {
			go func() {
				now, err := s.Wait(t.Context(), of)
				got <- answer{now, err}
			}()
		}
		for range 3 {
			wait(a)
		}
		synctest.Wait()
		if len(got) != 0 {
			t.Fatal("woken by nothing")
		}
		began := time.Now()
		if _, err := s.Advance(t.Context(), move("b", ticket.Accepted, ticket.Sending)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if len(got) != 0 {
			t.Fatal("woken by another ticket")
		}
		if _, err := s.Advance(t.Context(), move("a", ticket.Accepted, ticket.Sending)); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if one := <-got; one.err != nil || one.ticket.State != ticket.Sending {
				t.Errorf("got %+v", one)
			}
		}
		wait(b) // has changed since: no wait at all
		if one := <-got; one.err != nil || one.ticket.State != ticket.Sending {
			t.Errorf("got %+v", one)
		}
		if !time.Now().Equal(began) {
			t.Errorf("somebody polls: %v went by", time.Since(began))
		}
	})
}

func TestCancelAndRecoverWake(t *testing.T) {
	bubble(t, func(t *testing.T, s *ticket.Store) {
		for id, change := range map[string]func(id string) error{
			"canceled":  func(id string) error { _, err := s.Cancel(t.Context(), "acme", id); return err },
			"recovered": func(string) error { _, err := s.Recover(t.Context(), ticket.Claim{Owner: "new"}); return err },
		} {
			before := lead(t, s, id, ticket.Sending)
			woken := make(chan error)
			go func() { _, err := s.Wait(t.Context(), before); woken <- err }()
			synctest.Wait()
			if err := errors.Join(change(before.ID), <-woken); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestWaitEndsWithItsContext(t *testing.T) {
	bubble(t, func(t *testing.T, s *ticket.Store) {
		a := lead(t, s, "a")
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		woken := make(chan error, 2)
		wait := func() { _, err := s.Wait(t.Context(), a); woken <- err }
		go wait()
		synctest.Wait()
		began := time.Now()
		got, err := s.Wait(ctx, a)
		if !errors.Is(err, context.DeadlineExceeded) || got.State != ticket.Accepted || time.Since(began) != 30*time.Second {
			t.Errorf("got %+v, %v after %v", got, err, time.Since(began))
		}
		// Whoever waits longer, or later, still hears.
		go wait()
		synctest.Wait()
		if _, err := s.Cancel(t.Context(), "acme", "a"); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(<-woken, <-woken); err != nil {
			t.Error(err)
		}
	})
}
