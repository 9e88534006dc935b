package attempt

import (
	"bytes"
	"net/http"

	"switchyard"
	"switchyard/dialect"
	"switchyard/spool"
)

// events reads along as they pass, for the one that says that no picture will come: providers send it in a stream that has
// begun, and end that well; and for what they say was used. Lines may arrive in any pieces.
type events struct {
	line      line
	failing   bool   // the event under way is called error
	complaint []byte // what the last of such events said; nil if there was none

	counter dialect.Counter // who knows what they say of it; nil if nobody does
	usage   []byte          // the last event that tells what was used; nil if there was none
	counts  int             // how many did
}

func (e *events) see(p []byte) {
	for {
		piece, rest, whole := bytes.Cut(p, []byte("\n"))
		e.line.add(piece)
		if !whole {
			return
		}
		e.end(bytes.TrimRight(e.line.text, "\r"))
		e.line.reset()
		p = rest
	}
}

// end takes a line that is there whole.
func (e *events) end(line []byte) {
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimSpace(value)
	switch string(name) {
	case "":
		e.failing = e.failing && len(line) > 0 // an empty line ends an event, a comment does not
	case "event":
		e.failing = string(value) == "error"
	case "data":
		if e.failing || bytes.HasPrefix(value, []byte(`{"error":`)) || bytes.HasPrefix(value, []byte(`{"type":"error"`)) {
			e.complaint = bytes.Clone(value)
		}
		if e.counter != nil && bytes.Contains(value, []byte(`"`+e.counter.Counts()+`"`)) {
			e.usage = append(e.usage[:0], value...)
			e.counts++
		}
	}
}

// refusal returns the error for a complaint within a stream. Work had begun by then, so it is not known that it cost nothing.
func (x *exchange) refusal(complaint []byte) *switchyard.Error {
	if e := x.failureIn(complaint, http.StatusInternalServerError); e != nil {
		return &switchyard.Error{Outcome: e.Outcome}
	}
	return &switchyard.Error{Outcome: switchyard.Overloaded}
}

// filtered returns the error if the event that says what was used also says that no picture was made for safety's sake; else nil.
func (x *exchange) filtered(e *events) *switchyard.Error {
	said := x.failureIn(e.usage, http.StatusOK)
	if said == nil || said.Outcome != switchyard.Filtered {
		return nil
	}
	said.Stage = switchyard.Answered
	return said
}

// failureIn reads an event as if it were a whole answer with that status, and returns the failure that the provider's dialect
// finds in it; nil if there is none, or the event cannot be read.
func (x *exchange) failureIn(event []byte, status int) *switchyard.Error {
	body, err := x.Pool.ReadJSON(bytes.NewReader(event), int64(len(event)), maxLine)
	if err != nil {
		return nil
	}
	defer body.Close()
	reply := &spool.Message{Status: status, Header: http.Header{}, Body: body}
	if _, err = x.dialect().Decode(&dialect.Exchange{Target: x.c.Target, Request: x.request, Sent: &dialect.Outgoing{}, Reply: reply}); err == nil {
		return nil
	}
	return switchyard.AsError(err)
}

// counted returns what a whole stream used, as it says itself, and what that costs. ok is false if no picture is in the count:
// then it is not known whether any passed, or was left out of it.
func (x *exchange) counted(e *events) (u *switchyard.Usage, cost switchyard.Cost, ok bool) {
	body, err := x.Pool.ReadJSON(bytes.NewReader(e.usage), int64(len(e.usage)), maxLine)
	if err != nil {
		return nil, cost, false
	}
	defer body.Close()
	event, err := spool.Scan(body)
	if err != nil {
		return nil, cost, false
	}
	if u = e.counter.Counted(event, e.counts); u == nil || u.ImageOut <= 0 {
		return u, cost, false
	}
	cost = x.c.Target.Price.Charge(switchyard.Work{Usage: u, References: len(x.request.References)})
	return u, cost, cost.Basis == switchyard.BasisReported
}
