package spool

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/textproto"
	"strconv"
	"strings"

	"switchyard"
)

// Composer makes a JSON body out of ordinary Go values and blobs: Inline gives a string that stands for a blob's
// base64 text, and JSON puts the text in its place, by reference. The zero value is ready; for one body.
type Composer struct {
	mark  string // random, so that no text of an app can be taken for a stand-in
	blobs []switchyard.Blob
}

// Inline is a string that will read prefix + base64 of blob.
func (c *Composer) Inline(prefix string, blob switchyard.Blob) string {
	if c.mark == "" {
		c.mark = "blob:" + rand.Text() + ":"
	}
	c.blobs = append(c.blobs, Base64(blob))
	return prefix + c.mark + strconv.Itoa(len(c.blobs)-1) + ";"
}

// JSON encodes v, without the escapes for HTML.
func (c *Composer) JSON(v any) (switchyard.Blob, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("compose: %w", err)
	}
	text := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	if len(c.blobs) == 0 {
		return Bytes(text), nil
	}
	var out Concat
	for {
		before, after, found := bytes.Cut(text, []byte(c.mark))
		out = append(out, Bytes(before))
		if !found {
			return out, nil
		}
		index, rest, _ := bytes.Cut(after, []byte(";"))
		i, err := strconv.Atoi(string(index))
		if err != nil || i >= len(c.blobs) {
			return nil, fmt.Errorf("compose: stand-in %q", index)
		}
		out = append(out, c.blobs[i])
		text = rest
	}
}

// FormWriter makes a multipart/form-data body out of texts and blobs. The zero value is ready; for one body.
type FormWriter struct {
	head  bytes.Buffer
	w     *multipart.Writer
	parts Concat
}

func (f *FormWriter) begin() {
	if f.w == nil {
		f.w = multipart.NewWriter(&f.head)
	}
}

func (f *FormWriter) flush() {
	f.parts = append(f.parts, Bytes(bytes.Clone(f.head.Bytes())))
	f.head.Reset()
}

// Field adds a text.
func (f *FormWriter) Field(name, text string) {
	f.begin()
	_ = f.w.WriteField(name, text) // a bytes.Buffer takes everything
}

var quoteEscaper = strings.NewReplacer("\\", "\\\\", `"`, "\\\"", "\r", "%0D", "\n", "%0A")

// File adds a file.
func (f *FormWriter) File(name, fileName, contentType string, blob switchyard.Blob) {
	f.begin()
	h := textproto.MIMEHeader{}
	h.Set("Content-Disposition", fmt.Sprintf(`form-data; name="%s"; filename="%s"`,
		quoteEscaper.Replace(name), quoteEscaper.Replace(fileName)))
	h.Set("Content-Type", contentType)
	_, _ = f.w.CreatePart(h)
	f.flush()
	f.parts = append(f.parts, blob)
}

// Body ends the form; contentType names its boundary.
func (f *FormWriter) Body() (body switchyard.Blob, contentType string) {
	f.begin()
	_ = f.w.Close()
	f.flush()
	return f.parts, f.w.FormDataContentType()
}
