package proxy

import (
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"strings"

	"switchyard"
	"switchyard/dialect"
	"switchyard/spool"
)

// inline puts our own files into msg where it names their addresses. Nobody else may be able to reach those: neither a provider nor the
// guarded client, since we may be at a private address. It is msg itself if that names none, else a new message, whose body the caller
// closes.
func (q *request) inline(msg *spool.Message) (*spool.Message, error) {
	if q.Uploads == nil || msg.IsForm() {
		return msg, nil
	}
	root, err := msg.JSON()
	if err != nil {
		return msg, nil // that it is none is the dialect's to say, or the provider's
	}
	in := &inliner{request: q, edit: spool.NewEdit(msg.Body)}
	if err := in.walk(root); err != nil || !in.found {
		return msg, err
	}
	text := in.edit.Blob()
	if text.Len() > 2*q.snap.Settings.MaxRequestBody { // room for the largest file, in base64
		return nil, &switchyard.Error{Kind: switchyard.TooLarge}
	}
	r, err := text.Open()
	if err != nil {
		return nil, &switchyard.Error{Kind: switchyard.Internal, Err: err}
	}
	defer r.Close()
	body, err := q.Runner.Pool.ReadJSON(r, text.Len(), text.Len())
	if err != nil {
		return nil, switchyard.AsError(err)
	}
	return &spool.Message{Base: msg.Base, Method: msg.Method, Path: msg.Path, Query: msg.Query, Header: msg.Header, Body: body}, nil
}

// inliner is a walk through the values of a message.
type inliner struct {
	*request
	edit  *spool.Edit
	way   []*spool.Value // to the present value, the outermost first
	names []string       // of the members on it
	found bool
}

func (in *inliner) walk(v *spool.Value) error {
	in.way = append(in.way, v)
	defer func() { in.way = in.way[:len(in.way)-1] }()
	if v.Kind() == spool.String {
		return in.address(v)
	}
	for _, item := range v.Items() {
		if err := in.walk(item); err != nil {
			return err
		}
	}
	for key, member := range v.Members() {
		in.names = append(in.names, key)
		if err := in.walk(member); err != nil {
			return err
		}
		in.names = in.names[:len(in.names)-1]
	}
	return nil
}

// longest is how long an address of ours may be.
const longest = 2 << 10

// address puts a file in the place of a string that is its address.
func (in *inliner) address(v *spool.Value) error {
	if v.Len() > longest || v.Prefix(4) != "http" {
		return nil
	}
	u, err := url.Parse(v.Text())
	if err != nil {
		return nil
	}
	mime, blob, err := in.ownFile(u)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return in.unloadable(strings.Join(in.names, "."), err)
	case err != nil:
		return &switchyard.Error{Kind: switchyard.Internal, Err: err}
	case blob == nil:
		return nil
	}
	place, before, after := v, `"data:`+mime+`;base64,`, `"`
	if front, ok := in.place.dialect.(dialect.Inliner); ok {
		if place, before, after = front.Inline(in.way, mime); place == nil {
			return nil
		}
	}
	in.edit.Put(place, spool.Concat{spool.Bytes(before), spool.Base64(blob), spool.Bytes(after)})
	in.found = true
	return nil
}

// unloadable is the error of a request that names a file which is not there, or not for this caller.
func (q *request) unloadable(field string, cause error) error {
	e := switchyard.Invalid(field, "The file at this address could not be loaded.")
	if front, ok := q.place.dialect.(dialect.Storer); ok {
		e = front.Unloadable(field)
	}
	e.Err = cause
	return e
}

// maxNaming is how large a request may be that passes through and is looked through for addresses of ours on its way.
const maxNaming = 1 << 20

// naming is a request that passes through, read because it may name files of ours; nil if it is not one of those.
func (q *request) naming() (*spool.Message, error) {
	if _, ok := q.place.dialect.(dialect.Storer); !ok || q.Uploads == nil {
		return nil, nil
	}
	r := q.r
	isJSON := strings.HasPrefix(strings.ToLower(r.Header.Get("Content-Type")), "application/json")
	if r.Method != http.MethodPost || !isJSON || r.ContentLength <= 0 || r.ContentLength > maxNaming || r.Header.Get("Content-Encoding") != "" {
		return nil, nil
	}
	return q.read()
}

// whole is a request that passes through, with our own files in it. The caller calls done. msg is the request if it has
// been read already; without it the answer may be nil, too: then it goes through as it comes.
func (q *request) whole(msg *spool.Message) (out *spool.Message, done func(), err error) {
	read := msg == nil
	if read {
		if msg, err = q.naming(); msg == nil || err != nil {
			return nil, func() {}, err
		}
	}
	out, err = q.inline(msg)
	return out, func() {
		if out != nil && (read || out != msg) {
			_ = out.Body.Close()
		}
		if read {
			_ = msg.Body.Close()
		}
	}, err
}

// completed is a generation with our own files in it: what it means then, and its message. The caller calls done.
func (q *request) completed(req *switchyard.Request, msg *spool.Message) (*switchyard.Request, *spool.Message, func(), error) {
	nothing := func() {}
	out, err := q.inline(msg)
	if err != nil || out == msg {
		return req, msg, nothing, err
	}
	done := func() { _ = out.Body.Close() }
	again, err := q.place.dialect.DecodeRequest(out)
	if err != nil {
		done()
		return nil, nil, nothing, err
	}
	q.fill(again)
	again.Echo = req.Echo // as the app said it
	return again, out, done, nil
}
