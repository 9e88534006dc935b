package dialect

import (
	"encoding/json"

	"switchyard"
	"switchyard/spool"
)

// Storer is a front whose apps bring files first, and name the files' addresses in their requests.
type Storer interface {
	// FileCall is what a request of Op Files asks for.
	FileCall(base, method, path string) FileCall

	// DecodeFile reads what an app says of a file: of BeginFile, CreateFile and FinishFile.
	DecodeFile(FileCall, *spool.Message) (*FileMessage, error)

	// EncodeFile answers a call that went well; all but ReadFile.
	EncodeFile(FileCall, *FileAnswer) *Reply

	// FileIn is the id in an address's path, decoded; empty if it is no file's address.
	FileIn(path string) string

	// Unloadable is the error of a request that names a file in a field which is not there.
	Unloadable(field string) *switchyard.Error
}

// FileAct is what an app wants of a file.
type FileAct string

// The acts. An upload is either begun, put and thereby whole; or begun, put in parts and finished; or created at once.
const (
	NoFile     FileAct = ""       // nothing that we have
	BeginFile  FileAct = "begin"  // says what is coming; is told where to
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

// Open reports whether the id is all that it takes: it is for whoever was given the address.
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

// FileAnswer is what an app is told. Which of it is set follows from the call.
type FileAnswer struct {
	Origin string // of our addresses
	Base   string // the same, with the prefix that the app called
	Upload string // id of the upload that has begun
	ETag   string // of a part
	File   *switchyard.File
	List   []switchyard.File // newest first
	Next   string            // cursor of the next page; empty if this is the last
}

// Inliner is a front that tells a file elsewhere than its address. Of all others a data: URI stands where an address does.
type Inliner interface {
	// Inline is which of the values that lead to an address, the outermost first, gives way to a file, and the text
	// around its base64; nil if what stands there is no file's address.
	Inline(way []*spool.Value, mime string) (place *spool.Value, before, after string)
}
