package attempt

import (
	"bytes"
	"net/http"

	"switchyard"
	"switchyard/dialect"
	"switchyard/spool"
)

// maxComplaint bounds what is read of an event that says that its stream has failed.
const maxComplaint = 4 << 10

// events reads along as they pass, for the one that says that no picture will come: providers send it in a stream that has
// begun, and end that well. Lines may arrive in any pieces.
type events struct {
	line      []byte // the beginning of the line under way
	failing   bool   // the event under way is called error
	complaint []byte // what the last of such events said; nil if there was none
}

func (e *events) see(p []byte) {
	for {
		line, rest, whole := bytes.Cut(p, []byte("\n"))
		e.line = append(e.line, line[:min(len(line), maxComplaint-len(e.line))]...)
		if !whole {
			return
		}
		e.end(bytes.TrimRight(e.line, "\r"))
		e.line, p = e.line[:0], rest
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
	}
}

// refusal is what a complaint within a stream means to its provider's dialect. Work had begun by then: that it cost nothing
// is not known.
func (x *exchange) refusal(complaint []byte) *switchyard.Error {
	e := &switchyard.Error{Outcome: switchyard.Overloaded}
	body, err := x.Pool.ReadJSON(bytes.NewReader(complaint), int64(len(complaint)), maxComplaint)
	if err != nil {
		return e
	}
	defer body.Close()
	reply := &spool.Message{Status: http.StatusInternalServerError, Header: http.Header{}, Body: body}
	if _, err := x.dialect().Decode(&dialect.Exchange{Target: x.c.Target, Request: x.request, Sent: &dialect.Outgoing{}, Reply: reply}); err != nil {
		e.Outcome = switchyard.AsError(err).Outcome
	}
	return e
}
