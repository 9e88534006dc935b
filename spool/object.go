package spool

import (
	"encoding/json"
	"strconv"
	"strings"
)

// WrongType is a member that is not what it should be. Each dialect tells of it in its provider's words.
type WrongType struct {
	Path string // e.g. "input.num_outputs"
	Want string // e.g. "an integer"
	Got  *Value
}

// Reader reads an object's members by name, as the types they should have, and keeps account: which were of another
// type, and which nobody asked for. The zero of a type is given for members that are missing or null.
type Reader struct {
	// AsText takes numbers and booleans written as text too, as forms and some hand-written apps send them.
	AsText bool

	v    *Value
	path string
	seen []bool // of v's members, those that were asked for
	errs []*WrongType
}

// Read starts reading v, which path names in errors; empty for the document itself.
func Read(v *Value, path string) *Reader {
	r := &Reader{v: v, path: path}
	if v != nil {
		r.seen = make([]bool, len(v.members()))
	}
	return r
}

// Errs are the members of wrong types, in the order they were read.
func (r *Reader) Errs() []*WrongType { return r.errs }

// Get is a member of any type, which counts as asked for.
func (r *Reader) Get(key string) *Value {
	for i := range r.seen {
		if m := &r.v.parts.members[i]; m.key == key {
			r.seen[i] = true
			return m.value
		}
	}
	return nil
}

// Leave takes it back that a member was asked for: what it says is nothing that the reader has a word for.
func (r *Reader) Leave(key string) {
	for i := range r.seen {
		if r.v.parts.members[i].key == key {
			r.seen[i] = false
		}
	}
}

// Path is a member's name as errors tell it.
func (r *Reader) Path(key string) string {
	if r.path == "" {
		return key
	}
	return r.path + "." + key
}

func (r *Reader) fail(key, want string, got *Value) {
	r.errs = append(r.errs, &WrongType{r.Path(key), want, got})
}

// Text is a string.
func (r *Reader) Text(key string) string {
	v := r.Get(key)
	if v.Given() && v.Kind() != String {
		r.fail(key, "a string", v)
		return ""
	}
	if v.Len() > MaxText {
		r.fail(key, "a shorter string", v)
	}
	return v.Text()
}

// Int is a whole number; nil if not given.
func (r *Reader) Int(key string) *int {
	v := r.Get(key)
	if !v.Given() {
		return nil
	}
	n, ok := v.Int()
	if !ok && r.AsText && v.Kind() == String {
		parsed, err := strconv.Atoi(strings.TrimSpace(v.Text()))
		n, ok = int64(parsed), err == nil
	}
	if !ok || n > 1<<31-1 || n < -1<<31 {
		r.fail(key, "an integer", v)
		return nil
	}
	i := int(n)
	return &i
}

// Uint is a whole number from 0 to the largest uint64; nil if not given.
func (r *Reader) Uint(key string) *uint64 {
	v := r.Get(key)
	if !v.Given() {
		return nil
	}
	n, ok := v.Uint()
	if !ok && r.AsText && v.Kind() == String {
		parsed, err := strconv.ParseUint(strings.TrimSpace(v.Text()), 10, 64)
		n, ok = parsed, err == nil
	}
	if !ok {
		r.fail(key, "a non-negative integer", v)
		return nil
	}
	return &n
}

// Float is a number; nil if not given.
func (r *Reader) Float(key string) *float64 {
	v := r.Get(key)
	if !v.Given() {
		return nil
	}
	f, ok := v.Float()
	if !ok && r.AsText && v.Kind() == String {
		parsed, err := strconv.ParseFloat(strings.TrimSpace(v.Text()), 64)
		f, ok = parsed, err == nil
	}
	if !ok {
		r.fail(key, "a number", v)
		return nil
	}
	return &f
}

// Bool is a boolean; nil if not given.
func (r *Reader) Bool(key string) *bool {
	v := r.Get(key)
	if !v.Given() {
		return nil
	}
	b := v.Truth()
	if v.Kind() != Bool {
		text := v.Text()
		if !r.AsText || text != "true" && text != "false" {
			r.fail(key, "a boolean", v)
			return nil
		}
		b = text == "true"
	}
	return &b
}

// Items are an array's elements; none if not given.
func (r *Reader) Items(key string) []*Value {
	v := r.Get(key)
	if v.Given() && v.Kind() != Array {
		r.fail(key, "an array", v)
	}
	return v.Items()
}

// Object is a member that is an object itself; empty if not given. Its wrong types are its own: ask its Errs.
func (r *Reader) Object(key string) *Reader {
	v := r.Get(key)
	if v.Given() && v.Kind() != Object {
		r.fail(key, "an object", v)
		v = nil
	}
	o := Read(v, r.Path(key))
	o.AsText = r.AsText
	return o
}

// Rest is the members that were given and that nobody asked for; nil if there are none.
func (r *Reader) Rest() map[string]json.RawMessage {
	var rest map[string]json.RawMessage
	if r.v == nil {
		return nil
	}
	for i, m := range r.v.members() {
		if r.seen[i] || !m.value.Given() {
			continue
		}
		if rest == nil {
			rest = map[string]json.RawMessage{}
		}
		rest[m.key] = m.value.Raw(1 << 10)
	}
	return rest
}
