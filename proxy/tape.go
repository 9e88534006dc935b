package proxy

import (
	"io"
	"net/http"

	"switchyard"
	"switchyard/spool"
)

// tape records the events of a stream, for an app that asks for them once more. A nil tape records nothing.
type tape struct {
	header http.Header // that went out with them
	events *spool.Writer
	err    error       // why it has not all of them
	body   *spool.Body // nil until it is wound back
}

var _ switchyard.Blob = (*tape)(nil)

// tape is for a stream that the app has a key for; nil for others.
func (q *request) tape() *tape {
	if !q.keyed() {
		return nil
	}
	return &tape{events: q.Runner.Pool.Writer(q.Runner.MaxAnswer)}
}

func (t *tape) begin(header http.Header) {
	if t != nil {
		t.header = header.Clone()
	}
}

func (t *tape) add(events []byte) {
	if t != nil && t.err == nil {
		_, t.err = t.events.Write(events)
	}
}

// wind ends the taking; from now on the tape can be opened.
func (t *tape) wind() { t.body = t.events.Body() }

func (t *tape) Len() int64 { return t.body.Len() }

func (t *tape) Open() (io.ReadCloser, error) {
	if t.err != nil {
		return nil, t.err
	}
	return t.body.Open()
}

// close throws the events away.
func (t *tape) close() {
	if t == nil {
		return
	}
	t.events.Abort()
	if t.body != nil {
		_ = t.body.Close()
	}
}
