package all_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"switchyard"
	"switchyard/dialect"
	"switchyard/dialect/all"
	"switchyard/sim"
	"switchyard/spool"
)

// wire is one dialect's texts, written by itself: what its back sends a provider, an app may send us, and what its front
// answers an app, a provider may answer us. So a new dialect is covered as soon as it is in the list.
type wire struct {
	dialect.Dialect
	target *switchyard.Target
	sent   *dialect.Outgoing
	ask    []byte              // the body of sent
	req    *switchyard.Request // what ask means, of the app; its body stays open
	answer []byte              // four pictures
	header http.Header         // of answer
}

// load is how much the texts carry.
type load struct {
	name       string
	picture    []byte
	references int // in the request; as many as the dialect can say, if that is fewer
}

const pictures = 4

// loads are as small as a generation can be, and as large as they are every day.
func loads() []load {
	tiny := sim.Picture(switchyard.Size{Width: 16, Height: 16}, "png", sim.Art{})
	large := sim.Picture(switchyard.Size{Width: 1024, Height: 1024}, "png", sim.Art{Bytes: 2 << 20})
	return []load{{"small", tiny, 0}, {"large", large, pictures}}
}

func (l load) images() []switchyard.Image {
	all := make([]switchyard.Image, pictures)
	for i := range all {
		all[i] = switchyard.Image{Blob: spool.Bytes(l.picture), MIME: "image/png"}
	}
	return all
}

func newPool(t testing.TB) *spool.Pool {
	t.Helper()
	pool, err := spool.New(spool.Config{Memory: 64 << 20, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return pool
}

// wires are all dialects' texts of a load.
func wires(t testing.TB, pool *spool.Pool, l load) []*wire {
	t.Helper()
	var list []*wire
	for _, d := range all.Dialects() {
		list = append(list, newWire(t, pool, d, l))
	}
	return list
}

// newWire takes the first model that can say the load, or else the one that can say the most of it.
func newWire(t testing.TB, pool *spool.Pool, d dialect.Dialect, l load) *wire {
	t.Helper()
	var errs []error
	for references := l.references; references >= min(l.references, 1); references-- {
		for _, row := range d.Models().Rows() {
			if row.Can.References < references || row.Can.MustRefer && references == 0 {
				continue
			}
			w := &wire{Dialect: d, target: &switchyard.Target{Name: d.Name(), Provider: d.Name(), Dialect: d.Name(), Model: row.ID, Row: row}}
			err := w.write(t, pool, l, references)
			if err == nil {
				return w
			}
			errs = append(errs, fmt.Errorf("%s: %w", row.ID, err))
		}
	}
	t.Fatalf("dialect %s: no model reads what it writes itself:\n%v", d.Name(), errors.Join(errs...))
	return nil
}

// write makes the texts, and checks that the dialect's other half reads them.
func (w *wire) write(t testing.TB, pool *spool.Pool, l load, references int) (err error) {
	req := &switchyard.Request{Prompt: "a signal box at dusk", Images: 1}
	for _, img := range l.images()[:references] {
		req.References = append(req.References, switchyard.Reference{Image: img})
	}
	if w.sent, err = w.Encode(w.target, req, nil); err != nil {
		return err
	}
	w.ask = read(t, w.sent.Body)
	if op := w.Route(w.sent.Base, w.sent.Method, w.path()); op != dialect.Generate {
		return fmt.Errorf("%s %s is no generation", w.sent.Method, w.sent.Path)
	}
	body, err := w.spooled(pool)
	if err != nil {
		return err
	}
	t.Cleanup(func() { _ = body.Close() })
	if w.req, err = w.decode(body); err != nil {
		return err
	}
	if n := len(w.req.References); n != references {
		return fmt.Errorf("%d references of %d were read", n, references)
	}
	reply, err := w.EncodeResult(w.req, &switchyard.Result{Created: time.Unix(1763841600, 0), Images: l.images()})
	if err != nil {
		return err
	}
	w.answer, w.header = read(t, reply.Body), reply.Header
	return w.readsAnswer(pool)
}

func (w *wire) readsAnswer(pool *spool.Pool) error {
	body, err := pool.ReadJSON(bytes.NewReader(w.answer), int64(len(w.answer)), 1<<30)
	if err != nil {
		return err
	}
	defer body.Close()
	res, err := w.result(body, w.req)
	if err == nil && len(res.Images) != pictures {
		err = fmt.Errorf("%d images of %d were read", len(res.Images), pictures)
	}
	return err
}

func (w *wire) path() string {
	path, err := url.PathUnescape(w.sent.Path)
	if err != nil {
		return w.sent.Path
	}
	return path
}

// spooled is the request as it arrives.
func (w *wire) spooled(pool *spool.Pool) (*spool.Body, error) {
	return arrive(pool, w.sent.Header.Get("Content-Type"), w.ask)
}

// arrive spools a body as the proxy does: all but JSON as it is.
func arrive(pool *spool.Pool, contentType string, b []byte) (*spool.Body, error) {
	read := pool.ReadJSON
	if strings.HasPrefix(contentType, "multipart/") || strings.HasPrefix(contentType, "text/event-stream") {
		read = pool.Read
	}
	return read(bytes.NewReader(b), int64(len(b)), 1<<30)
}

// decode is what an app's request means.
func (w *wire) decode(body *spool.Body) (*switchyard.Request, error) {
	return w.DecodeRequest(&spool.Message{
		Base: w.sent.Base, Method: w.sent.Method, Path: w.path(), Query: w.sent.Query, Header: w.sent.Header, Body: body,
	})
}

// result is what a provider's answer means to a request.
func (w *wire) result(body *spool.Body, req *switchyard.Request) (*switchyard.Result, error) {
	step, err := w.Decode(&dialect.Exchange{
		Target: w.target, Request: req, Sent: w.sent,
		Reply: &spool.Message{Status: http.StatusOK, Header: w.header, Body: body},
	})
	if err == nil && step.Result == nil {
		err = errors.New("the answer is no result")
	}
	return step.Result, err
}

func read(t testing.TB, b switchyard.Blob) []byte {
	t.Helper()
	r, err := b.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	p, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// send reads a blob to its end, as the network does.
func send(b switchyard.Blob) error {
	r, err := b.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	n, err := io.Copy(io.Discard, r)
	if err == nil && n != b.Len() {
		err = fmt.Errorf("%d bytes of %d", n, b.Len())
	}
	return err
}
