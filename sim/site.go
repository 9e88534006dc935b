package sim

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// Site is one listener of a provider; if it serves files, with the files.
type Site struct {
	URL string // http://127.0.0.1:port, without a slash at the end

	name   string
	p      *Provider
	server *http.Server

	mu    sync.Mutex
	files map[string]file // :: path → the file there; guarded by mu
	order []string        // paths, oldest first
	bytes int             // of all uploads
}

// file is an upload, or a picture that is drawn when somebody fetches it.
type file struct {
	data    []byte // of an upload
	draw    func() []byte
	mime    string
	fault   Fault // of fetching it, if its prompt ordered one
	created time.Time
}

// Bounds on what a site keeps; the oldest goes first.
const (
	maxFiles       = 20_000
	maxUploadBytes = 1 << 30
)

func newSite(p *Provider, name string) *Site {
	return &Site{p: p, name: name, files: map[string]file{}}
}

// listen serves until the world closes. If addr is empty the port is a free one.
func (s *Site) listen(addr string, serve func(*exchange)) error {
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	s.URL = "http://" + l.Addr().String()
	s.server = &http.Server{
		Handler:     http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.handle(w, r, serve) }),
		BaseContext: func(net.Listener) context.Context { return s.p.world.ctx },
		ErrorLog:    quiet,
	}
	s.p.world.work(func() { _ = s.server.Serve(l) }) // ends with ErrServerClosed
	return nil
}

// put hosts f at path.
func (s *Site) put(path string, f file) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.created = time.Now()
	s.files[path] = f
	s.order = append(s.order, path)
	s.bytes += len(f.data)
	for len(s.order) > maxFiles || s.bytes > maxUploadBytes && len(s.order) > 1 {
		s.bytes -= len(s.files[s.order[0]].data)
		delete(s.files, s.order[0])
		s.order = s.order[1:]
	}
}

func (s *Site) get(path string) (file, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.files[path]
	return f, ok
}

func (s *Site) remove(path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bytes -= len(s.files[path].data)
	delete(s.files, path)
}

func (f file) content() []byte {
	if f.draw != nil {
		return f.draw()
	}
	return f.data
}

// deliver answers with the hosted file at the request's path: with range requests, the right type, and control as its
// Cache-Control.
func (s *Site) deliver(x *exchange, control string) {
	f, ok := s.get(x.r.URL.Path)
	if f.fault != None {
		x.b.DeliveryFault = f.fault
	}
	if x.struck(x.b.DeliveryFault) {
		return
	}
	if !ok {
		x.write(http.StatusNotFound, "text/plain; charset=utf-8", []byte("not found\n"))
		return
	}
	data := f.content()
	switch x.b.DeliveryFault {
	case NotImage:
		data = notAnImage
	case Empty:
		data = nil
	}
	h := x.w.Header()
	h.Set("Content-Type", f.mime)
	h.Set("Cache-Control", control)
	h.Set("Access-Control-Allow-Origin", "*")
	if x.b.DeliveryFault == Cut || x.b.DeliveryFault == Hang {
		x.write(http.StatusOK, f.mime, data)
		return
	}
	http.ServeContent(x.w, x.r, "", f.created, bytes.NewReader(data))
}
