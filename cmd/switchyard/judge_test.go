package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"switchyard"
	"switchyard/ledger"
	"switchyard/ticket"
)

// leftOver reads what a process left: a ticket, as "state" or "state:outcome", or none; how its generation ended, "-" if
// the ledger has none; and its attempts, each as "number:job:outcome".
func leftOver(tk, generation string, attempts ...string) left {
	var l left
	if state, outcome, _ := strings.Cut(tk, ":"); tk != "" {
		l.ticket = &ticket.Ticket{State: ticket.State(state), Outcome: switchyard.Outcome(outcome)}
	}
	if generation != "-" {
		l.account.Generation = switchyard.Generation{ID: "g", Outcome: switchyard.Outcome(generation)}
	}
	for i, text := range attempts {
		part := strings.Split(text, ":")
		l.account.Attempts = append(l.account.Attempts, switchyard.Attempt{
			ID: text, Number: int(part[0][0] - '0'), Part: i, Job: part[1], Outcome: switchyard.Outcome(part[2]),
		})
	}
	return l
}

func (l left) String() string {
	var tk ticket.Ticket
	if l.ticket != nil {
		tk = *l.ticket
	}
	text := fmt.Sprintf("ticket %q %q, generation %q", tk.State, tk.Outcome, l.account.Generation.Outcome)
	for _, a := range l.account.Attempts {
		text += fmt.Sprintf(", %s is %q", a.ID, a.Outcome)
	}
	return text
}

func idsOf(list []switchyard.Attempt) string {
	var all []string
	for _, a := range list {
		all = append(all, a.ID)
	}
	return strings.Join(all, " ")
}

// says is what records say, each as "attempt=outcome" or "=outcome" of the generation.
func says(records []ledger.Record) string {
	var all []string
	for _, r := range records {
		all = append(all, fmt.Sprintf("%s=%s", r.Attempt.ID, r.Attempt.Outcome+r.Generation.Outcome))
	}
	return strings.Join(all, " ")
}

// TestJudge: what becomes of each thing that a process may leave. What may have been sent is never sent again.
func TestJudge(t *testing.T) {
	for _, c := range []struct {
		left    left
		do      verdict
		outcome switchyard.Outcome // of the ticket, if it ends
		held    string             // jobs that are asked for
		jobs    string             // jobs that are cancelled
		records string
	}{
		// Nothing was sent.
		{leftOver("accepted", "-"), begin, "", "", "", ""},

		// A request was under way, or had been answered when nobody could be told.
		{leftOver("sending", "", "1::"), end, "lost", "", "", "1::=lost =lost"},
		{leftOver("sending", "", "1::overloaded", "2::"), end, "lost", "", "", "2::=lost =lost"},
		{leftOver("sending", "ok", "1::overloaded", "2::ok"), end, "lost", "", "", ""},

		// It had ended, and that was set aside.
		{leftOver("sending:ok", "ok", "1::ok"), end, "ok", "", "", ""},
		{leftOver("held:ok", "ok", "1:a:ok"), end, "ok", "", "", ""},
		{leftOver("sending:ok", "", "1::"), end, "ok", "", "", "1::=lost =ok"}, // the journal was not to be had
		{leftOver("held:timeout", "", "1:a:"), end, "timeout", "", "1:a:", "1:a:=lost =timeout"},

		// It had ended badly: the ledger knows how, and that is all that there is to it.
		{leftOver("sending", "filtered", "1::filtered"), end, "filtered", "", "", ""},
		{leftOver("held", "filtered", "1:a:filtered"), end, "filtered", "", "", ""},
		{leftOver("accepted", "rate_limited"), end, "rate_limited", "", "", ""},
		{leftOver("sending", "filtered", "1::", "2::filtered"), end, "filtered", "", "", "1::=lost =filtered"},

		// A provider has a job, which perhaps only the ledger knows.
		{leftOver("held", "", "1:a:"), reattach, "", "1:a:", "", ""},
		{leftOver("sending", "", "1:a:"), reattach, "", "1:a:", "", ""},
		{leftOver("held", "", "1:a:timeout", "2:b:"), reattach, "", "2:b:", "", ""},
		// Parts of a fan-out, one of them without an answer.
		{leftOver("held", "", "1:a:ok", "1:b:", "1::"), reattach, "", "1:a:ok 1:b:", "", "1::=lost"},
		// Planned anew after a dead model.
		{leftOver("held", "", "1:a:", "2:b:overloaded"), reattach, "", "1:a:", "", ""},
		// Its picture died with the process.
		{leftOver("held", "ok", "1:a:ok"), reattach, "", "1:a:ok", "", ""},
		// Two jobs, of which only the later one is asked for.
		{leftOver("held", "", "1:a:", "2:b:"), reattach, "", "2:b:", "1:a:", "1:a:=lost"},

		// It had no job any more: to begin it anew would be to pay twice.
		{leftOver("held", "timeout", "1:a:timeout"), end, "timeout", "", "", ""},
		{leftOver("held", "", "1:a:timeout"), end, "lost", "", "", "=lost"},
		{leftOver("held", "-"), end, "lost", "", "", ""},

		// An app was waiting, and has gone with its connection.
		{leftOver("", "", "1::"), abandon, "", "", "", "1::=lost =lost"},
		{leftOver("", "", "1:a:"), abandon, "", "", "1:a:", "1:a:=lost =lost"},
		{leftOver("", ""), abandon, "", "", "", "=lost"},
		// It had its answer from the winner of a hedge, and the loser was still at it.
		{leftOver("", "ok", "1::", "2::ok"), abandon, "", "", "", "1::=lost =ok"},
		{leftOver("", "ok", "1:a:", "2::ok"), abandon, "", "", "1:a:", "1:a:=lost =ok"},
	} {
		before := c.left.String()
		f := judge(c.left)
		if after := c.left.String(); after != before {
			t.Errorf("%s: it has become %s", before, after)
		}
		if f.do != c.do || idsOf(f.held) != c.held || idsOf(f.jobs) != c.jobs || says(f.records) != c.records {
			t.Errorf("%s: %s, held %q, jobs %q, records %q", before, f.do, idsOf(f.held), idsOf(f.jobs), says(f.records))
		}
		if f.do == end && f.ticket.Outcome != c.outcome {
			t.Errorf("%s: the ticket ends as %q", before, f.ticket.Outcome)
		}
		if gone := f.do == begin || f.do == reattach; gone && len(f.over)+len(f.held) != len(c.left.account.Attempts) {
			t.Errorf("%s: over %q, held %q", before, idsOf(f.over), idsOf(f.held))
		}
		for _, a := range f.over {
			if a.Outcome == "" {
				t.Errorf("%s: %s is over, and under way", before, a.ID)
			}
		}
	}
}

// TestJudgeByID: a job is known by its attempt's id, whatever else is known of the attempt.
func TestJudgeByID(t *testing.T) {
	l := leftOver("held", "", "1:a:", "2:b:")
	for i := range l.account.Attempts {
		l.account.Attempts[i].Err = many{errors.New("no answer")}
	}
	if f := judge(l); idsOf(f.held) != "2:b:" || idsOf(f.jobs) != "1:a:" {
		t.Errorf("held %q, jobs %q", idsOf(f.held), idsOf(f.jobs))
	}
}

// many is errors as one, of a type that == panics on.
type many []error

func (m many) Error() string { return fmt.Sprint([]error(m)) }
