package sim

import (
	"bytes"
	"encoding/json"
	"net/http"
)

// event is one server-sent event. A name and an id are written if they are not empty.
type event struct {
	name, id string
	data     any
	raw      string // written as it is, in place of data
}

func unnamed(values []any) (out []event) {
	for _, v := range values {
		out = append(out, event{data: v})
	}
	return out
}

// bytes returns the event as it is on the wire, its data on one line.
func (e event) bytes() []byte {
	var b bytes.Buffer
	if e.id != "" {
		b.WriteString("id: " + e.id + "\n")
	}
	if e.name != "" {
		b.WriteString("event: " + e.name + "\n")
	}
	data := []byte(e.raw)
	if e.data != nil {
		var err error
		if data, err = json.Marshal(e.data); err != nil {
			panic(err) // as in exchange.json
		}
	}
	b.WriteString("data: ")
	b.Write(data)
	b.WriteString("\n\n")
	return b.Bytes()
}

// events answers with a stream of them. Cut and Hang strike in the middle of the last one, Garbage halves each.
func (x *exchange) events(contentType string, all []event) {
	x.beginEvents(contentType)
	fault := x.lateFault()
	for i, e := range all {
		data := e.bytes()
		if fault == Garbage {
			data = append(data[:len(data)/2], "\n\n"...)
		}
		if (fault == Cut || fault == Hang) && i == len(all)-1 {
			_, _ = x.w.Write(data[:len(data)/2])
			x.breakOff(fault)
		}
		_, _ = x.w.Write(data)
		x.flush()
	}
}

func (x *exchange) beginEvents(contentType string) {
	if x.lateFault() == ResetLate {
		x.reset()
	}
	x.w.Header().Set("Content-Type", contentType)
	x.w.Header().Set("Cache-Control", "no-cache")
	x.w.WriteHeader(http.StatusOK)
	x.flush()
}
