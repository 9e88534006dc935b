package replicate

import (
	"encoding/json"
	"net/http"
	"strings"

	"switchyard"
	"switchyard/dialect"
	"switchyard/spool"
)

var _ dialect.Storer = Dialect{}

// FileCall reads /v1/files[/{id}[/download]].
func (Dialect) FileCall(_, method, path string) dialect.FileCall {
	parts, _ := split(path)
	if len(parts) == 0 || parts[0] != "files" {
		return dialect.FileCall{}
	}
	get := method == http.MethodGet || method == http.MethodHead
	switch {
	case len(parts) == 1 && method == http.MethodPost:
		return dialect.FileCall{Act: dialect.CreateFile}
	case len(parts) == 1 && get:
		return dialect.FileCall{Act: dialect.ListFiles}
	case len(parts) == 2 && get:
		return dialect.FileCall{Act: dialect.StatFile, ID: parts[1]}
	case len(parts) == 2 && method == http.MethodDelete:
		return dialect.FileCall{Act: dialect.DeleteFile, ID: parts[1]}
	case len(parts) == 3 && parts[2] == "download" && get:
		return dialect.FileCall{Act: dialect.ReadFile, ID: parts[1]}
	}
	return dialect.FileCall{}
}

// maxMetadata is how many bytes an app may make us keep beside a file.
const maxMetadata = 4 << 10

// DecodeFile reads the form in which a file comes. Its name and type come from the content's own head, or from fields
// of their own.
func (Dialect) DecodeFile(_ dialect.FileCall, m *spool.Message) (*dialect.FileMessage, error) {
	var problems problems
	form, err := m.Form()
	if err != nil {
		problems.add("", "content is required")
		return nil, problems.err()
	}
	msg, name, kind := &dialect.FileMessage{}, "", ""
	for _, p := range form.Parts {
		switch p.Name {
		case "content":
			msg.Content, msg.Name, msg.Type = p.Blob(), p.FileName, p.Type
		case "filename":
			name = p.Text()
		case "type":
			kind = p.Text()
		case "metadata":
			msg.Metadata = metadata(&p, &problems)
		}
	}
	if msg.Content == nil {
		problems.add("", "content is required")
	}
	if name != "" {
		msg.Name = name
	}
	if kind != "" {
		msg.Type = kind
	}
	return msg, problems.err()
}

func metadata(p *spool.Part, problems *problems) json.RawMessage {
	var doc map[string]json.RawMessage
	if p.Len() > maxMetadata {
		problems.add("metadata", "Must be at most %d bytes", maxMetadata)
	} else if text := p.Text(); json.Unmarshal([]byte(text), &doc) == nil && doc != nil {
		return json.RawMessage(text)
	} else {
		problems.add("metadata", "Invalid type. Expected: object")
	}
	return nil
}

// file is Replicate's object for one.
type file struct {
	ID          string          `json:"id"`
	Name        string          `json:"name"`
	ContentType string          `json:"content_type"`
	Size        int64           `json:"size"`
	ETag        string          `json:"etag"`
	Checksums   checksums       `json:"checksums"`
	Metadata    json.RawMessage `json:"metadata"`
	CreatedAt   string          `json:"created_at"`
	ExpiresAt   string          `json:"expires_at"`
	URLs        fileURLs        `json:"urls"`
}

type checksums struct {
	SHA256 string `json:"sha256"`
	MD5    string `json:"md5"`
}

type fileURLs struct {
	Get string `json:"get"`
}

func encodeFile(base string, f *switchyard.File) file {
	out := file{
		ID: f.ID, Name: f.Name, ContentType: f.Type, Size: f.Size, ETag: f.MD5, Checksums: checksums{f.SHA256, f.MD5},
		Metadata: f.Metadata, CreatedAt: stamp(f.Created), ExpiresAt: stamp(f.Expires), URLs: fileURLs{base + "/v1/files/" + f.ID},
	}
	if out.Metadata == nil {
		out.Metadata = json.RawMessage("{}")
	}
	return out
}

// EncodeFile answers with the object, with a page of them, or with nothing.
func (Dialect) EncodeFile(call dialect.FileCall, a *dialect.FileAnswer) *dialect.Reply {
	if call.Act == dialect.DeleteFile {
		return &dialect.Reply{Status: http.StatusNoContent, Header: http.Header{}, Body: spool.Bytes(nil)}
	}
	status := http.StatusOK
	if call.Act == dialect.CreateFile {
		status = http.StatusCreated
	}
	var doc any
	if call.Act == dialect.ListFiles {
		doc = encodePage(a)
	} else {
		doc = encodeFile(a.Base, a.File)
	}
	body, _ := (&spool.Composer{}).JSON(doc) // metadata is JSON, all else texts and numbers: it cannot fail
	return dialect.JSON(status, "application/json", body)
}

// encodePage writes a page of files; next is the address of the page after it.
func encodePage(a *dialect.FileAnswer) map[string]any {
	results := make([]file, len(a.List))
	for i := range a.List {
		results[i] = encodeFile(a.Base, &a.List[i])
	}
	page := map[string]any{"previous": nil, "next": nil, "results": results}
	if a.Next != "" {
		page["next"] = a.Base + "/v1/files?cursor=" + a.Next
	}
	return page
}

// FileIn finds the id in an address of a file, both that in urls.get and that of its download.
func (Dialect) FileIn(path string) string {
	_, rest, ok := strings.Cut(path, "/v1/files/")
	if !ok {
		return ""
	}
	return strings.TrimSuffix(rest, "/download")
}

// Unloadable returns that as a complaint about the input.
func (Dialect) Unloadable(field string) *switchyard.Error {
	var problems problems
	problems.add(field, "Failed to load the file at this address")
	return switchyard.Invalid(field, "%s", problems[0])
}
