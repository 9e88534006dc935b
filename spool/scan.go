package spool

import (
	"errors"
	"fmt"
	"io"
	"slices"
)

// Bounds of what is parsed at all. They are far above what any provider's format needs, and keep hostile bodies from
// costing more than their own size.
const (
	maxDepth  = 64
	maxValues = 20_000
	maxKey    = 1 << 10
)

// A SyntaxError says where and why a body is no JSON.
type SyntaxError struct {
	Offset int64
	Reason string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("invalid JSON at byte %d: %s", e.Offset, e.Reason)
}

// Scan reads a body as one JSON document, in one pass, or tells what was found when it arrived. Everything that is
// well-formed is accepted, but for duplicate keys, invalid UTF-8, and more depth or values than any honest request has.
func Scan(b *Body) (*Value, error) {
	if b.scanned {
		return b.root, b.syntax
	}
	if !b.hold() {
		return nil, ErrClosed
	}
	defer b.drop()
	buf := scratch.take()
	defer scratch.give(buf)
	s := &scanner{body: b, next: func(at int64) ([]byte, error) {
		if at == b.n {
			return nil, io.EOF
		}
		return b.window(at, b.n, buf)
	}}
	return s.document()
}

// scanner walks over the body window by window.
type scanner struct {
	body   *Body
	next   func(at int64) ([]byte, error) // the window that begins at a place; io.EOF at the end
	win    []byte                         // bytes [base, base+len(win)) of the body
	base   int64
	pos    int  // in win
	quote  int  // the next quotation mark in win is at or after this; -1: not looked for
	ended  bool // there are no more windows
	values int
	room   []Value // for values to come: one allocation for many
	lists  *lists
	err    error
}

func (s *scanner) document() (*Value, error) {
	s.lists = spare.Get().(*lists)
	defer s.lists.putBack()
	s.space()
	v := s.value(0)
	s.space()
	if s.err == nil && !s.eof() {
		s.fail("text after the end of the document")
	}
	if s.err != nil {
		return nil, s.err
	}
	return v, nil
}

func (s *scanner) fail(format string, args ...any) {
	if s.err == nil {
		s.err = &SyntaxError{s.offset(), fmt.Sprintf(format, args...)}
	}
}

func (s *scanner) offset() int64 { return s.base + int64(s.pos) }

// eof loads the next window if the present one is used up, and reports whether there is none, or an error.
func (s *scanner) eof() bool {
	if s.err != nil {
		return true
	}
	if s.pos < len(s.win) {
		return false
	}
	if s.ended {
		return true
	}
	at := s.offset()
	win, err := s.next(at)
	if errors.Is(err, io.EOF) {
		s.ended = true
		return true
	}
	s.win, s.base, s.pos, s.quote, s.err = win, at, 0, -1, err
	return err != nil
}

// peek is the next byte; 0, which is no JSON, at the end.
func (s *scanner) peek() byte {
	if s.eof() {
		return 0
	}
	return s.win[s.pos]
}

func (s *scanner) space() {
	for {
		switch s.peek() {
		case ' ', '\t', '\r', '\n':
			s.pos++
		default:
			return
		}
	}
}

func (s *scanner) value(depth int) *Value {
	if s.values++; s.values > maxValues {
		s.fail("more than %d values", maxValues)
		return nil
	}
	if depth > maxDepth {
		s.fail("nested deeper than %d", maxDepth)
		return nil
	}
	v := s.newValue()
	switch c := s.peek(); {
	case c == '{':
		s.object(v, depth)
	case c == '[':
		s.array(v, depth)
	case c == '"':
		v.kind = String
		v.escaped, v.letters = s.str()
	case c == '-' || '0' <= c && c <= '9':
		v.kind = Number
		s.number()
	case c == 't':
		v.kind, v.truth = Bool, true
		s.word("true")
	case c == 'f':
		v.kind = Bool
		s.word("false")
	case c == 'n':
		v.kind = Null
		s.word("null")
	case s.eof():
		s.fail("unexpected end")
	default:
		s.fail("unexpected %q", c)
	}
	v.end = s.offset()
	return v
}

// lettersEach is about how long a member is in the providers' small documents.
const lettersEach = 32

