package fal

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"switchyard"
	"switchyard/dialect"
	"switchyard/spool"
)

var _ dialect.Storer = Dialect{}

// Paths of the storage. An upload is announced to the REST base. Its bytes go, without a key, to the address in the
// answer, and can be fetched at another one.
const (
	initiatePath  = "/storage/upload/initiate"
	multipartPath = "/storage/upload/initiate-multipart"
	filesPrefix   = "/fal/files"
	uploadPart    = "upload"
)

// FileCall reads /{id}[/name], /upload/{id}[/{number}|/complete], and the announcements.
func (Dialect) FileCall(base, method, path string) dialect.FileCall {
	if base == rest && method == http.MethodPost && (path == initiatePath || path == multipartPath) {
		return dialect.FileCall{Act: dialect.BeginFile}
	}
	parts := strings.Split(strings.Trim(path, "/"), "/")
	upload := parts[0] == uploadPart && len(parts) > 1
	switch {
	case base != files || parts[0] == "":
	case !upload && (method == http.MethodGet || method == http.MethodHead):
		return dialect.FileCall{Act: dialect.ReadFile, ID: parts[0]}
	case upload && method == http.MethodPut && len(parts) == 2:
		return dialect.FileCall{Act: dialect.PutFile, ID: parts[1]}
	case upload && method == http.MethodPut && len(parts) == 3:
		if n, err := strconv.Atoi(parts[2]); err == nil {
			return dialect.FileCall{Act: dialect.PutPart, ID: parts[1], Part: n}
		}
	case upload && method == http.MethodPost && len(parts) == 3 && parts[2] == "complete":
		return dialect.FileCall{Act: dialect.FinishFile, ID: parts[1]}
	}
	return dialect.FileCall{}
}

// DecodeFile reads an announcement, or which parts a file is made of.
func (Dialect) DecodeFile(call dialect.FileCall, m *spool.Message) (*dialect.FileMessage, error) {
	root, err := m.JSON()
	if err != nil || root.Kind() != spool.Object {
		return nil, switchyard.Invalid("", "%s", badJSON)
	}
	r := spool.Read(root, "")
	if call.Act == dialect.BeginFile {
		msg := &dialect.FileMessage{Name: r.Text("file_name"), Type: r.Text("content_type")}
		if errs := r.Errs(); len(errs) > 0 {
			return nil, switchyard.Invalid(errs[0].Path, "%s", wrongTypes[errs[0].Want])
		}
		return msg, nil
	}
	msg := &dialect.FileMessage{}
	for _, part := range r.Items("parts") {
		n, ok := part.Get("partNumber").Int()
		if !ok {
			return nil, switchyard.Invalid("parts", "%s", wrongTypes["an integer"])
		}
		msg.Parts = append(msg.Parts, int(n))
	}
	if len(msg.Parts) == 0 {
		return nil, switchyard.Invalid("parts", "%s", missing)
	}
	return msg, nil
}

// EncodeFile answers with addresses, or with a part's tag.
func (Dialect) EncodeFile(call dialect.FileCall, a *dialect.FileAnswer) *dialect.Reply {
	doc := map[string]any{}
	at := a.Origin + filesPrefix + "/"
	switch call.Act {
	case dialect.BeginFile:
		doc["file_url"] = at + a.File.ID + "/" + urlName(a.File.Name)
		doc["upload_url"] = at + uploadPart + "/" + a.Upload
	case dialect.FinishFile:
		doc["file_url"] = at + a.File.ID + "/" + urlName(a.File.Name)
	case dialect.PutPart:
		doc["partNumber"], doc["etag"] = call.Part, a.ETag
	}
	body, _ := (&spool.Composer{}).JSON(doc) // of texts and numbers: it cannot fail
	reply := dialect.JSON(http.StatusOK, jsonType, body)
	if a.ETag != "" {
		reply.Header.Set("Etag", `"`+a.ETag+`"`)
	}
	return reply
}

var unsafeInURL = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// urlName returns a file's name for the end of its address, where people and apps look for its type.
func urlName(name string) string {
	name = unsafeInURL.ReplaceAllString(name, "_")
	name = strings.TrimLeft(name[max(0, len(name)-100):], ".")
	if name == "" {
		return "file"
	}
	return name
}

// FileIn finds the id in an address that EncodeFile gave out.
func (Dialect) FileIn(path string) string {
	_, rest, ok := strings.Cut(path, filesPrefix+"/")
	id, _, _ := strings.Cut(rest, "/")
	if !ok || id == uploadPart {
		return ""
	}
	return id
}

// Unloadable returns fal's error for an address at which there is nothing.
func (Dialect) Unloadable(field string) *switchyard.Error {
	return switchyard.Invalid(field, "%s", noDownload)
}
