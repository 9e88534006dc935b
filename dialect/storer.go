package dialect

import (
	"encoding/json"

	"switchyard"
	"switchyard/spool"
)

// Storer is a front whose apps first upload files, and then name the files' addresses in their requests.
type Storer interface {
	// FileCall returns what a request of Op Files asks for.
	FileCall(base, method, path string) FileCall

	// DecodeFile reads what an app says of a file, for BeginFile, CreateFile and FinishFile.
	DecodeFile(FileCall, *spool.Message) (*FileMessage, error)

	// EncodeFile answers a successful call, except ReadFile.
	EncodeFile(FileCall, *FileAnswer) *Reply

	// FileIn returns the id in the path of an address, decoded; empty if it is no file's address.
	FileIn(path string) string

	// Unloadable returns the error of a request that names, in a field, a file that is not there.
	Unloadable(field string) *switchyard.Error
}

// FileAct is what an app wants to do with a file.
type FileAct string

// The acts. An upload is begun and then put, which makes it whole; or it is begun, put in parts and finished; or it is
// created at once.
const (
	NoFile     FileAct = ""       // nothing that we support
	BeginFile  FileAct = "begin"  // announces a file; the answer says where to send it
	PutFile    FileAct = "put"    // the body is the file
	PutPart    FileAct = "part"   // the body is a part of it
	FinishFile FileAct = "finish" // all parts are there
	CreateFile FileAct = "create" // the file, in a message that describes it
	StatFile   FileAct = "stat"
	ListFiles  FileAct = "list"
	DeleteFile FileAct = "delete"
	ReadFile   FileAct = "read"
)

// FileCall is a request about files.
type FileCall struct {
	Act  FileAct
	ID   string // of the file; of an upload under way, that of the upload
	Part int    // its number
}

// Open reports whether the id is enough to be allowed the call: then anybody may make it who was given the address.
func (c FileCall) Open() bool {
	switch c.Act {
	case PutFile, PutPart, FinishFile, ReadFile:
		return true
	}
	return false
}

// FileMessage is what an app says of a file.
type FileMessage struct {
	Name, Type string
	Metadata   json.RawMessage
	Content    switchyard.Blob // of CreateFile
	Parts      []int           // of FinishFile: the numbers of those that it is made of
}

// FileAnswer is what an app is told. The call decides which of it is set.
type FileAnswer struct {
	Origin string // of our addresses
	Base   string // the same, with the prefix that the app called
	Upload string // id of the upload that has begun
	ETag   string // of a part
	File   *switchyard.File
	List   []switchyard.File // newest first
	Next   string            // cursor of the next page; empty if this is the last
}

// Inliner is a front in whose format an inline file is not written where its address would be. In all other formats a
// data: URI replaces the address.
type Inliner interface {
	// Inline returns which of the values that lead to an address, the outermost first, is to be replaced with the
	// file, and the text around its base64; place is nil if the value is not the address of a file.
	Inline(way []*spool.Value, mime string) (place *spool.Value, before, after string)
}
