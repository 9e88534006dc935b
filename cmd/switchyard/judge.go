package main

import (
	"slices"

	"switchyard"
	"switchyard/ledger"
	"switchyard/ticket"
)

// left is what an earlier process left of one piece of work.
type left struct {
	account ledger.Account // empty if nothing was sent
	ticket  *ticket.Ticket // not done; nil if an app waited for the work, which has gone with its connection
}

// verdict is what becomes of what is left.
type verdict string

const (
	abandon  verdict = "abandoned"      // there is nobody to go on with it for
	end      verdict = "ended"          // how its ticket ended is known, and only its row does not say so yet
	begin    verdict = "begun"          // nothing was sent for its ticket
	reattach verdict = "taken up again" // a provider has the job of its ticket
)

// fate is what is to be done about it.
type fate struct {
	left
	do      verdict
	over    []switchyard.Attempt // of a ticket that is gone on with: those that have ended
	held    []switchyard.Attempt // and the jobs that are to be asked for
	jobs    []switchyard.Attempt // which nobody will ask for: they are cancelled
	records []ledger.Record      // what makes the ledger true of it
}

// judge decides. What may have been sent is never sent again. A ticket whose request was under way, without a job by which its result
// can be found, is lost. If its generation has failed already the ticket ends as that did: told that it was lost, the app would try again
// what is refused.
func judge(l left) fate {
	f := fate{left: l}
	f.over, f.held = part(l.account.Attempts)
	ended := l.account.Generation.Outcome
	switch tk := l.ticket; {
	case tk == nil:
		f.do = abandon
	case tk.Outcome != "":
		f.do = end
	case len(f.held) > 0:
		f.do = reattach
	case ended != "" && ended != switchyard.OK:
		f.do, f.ticket = end, as(ended, *tk)
	case tk.State == ticket.Accepted:
		f.do = begin
	default:
		f.do, f.ticket = end, as(switchyard.Lost, *tk)
	}
	if f.do == abandon || f.do == end {
		f.over, f.held = nil, nil
		f.records = l.account.End(f.outcome())
	}
	for i, a := range f.over {
		if a.Outcome == "" {
			f.over[i] = a.Lost()
			f.records = append(f.records, ledger.SettleRecord(f.over[i]))
		}
	}
	for _, a := range l.account.Attempts {
		isHeld := slices.ContainsFunc(f.held, func(h switchyard.Attempt) bool { return h.ID == a.ID })
		if a.Outcome == "" && a.Job != "" && !isHeld {
			f.jobs = append(f.jobs, a)
		}
	}
	return f
}

// outcome is how a generation ends that nobody goes on with: as its ticket does, which may have its result.
func (f *fate) outcome() switchyard.Outcome {
	if f.ticket == nil {
		return switchyard.Lost
	}
	return f.ticket.Outcome
}

// as is the ticket with its outcome.
func as(o switchyard.Outcome, tk ticket.Ticket) *ticket.Ticket {
	tk.Outcome = o
	return &tk
}

// part parts the jobs that a provider may still have (held) from all else that was tried. If there are none, the jobs of the last target
// that went well are held: their pictures died with the process, and are asked for again.
func part(attempts []switchyard.Attempt) (over, held []switchyard.Attempt) {
	last, open := 0, 0
	for _, a := range attempts {
		last = max(last, a.Number)
		if a.Job != "" && a.Outcome == "" {
			open = max(open, a.Number)
		}
	}
	if open == 0 {
		open = last
	}
	for _, a := range attempts {
		if a.Number == open && a.Job != "" && (a.Outcome == "" || a.Outcome == switchyard.OK) {
			held = append(held, a)
		} else {
			over = append(over, a)
		}
	}
	return over, held
}