// newValue is one that begins here. As many are allocated at once as seem to follow, within bounds.
func (s *scanner) newValue() *Value {
	if len(s.room) == 0 {
		follow := (len(s.win) - s.pos) / lettersEach // fewer, if they are large
		s.room = make([]Value, min(max(4, follow), max(16, s.values), 64))
	}
	v := &s.room[0]
	s.room = s.room[1:]
	v.body, v.off = s.body, s.offset()
	return v
}

func (s *scanner) object(v *Value, depth int) {
	v.kind = Object
	s.pos++
	s.space()
	if s.peek() == '}' {
		s.pos++
		return
	}
	first := len(s.lists.members)
	defer func() { v.parts = &parts{members: take(&s.lists.members, first)} }()
	var names names
	for s.err == nil {
		key := s.key()
		if s.err == nil && names.have(s.lists.members[first:], key) {
			s.fail("duplicate key %q", key)
		}
		s.space()
		s.expect(':')
		s.space()
		m := member{key, s.value(depth + 1)}
		s.lists.members = append(s.lists.members, m)
		s.space()
		if s.peek() == '}' {
			s.pos++
			return
		}
		s.expect(',')
		s.space()
	}
}

func (s *scanner) array(v *Value, depth int) {
	v.kind = Array
	s.pos++
	s.space()
	if s.peek() == ']' {
		s.pos++
		return
	}
	first := len(s.lists.items)
	defer func() { v.parts = &parts{items: take(&s.lists.items, first)} }()
	for s.err == nil {
		item := s.value(depth + 1)
		s.lists.items = append(s.lists.items, item)
		s.space()
		if s.peek() == ']' {
			s.pos++
			return
		}
		s.expect(',')
		s.space()
	}
}

func (s *scanner) expect(c byte) {
	if got := s.peek(); got == c && s.err == nil {
		s.pos++
	} else if s.eof() {
		s.fail("unexpected end, want %q", c)
	} else {
		s.fail("unexpected %q, want %q", got, c)
	}
}

func (s *scanner) word(w string) {
	for i := range len(w) {
		if s.peek() != w[i] {
			s.fail("unexpected text, want %s", w)
			return
		}
		s.pos++
	}
}

// number follows the grammar of RFC 8259, section 6.
func (s *scanner) number() {
	if s.peek() == '-' {
		s.pos++
	}
	if s.peek() == '0' {
		s.pos++
	} else {
		s.digits()
	}
	if s.peek() == '.' {
		s.pos++
		s.digits()
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.pos++
		if c := s.peek(); c == '+' || c == '-' {
			s.pos++
		}
		s.digits()
	}
}

func (s *scanner) digits() {
	if c := s.peek(); c < '0' || c > '9' {
		s.fail("unexpected %q in a number", c)
		return
	}
	for c := s.peek(); '0' <= c && c <= '9'; c = s.peek() {
		s.pos++
	}
}

// key reads a member's name. Names are short, so they become Go strings at once.
func (s *scanner) key() string {
	if s.peek() != '"' {
		s.fail("unexpected %q, want a key", s.peek())
		return ""
	}
	k := Value{body: s.body, kind: String, off: s.offset()}
	at, base := s.pos, s.base
	k.escaped, _ = s.str()
	k.end = s.offset()
	if s.err == nil && k.end-k.off > maxKey {
		s.fail("a key of more than %d bytes", maxKey)
	}
	if s.err != nil {
		return ""
	}
	if !k.escaped && base == s.base { // all of it is at hand
		return s.lists.name(s.win[at+1 : s.pos-1])
	}
	text, err := k.text()
	if err != nil {
		s.err = err
	}
	return text
}

// names finds duplicates among an object's keys: by comparing while there are few, by a map when there are many.
type names struct {
	many map[string]struct{} // nil while there are few
}

const few = 16

// have reports whether there is a member of that name, before it is added.
func (n *names) have(members []member, key string) bool {
	if len(members) < few {
		return slices.ContainsFunc(members, func(m member) bool { return m.key == key })
	}
	if n.many == nil {
		n.many = make(map[string]struct{}, 2*few)
		for _, m := range members {
			n.many[m.key] = struct{}{}
		}
	}
	_, dup := n.many[key]
	n.many[key] = struct{}{}
	return dup
}
