package spool

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strconv"

	"switchyard"
)

// Kind is what a JSON value is.
type Kind uint8

// The kinds. All but the first are JSON's.
const (
	Missing Kind = iota // no such member; what a nil *Value is
	Null
	Bool
	Number
	String
	Array
	Object
)

func (k Kind) String() string {
	return [...]string{"nothing", "null", "a boolean", "a number", "a string", "an array", "an object"}[k]
}

// MaxText is the longest string that becomes a Go string; longer ones are ranges of bytes and nothing else.
const MaxText = 1 << 20

// errTooLong is what asking for a longer one as text gives.
var errTooLong = errors.New("spool: string is too long for a text")

// Value is a JSON value that lies in a spooled body. A nil *Value is a missing one: all methods may be called on it.
// It lives as long as its body.
type Value struct {
	body     *Body
	off, end int64 // in the body; of a string, its quotation marks included
	kind     Kind
	truth    bool
	escaped  bool // a string with backslashes
	form     bool // the text of a form's field, which has no quotation marks
	parts    *parts
	letters  *letters // of a long string that may be base64, from the same pass
}

// parts are what an object or an array is made of. Most values are neither, and small.
type parts struct {
	members []member
	items   []*Value
}

func (v *Value) members() []member {
	if v == nil || v.parts == nil {
		return nil
	}
	return v.parts.members
}

type member struct {
	key   string
	value *Value
}

// Kind tells what it is.
func (v *Value) Kind() Kind {
	if v == nil {
		return Missing
	}
	return v.kind
}

// Given reports whether there is a value other than null. For all providers, null says the same as nothing.
func (v *Value) Given() bool { return v.Kind() > Null }

// Get follows keys down through objects; nil where one is missing.
func (v *Value) Get(keys ...string) *Value {
	for _, key := range keys {
		v = v.member(key)
	}
	return v
}

func (v *Value) member(key string) *Value {
	for _, m := range v.members() {
		if m.key == key {
			return m.value
		}
	}
	return nil
}

// Items are the elements of an array.
func (v *Value) Items() []*Value {
	if v == nil || v.parts == nil {
		return nil
	}
	return v.parts.items
}

// OneOrMany are the elements of an array, or the one value that stands in an array's place; none if nothing is given.
func (v *Value) OneOrMany() []*Value {
	if v.Given() && v.Kind() != Array {
		return []*Value{v}
	}
	return v.Items()
}

// Members are the names and values of an object, in their order.
func (v *Value) Members() iter.Seq2[string, *Value] {
	return func(yield func(string, *Value) bool) {
		for _, m := range v.members() {
			if !yield(m.key, m.value) {
				return
			}
		}
	}
}

// Len is the number of bytes between a string's quotation marks, or those of any other value's text.
func (v *Value) Len() int64 {
	if v == nil {
		return 0
	}
	in := v.inside()
	return in.Len()
}

func (v *Value) inner() *Range {
	r := v.inside()
	return &r
}

// inside is inner for whoever only looks.
func (v *Value) inside() Range {
	r := Range{v.body, v.off, v.end}
	if v.kind == String && !v.form {
		r.off, r.end = r.off+1, r.end-1
	}
	return r
}

// Text is a string as Go string; empty for other kinds, and for strings over MaxText.
func (v *Value) Text() string {
	if v.Kind() != String {
		return ""
	}
	s, _ := v.text()
	return s
}

func (v *Value) text() (string, error) {
	if s, ok := v.whole(); ok {
		return s, nil
	}
	raw, err := v.read(MaxText)
	if err != nil {
		return "", err
	}
	if !v.escaped || v.form {
		return string(raw), nil
	}
	quoted := append(append([]byte{'"'}, raw...), '"')
	var s string
	if err := json.Unmarshal(quoted, &s); err != nil {
		return "", fmt.Errorf("spool: %w", err)
	}
	return s, nil
}

// whole is the text of a short string that stands in the body as it is, in one piece of memory, as most do; false for others.
func (v *Value) whole() (string, bool) {
	in := v.inside()
	if v.escaped || v.form || in.Len() > MaxText || in.end > in.body.mem || in.Len() == 0 || !in.body.hold() {
		return "", false
	}
	defer in.body.drop()
	w, err := in.body.window(in.off, in.end, nil)
	if err != nil || int64(len(w)) < in.Len() {
		return "", false
	}
	return string(w), true
}

