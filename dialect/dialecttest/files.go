package dialecttest

import (
	"encoding/json"
	"reflect"
	"time"

	"switchyard"
	"switchyard/dialect"
	"switchyard/spool"
)

// files checks a request about files.
func (x *exchange) files(base string, msg *spool.Message) {
	x.Helper()
	if op := x.d.Route(base, msg.Method, msg.Path); op != dialect.Files {
		x.Fatalf("%s %s: op %d, want files", msg.Method, msg.Path, op)
	}
	front := x.d.(dialect.Storer)
	call := front.FileCall(base, msg.Method, msg.Path)
	x.check("call.json", dump(fields(reflect.ValueOf(call))))
	a := &dialect.FileAnswer{Origin: "http://sidecar.test", Base: "http://sidecar.test/prefix", Upload: "upload", ETag: "0a1b"}
	f := switchyard.File{
		ID: "id", Size: 3, SHA256: "5a", MD5: "d5", Created: time.Unix(1763841600, 0).UTC(), Expires: time.Unix(1763928000, 0).UTC(),
	}
	a.File, a.List, a.Next = &f, []switchyard.File{f}, "cursor"
	switch call.Act {
	case dialect.BeginFile, dialect.CreateFile, dialect.FinishFile:
		said, err := front.DecodeFile(call, msg)
		if err != nil {
			x.check("error.json", dumpError(err))
			x.answer(x.d.EncodeError(&switchyard.Request{Dialect: x.d.Name(), Path: msg.Path}, switchyard.AsError(err)))
			return
		}
		f.Name, f.Type, f.Metadata = said.Name, said.Type, said.Metadata
		shown := fields(reflect.ValueOf(*said))
		if said.Metadata != nil {
			shown["Metadata"] = json.RawMessage(said.Metadata)
		}
		x.check("file.json", dump(shown))
	}
	if call.Act == dialect.ReadFile {
		return // the file itself is the answer
	}
	if call.Act != dialect.PutPart {
		a.ETag = ""
	}
	x.answer(front.EncodeFile(call, a))
}
