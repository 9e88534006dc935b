package sim

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"time"

	"switchyard"
)

type (
	obj  = map[string]any
	list = []any
)

var quiet = log.New(io.Discard, "", 0) // for the server's own complaints about cut connections

// maxBody is more than any of the real services takes.
const maxBody = 256 << 20

// exchange is one request, read whole, and the way to answer it. It belongs to its handler's goroutine.
type exchange struct {
	w    http.ResponseWriter
	r    *http.Request
	p    *Provider
	site *Site
	body []byte
	b    Behavior // as it was when the request arrived, with what the prompt orders
	call *Call

	made bool // pictures were made: from now on Cut, Garbage and ResetLate strike
	poll bool // the request asks about a job
}

func (s *Site) handle(w http.ResponseWriter, r *http.Request, serve func(*exchange)) {
	if !s.p.world.begin() {
		panic(http.ErrAbortHandler)
	}
	defer s.p.world.wg.Done()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	c := &Call{
		Time: time.Now(), Site: s.name, Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery,
		Header: r.Header.Clone(), Bytes: len(body), Body: summary(r.Header.Get("Content-Type"), body),
	}
	s.p.record(c)
	x := &exchange{r: r, p: s.p, site: s, body: body, b: s.p.Behavior(), call: c}
	x.w = &statusWriter{ResponseWriter: w, x: x}
	if err != nil {
		x.note("body: " + err.Error())
		x.write(http.StatusRequestEntityTooLarge, "text/plain", []byte("Request Entity Too Large\n"))
		return
	}
	if x.b.Fault == Refuse && !s.p.delivers(s) && s.p.spend(x.b).Fault == Refuse {
		s.p.voice.overloaded(x)
		return
	}
	serve(x)
}

// statusWriter notes the status that went out.
type statusWriter struct {
	http.ResponseWriter
	x    *exchange
	sent bool
}

func (w *statusWriter) WriteHeader(status int) {
	if !w.sent && status >= 200 {
		w.sent = true
		w.x.edit(func(c *Call) { c.Status = status })
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	if !w.sent {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(b)
}

func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// edit changes the recorded call.
func (x *exchange) edit(f func(*Call)) {
	x.p.mu.Lock()
	defer x.p.mu.Unlock()
	f(x.call)
}

func (x *exchange) note(s string) { x.edit(func(c *Call) { c.Note = s }) }

func (x *exchange) ignored(names []string) {
	x.edit(func(c *Call) { c.Ignored = append(c.Ignored, names...) })
}

// about records what the request is for, and applies the orders in the prompt.
func (x *exchange) about(model, prompt string) {
	x.edit(func(c *Call) { c.Model, c.Prompt = model, prompt })
	x.b = x.p.spend(x.b).prompted(prompt)
}

// json answers with v.
func (x *exchange) json(status int, contentType string, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // cannot happen: answers are maps, lists, strings and numbers
	}
	x.write(status, contentType, data)
}

// write answers with data, damaged as the fault in force orders.
func (x *exchange) write(status int, contentType string, data []byte) {
	x.w.Header().Set("Content-Type", contentType)
	fault := x.lateFault()
	switch {
	case fault == ResetLate:
		x.reset()
	case fault == Garbage && status < 300:
		data = append(bytes.Clone(data[:len(data)/2]), `,}{"`...)
	case fault == Cut || fault == Hang:
		x.w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		x.w.WriteHeader(status)
		_, _ = x.w.Write(data[:len(data)/2])
		x.breakOff(fault)
	}
	x.w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	x.w.WriteHeader(status)
	_, _ = x.w.Write(data) // the app may have left; that does not matter
}

// lateFault returns the fault that strikes the answer; None if there is none.
func (x *exchange) lateFault() Fault {
	switch {
	case x.site.p.delivers(x.site):
		return x.b.DeliveryFault
	case x.poll:
		return x.b.PollFault
	case x.made:
		return x.b.Fault
	}
	return None
}

// delivers reports whether s serves files rather than an API.
func (p *Provider) delivers(s *Site) bool {
	return s == p.world.FalCDN || s == p.world.ReplicateDelivery
}

// breakOff ends a handler in the middle of its answer: for Cut at once, for Hang when the app gives up.
func (x *exchange) breakOff(f Fault) {
	x.flush()
	if f == Hang {
		x.stall()
	}
	panic(http.ErrAbortHandler)
}

func (x *exchange) flush() { _ = http.NewResponseController(x.w).Flush() }

// reset ends the connection by RST, and then the handler.
func (x *exchange) reset() {
	conn, _, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
	panic(http.ErrAbortHandler) // the connection is hijacked, so the server does not touch it
}

// struck carries out f if it is a fault that comes before any work, and reports whether that ended the request.
func (x *exchange) struck(f Fault) bool {
	switch f {
	case Refuse:
		x.p.voice.overloaded(x)
	case RateLimit:
		x.p.voice.limited(x)
	case Quota:
		x.p.voice.broke(x)
	case Unauthorized:
		x.p.voice.denied(x)
	case HTML:
		x.write(http.StatusBadGateway, "text/html; charset=UTF-8", []byte(edgePage))
	case Reset:
		x.reset()
	case Stall:
		x.stall()
	default:
		return false
	}
	return true
}

// stall holds the request until the app leaves or the world closes.
func (x *exchange) stall() {
	<-x.r.Context().Done()
	panic(http.ErrAbortHandler)
}

const edgePage = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"

// notAnImage is what NotImage delivers.
var notAnImage = []byte("<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")

// generate runs one synchronous generation: early faults, the limit on how many at once, latency, failure. work makes
// and bills the pictures, and answers. If the app leaves it goes on: pictures that were begun are made, and charged.
func (x *exchange) generate(model string, images int, work func()) {
	if !x.p.enter(x.b) {
		x.p.voice.limited(x)
		return
	}
	defer x.p.leave() // a request that stalls counts as in flight, too
	if x.struck(x.b.Fault) {
		return
	}
	d, fails := x.p.roll(x.b, model, images)
	if !switchyard.Sleep(x.p.world.ctx, d) {
		panic(http.ErrAbortHandler)
	}
	switch {
	case x.b.Fault == Stuck:
		x.stall()
	case x.b.Fault == Fail:
		x.p.voice.failed(x)
	case fails:
		x.p.voice.overloaded(x)
	default:
		work()
	}
}

// picture draws one image of an answer, or what is delivered in its place.
func (x *exchange) picture(size switchyard.Size, format string, art Art) []byte {
	return x.p.sketch(x.b, size, format, art)()
}

// sketch returns a function that draws a picture when it is called.
func (p *Provider) sketch(b Behavior, size switchyard.Size, format string, art Art) func() []byte {
	if b.Fault == NotImage {
		return func() []byte { return notAnImage }
	}
	art.Provider, art.Bytes = p.Name, b.Bytes
	return func() []byte { return p.world.gallery.draw(size, format, art) }
}

var errSyntax = errors.New("not one JSON object")

// object parses the body as one JSON object, numbers as json.Number.
func (x *exchange) object() (obj, error) {
	d := json.NewDecoder(bytes.NewReader(x.body))
	d.UseNumber()
	var v obj
	if err := d.Decode(&v); err != nil || v == nil {
		return nil, errors.Join(errSyntax, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errSyntax
	}
	return v, nil
}