func (v *Value) read(limit int64) ([]byte, error) {
	r := v.inner()
	if r.Len() > limit {
		return nil, errTooLong
	}
	p := make([]byte, r.Len())
	_, err := r.ReadAt(p, 0)
	return p, err
}

// Prefix is up to n bytes of a string's inside as it stands in the body, escapes and all.
func (v *Value) Prefix(n int64) string {
	if v.Kind() != String {
		return ""
	}
	in := v.inner()
	in.end = min(in.end, in.off+n)
	p := make([]byte, in.Len())
	if _, err := in.ReadAt(p, 0); err != nil {
		return ""
	}
	return string(p)
}

// Truth is a boolean's value.
func (v *Value) Truth() bool { return v != nil && v.truth }

// Float is a number's value.
func (v *Value) Float() (float64, bool) {
	if v.Kind() != Number {
		return 0, false
	}
	raw, err := v.read(64)
	if err != nil {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	return f, err == nil
}

// Int is a whole number's value; false if it is none, or does not fit. 2.0 and 2e0 are whole, as in every provider's
// parser.
func (v *Value) Int() (int64, bool) {
	if v.Kind() != Number {
		return 0, false
	}
	raw, err := v.read(64)
	if err != nil {
		return 0, false
	}
	if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || f != float64(int64(f)) || f > 1<<53 || f < -1<<53 {
		return 0, false
	}
	return int64(f), true
}

// Uint is a whole number's value up to the largest uint64, exactly: some providers' seeds do not fit an int64.
func (v *Value) Uint() (uint64, bool) {
	if v.Kind() != Number {
		return 0, false
	}
	raw, err := v.read(64)
	if err != nil {
		return 0, false
	}
	if n, err := strconv.ParseUint(string(raw), 10, 64); err == nil {
		return n, true
	}
	n, ok := v.Int()
	return uint64(n), ok && n >= 0
}

// Blob is the inside of a string, or the content of a form's file, as bytes.
func (v *Value) Blob() switchyard.Blob { return v.inner() }

// Base64 is a string decoded, from its byte skip on (what comes before, such as "data:image/png;base64,", is not part
// of it).
func (v *Value) Base64(skip int64) (switchyard.Blob, error) {
	if v.Kind() != String || skip > v.Len() {
		return nil, ErrBase64
	}
	in := v.inner()
	text := switchyard.Blob(v.body.Range(in.off+skip, in.end))
	if l := v.letters; l != nil && l.skip == skip && l.end() == nil {
		return decode(text, l)
	}
	if v.escaped {
		var err error
		if text, err = unescape(text); err != nil {
			return nil, err
		}
	}
	return decodeBase64(text)
}

// Raw is the value's own text, with every string of more than maxString bytes replaced by one that tells its length.
func (v *Value) Raw(maxString int64) json.RawMessage {
	var b bytes.Buffer
	v.writeRaw(&b, maxString)
	return b.Bytes()
}

func (v *Value) writeRaw(b *bytes.Buffer, maxString int64) {
	switch v.Kind() {
	case Missing:
		b.WriteString("null")
	case Object:
		b.WriteByte('{')
		for i, m := range v.members() {
			if i > 0 {
				b.WriteByte(',')
			}
			key, _ := json.Marshal(m.key)
			b.Write(key)
			b.WriteByte(':')
			m.value.writeRaw(b, maxString)
		}
		b.WriteByte('}')
	case Array:
		b.WriteByte('[')
		for i, item := range v.Items() {
			if i > 0 {
				b.WriteByte(',')
			}
			item.writeRaw(b, maxString)
		}
		b.WriteByte(']')
	case String:
		if v.Len() > maxString {
			fmt.Fprintf(b, `"<%d bytes>"`, v.Len())
			return
		}
		text, _ := json.Marshal(v.Text())
		b.Write(text)
	default:
		raw, _ := v.read(MaxText)
		b.Write(raw)
	}
}
