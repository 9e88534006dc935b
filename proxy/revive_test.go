package proxy

import (
	"errors"
	"strings"
	"testing"

	"switchyard"
	"switchyard/ticket"
)

// attempts reads "number:job:outcome" texts.
func attempts(texts ...string) (list []switchyard.Attempt) {
	for i, text := range texts {
		part := strings.Split(text, ":")
		list = append(list, switchyard.Attempt{
			ID: text, Number: int(part[0][0] - '0'), Part: i, Job: part[1], Outcome: switchyard.Outcome(part[2]),
		})
	}
	return list
}

func names(list []switchyard.Attempt) string {
	var all []string
	for _, a := range list {
		all = append(all, a.ID)
	}
	return strings.Join(all, " ")
}

// TestUnheld: the jobs that a provider may still have are found, whatever was tried after them.
func TestUnheld(t *testing.T) {
	for _, c := range []struct {
		earlier []string
		held    string
	}{
		{nil, ""},
		{[]string{"1:a:"}, "1:a:"},
		// Ended, though not well.
		{[]string{"1:a:timeout"}, ""},
		// Its picture died with the process.
		{[]string{"1:a:ok"}, "1:a:ok"},
		// Parts of a fan-out.
		{[]string{"1:a:ok", "1:b:", "1::lost"}, "1:a:ok 1:b:"},
		// Planned anew after a dead model.
		{[]string{"1:a:", "2:b:overloaded"}, "1:a:"},
		{[]string{"1:a:timeout", "2:b:"}, "2:b:"},
		// Of a synchronous provider.
		{[]string{"1::overloaded", "2::ok"}, ""},
	} {
		over, held := unheld(attempts(c.earlier...))
		if names(held) != c.held || len(over)+len(held) != len(c.earlier) {
			t.Errorf("%q: held %q, over %q", c.earlier, names(held), names(over))
		}
	}
}

// TestAHeldTicketWithoutAJobIsNotBegunAnew: it had ended, and would be paid for twice.
func TestAHeldTicketWithoutAJobIsNotBegunAnew(t *testing.T) {
	err := (&Handler{}).Revive(t.Context(), ticket.Ticket{State: ticket.Held}, attempts("1:a:timeout"))
	if !errors.Is(err, errNothingHeld) {
		t.Errorf("got %v", err)
	}
}
