package proxy

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"

	"switchyard"
	"switchyard/asset"
	"switchyard/dialect"
)

// fileCall is what the request wants of our files; nothing if it is about something else.
func (q *request) fileCall() (front dialect.Storer, call dialect.FileCall) {
	front, ok := q.place.dialect.(dialect.Storer)
	if !ok || q.place.op != dialect.Files {
		return nil, call
	}
	return front, front.FileCall(q.place.base, q.r.Method, q.place.path)
}

// isOpenFile reports whether the request is about a file whose id is all that it takes: no key comes with it.
func (q *request) isOpenFile() bool {
	front, call := q.fileCall()
	return front != nil && (call.Open() || call.Act == dialect.NoFile)
}

// file serves a request about files. Nothing of it goes to the provider: what is kept here everybody can be given.
func (q *request) file() error {
	front, call := q.fileCall()
	q.rec.Kind = KindFile
	if call.ID != "" {
		q.rec.Path = strings.ReplaceAll(q.rec.Path, call.ID, "-") // who knows it has the file
	}
	if q.Uploads == nil || call.Act == dialect.NoFile {
		return &switchyard.Error{Kind: switchyard.NotFound}
	}
	if call.Act == dialect.ReadFile {
		q.Uploads.Serve(q.w, q.r, call.ID)
		return nil
	}
	a, err := q.act(front, call)
	if err != nil {
		return fileError(err)
	}
	a.Origin, a.Base = q.origin, q.origin+q.place.prefix
	return q.write(front.EncodeFile(call, a))
}

// act does what was asked for.
func (q *request) act(front dialect.Storer, call dialect.FileCall) (a *dialect.FileAnswer, err error) {
	a = &dialect.FileAnswer{}
	file := func(f switchyard.File, err error) (*dialect.FileAnswer, error) {
		a.File = &f
		return a, err
	}
	ctx := q.r.Context()
	switch call.Act {
	case dialect.BeginFile:
		var about switchyard.File
		if about, err = q.about(front, call, nil); err == nil {
			about.ID, a.Upload, err = q.Uploads.Begin(q.caller.tenant, about)
		}
		return file(about, err)
	case dialect.CreateFile:
		return file(q.create(front, call))
	case dialect.FinishFile:
		return file(q.finishFile(front, call))
	case dialect.PutFile, dialect.PutPart:
		err = q.receive(ctx, call, a)
	case dialect.StatFile:
		return file(q.Uploads.Stat(q.caller.tenant, call.ID))
	case dialect.DeleteFile:
		err = q.Uploads.Delete(q.caller.tenant, call.ID)
	case dialect.ListFiles:
		if q.caller.tenant != anonymous { // which is many
			a.List, a.Next, err = q.Uploads.List(q.caller.tenant, q.rec.Dialect, q.place.query.Get("cursor"), pageSize)
		}
	}
	return a, err
}

// about reads what an app says of a file. do gets the message while it is there; nil if that is all.
func (q *request) about(front dialect.Storer, call dialect.FileCall, do func(*dialect.FileMessage, switchyard.File) error) (switchyard.File, error) {
	msg, err := q.read()
	if err != nil {
		return switchyard.File{}, err
	}
	defer msg.Body.Close()
	said, err := front.DecodeFile(call, msg)
	if err != nil {
		return switchyard.File{}, err
	}
	f := switchyard.File{Dialect: q.rec.Dialect, Name: said.Name, Type: said.Type, Metadata: said.Metadata}
	if f.Type == "" {
		f.Type = "application/octet-stream"
	}
	if do != nil {
		err = do(said, f)
	}
	return f, err
}

// create keeps a file that came in a message.
func (q *request) create(front dialect.Storer, call dialect.FileCall) (kept switchyard.File, err error) {
	_, err = q.about(front, call, func(said *dialect.FileMessage, f switchyard.File) error {
		r, err := said.Content.Open()
		if err != nil {
			return err
		}
		defer r.Close()
		kept, err = q.Uploads.Put(q.r.Context(), q.caller.tenant, f, r)
		return err
	})
	return kept, err
}

// finishFile makes a file of the parts that the app lists.
func (q *request) finishFile(front dialect.Storer, call dialect.FileCall) (kept switchyard.File, err error) {
	_, err = q.about(front, call, func(said *dialect.FileMessage, _ switchyard.File) error {
		kept, err = q.Uploads.Finish(q.r.Context(), call.ID, said.Parts)
		return err
	})
	return kept, err
}

// receive takes the bytes of a file, or of a part of one, from the wire to the disk.
func (q *request) receive(ctx context.Context, call dialect.FileCall, a *dialect.FileAnswer) (err error) {
	if q.r.ContentLength > q.snap.Settings.MaxRequestBody {
		return asset.ErrTooLarge
	}
	came := q.snap.Settings.boundBody(q.w, q.r)
	body := &upload{ReadCloser: q.r.Body}
	if call.Act == dialect.PutPart {
		a.ETag, err = q.Uploads.Part(ctx, call.ID, call.Part, body)
	} else {
		_, err = q.Uploads.Fill(ctx, call.ID, body)
	}
	if err == nil {
		came()
	}
	if err != nil && body.failed.Load() && !errors.Is(err, os.ErrDeadlineExceeded) {
		return switchyard.Invalid("", "The request body is incomplete.")
	}
	return err
}

// fileError is what an app is told when its file is not kept, or not found.
func fileError(err error) error {
	kind := switchyard.Internal
	switch {
	case errors.As(err, new(*switchyard.Error)):
		return err
	case errors.Is(err, fs.ErrNotExist):
		kind = switchyard.NotFound
	case errors.Is(err, asset.ErrTooLarge):
		kind = switchyard.TooLarge
	case errors.Is(err, asset.ErrFull), ofDisk(err):
		kind = switchyard.Unavailable
	case errors.Is(err, os.ErrDeadlineExceeded):
		kind = switchyard.TimedOut
	case errors.Is(err, asset.ErrParts):
		return switchyard.Invalid("parts", "A part of the file is missing.")
	case errors.Is(err, asset.ErrCursor):
		return switchyard.Invalid("cursor", "Invalid cursor.")
	}
	return &switchyard.Error{Kind: kind, Err: err}
}
