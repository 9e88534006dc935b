package spool

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/textproto"
	"strings"
)

// ErrForm is what reading a malformed multipart body ends with.
var ErrForm = errors.New("spool: malformed multipart/form-data")

// Bounds of a form: far above what any provider's format needs.
const (
	maxParts      = 256
	maxPartHeader = 8 << 10
)

// Part is a field or a file of a form.
type Part struct {
	Name     string
	FileName string // empty for a field
	Type     string // Content-Type, as declared
	*Value          // its content: a String value
}

// Form is a multipart/form-data body, its parts in order.
type Form struct {
	Parts []Part
	body  *Body
	mark  string // what each part begins with
	first int64  // where the first one does
}

// ScanForm reads a body as multipart/form-data.
func ScanForm(b *Body, contentType string) (*Form, error) {
	_, params, err := mime.ParseMediaType(contentType)
	boundary := params["boundary"]
	if err != nil || boundary == "" || len(boundary) > 200 {
		return nil, fmt.Errorf("%w: no boundary", ErrForm)
	}
	f := &Form{body: b, mark: "--" + boundary}
	marks, err := find(b, []byte(f.mark))
	if err != nil {
		return nil, err
	}
	if len(marks) < 2 {
		return nil, fmt.Errorf("%w: no parts", ErrForm)
	}
	f.first = marks[0]
	width := int64(len(f.mark))
	for i := range len(marks) - 1 {
		part, err := f.part(marks[i]+width, marks[i+1])
		if err != nil {
			return nil, err
		}
		f.Parts = append(f.Parts, *part)
	}
	last := marks[len(marks)-1] + width
	if end := (&Value{body: b, kind: String, form: true, off: last, end: min(last+2, b.n)}).Text(); end != "--" {
		return nil, fmt.Errorf("%w: it is not closed", ErrForm)
	}
	return f, nil
}

// part reads what lies between two boundaries: header lines, an empty line, the content.
func (f *Form) part(off, end int64) (*Part, error) {
	v := &Value{body: f.body, kind: String, form: true, off: off, end: end}
	head := v.Prefix(maxPartHeader)
	head, _, ok := strings.Cut(head, "\r\n\r\n")
	if !ok || !strings.HasPrefix(head, "\r\n") || end-off < int64(len(head))+6 {
		return nil, fmt.Errorf("%w: part without header", ErrForm)
	}
	v.off += int64(len(head)) + 4
	v.end -= 2 // the line end before the boundary
	if v.end < v.off {
		return nil, fmt.Errorf("%w: part without end", ErrForm)
	}
	p := &Part{Value: v}
	for line := range strings.SplitSeq(head[2:], "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		switch textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name)) {
		case "Content-Disposition":
			_, params, err := mime.ParseMediaType(strings.TrimSpace(value))
			if err != nil {
				return nil, fmt.Errorf("%w: %w", ErrForm, err)
			}
			p.Name, p.FileName = params["name"], params["filename"]
		case "Content-Type":
			p.Type = strings.TrimSpace(value)
		}
	}
	if p.Name == "" {
		return nil, fmt.Errorf("%w: part without name", ErrForm)
	}
	return p, nil
}

// Object is the form's fields as an object of texts, so that one Reader serves forms and JSON. Files are left out; of
// fields with the same name the last counts.
func (f *Form) Object() *Value {
	v := &Value{body: f.body, kind: Object, parts: &parts{}}
	fields := &v.parts.members
	at := map[string]int{}
	for _, p := range f.Parts {
		if p.FileName != "" {
			continue
		}
		if i, dup := at[p.Name]; dup {
			(*fields)[i].value = p.Value
			continue
		}
		at[p.Name] = len(*fields)
		*fields = append(*fields, member{p.Name, p.Value})
	}
	return v
}

// find is where mark stands at the start of a line.
func find(b *Body, mark []byte) ([]int64, error) {
	r, err := b.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	line := append([]byte("\r\n"), mark...)
	buf := scratch.take()
	defer scratch.give(buf)
	var marks []int64
	kept := copy(buf, "\r\n") // so that a mark at the very start is one too
	base := int64(-kept)
	for {
		n, err := io.ReadFull(r, buf[kept:])
		text := buf[:kept+n]
		for at := 0; ; {
			i := bytes.Index(text[at:], line)
			if i < 0 {
				break
			}
			if marks = append(marks, base+int64(at+i)+2); len(marks) > maxParts {
				return nil, fmt.Errorf("%w: more than %d parts", ErrForm, maxParts)
			}
			at += i + len(line)
		}
		if err != nil {
			if err == io.EOF || err == io.ErrUnexpectedEOF {
				return marks, nil
			}
			return nil, err
		}
		// What may be the beginning of a mark is looked at again with the bytes that follow.
		base += int64(len(text) - len(line) + 1)
		kept = copy(buf, text[len(text)-len(line)+1:])
	}
}
