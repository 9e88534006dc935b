package spool

import (
	"bytes"
	"unicode/utf8"

	"github.com/segmentio/asm/ascii"
)

// longRun is from how many bytes on a string is taken to be base64, most likely.
const longRun = 4 << 10

// str passes over a string, from its opening to its closing quotation mark, and reports whether it has escapes. A long one
// is looked at as base64 while it is at hand: letters is nil if it is none.
func (s *scanner) str() (escaped bool, letters *letters) {
	s.pos++
	if l := s.long(); l != nil && s.base64(l) {
		return false, l
	}
	for !s.eof() {
		rest := s.win[s.pos:]
		if s.quote < s.pos {
			if i := bytes.IndexByte(rest, '"'); i >= 0 {
				s.quote = s.pos + i
			} else {
				s.quote = len(s.win)
			}
		}
		run := s.win[s.pos:s.quote]
		if i := bytes.IndexByte(run, '\\'); i >= 0 {
			if s.plain(run[:i]) {
				s.escape()
			}
			escaped = true
			continue
		}
		if s.plain(run) && s.pos < len(s.win) && s.pos == s.quote {
			s.pos++
			return escaped, nil
		}
	}
	s.fail("unexpected end of a string")
	return escaped, nil
}

// base64 passes over what l takes of a string, which is nothing that may not stand in one. If that was all of it, it passes over the
// closing quotation mark, too, and reports so.
func (s *scanner) base64(l *letters) bool {
	for !s.eof() {
		rest := s.win[s.pos:]
		n := l.take(rest)
		if s.pos += n; n < len(rest) {
			if rest[n] != '"' {
				return false
			}
			s.pos++
			return true
		}
	}
	return false
}

// long is ready to look at the string that begins here as base64; nil if it is too short for that, or begins otherwise.
func (s *scanner) long() *letters {
	if s.eof() {
		return nil
	}
	rest := s.win[s.pos:]
	if i := bytes.IndexByte(rest[:min(len(rest), longRun)], '"'); i >= 0 {
		s.quote = s.pos + i
		return nil
	}
	return lettersOf(rest)
}

// plain passes over text without escapes, or fails on what may not stand in a string. It may stop early, in another
// window, after a character that lies across two; false then.
func (s *scanner) plain(text []byte) bool {
	if printable(text) {
		s.pos += len(text)
		return true
	}
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c < 0x20:
			s.pos += i
			s.fail("control character in a string")
			return false
		case c < utf8.RuneSelf:
			i++
		default:
			if r, n := utf8.DecodeRune(text[i:]); r != utf8.RuneError || n > 1 {
				i += n
				continue
			}
			s.pos += i
			return s.torn()
		}
	}
	s.pos += len(text)
	return true
}

// printable reports whether text is nothing but ASCII without control characters. Most strings are names and the like, for
// which a start of the vector unit costs more than they do.
func printable(text []byte) bool {
	if len(text) > 64 {
		return ascii.ValidPrint(text)
	}
	for _, c := range text {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

// torn passes over a character that is not whole in this window; it is invalid unless the next window completes it.
func (s *scanner) torn() bool {
	var char [utf8.UTFMax]byte
	n := 0
	for n < len(char) && !utf8.FullRune(char[:n]) && !s.eof() {
		char[n] = s.win[s.pos]
		s.pos++
		n++
	}
	if r, size := utf8.DecodeRune(char[:n]); r == utf8.RuneError && size <= 1 || size != n {
		s.fail("invalid UTF-8 in a string")
	}
	return false
}

// escape passes over a backslash and what belongs to it.
func (s *scanner) escape() {
	s.pos++
	c := s.peek()
	if bytes.IndexByte([]byte(`"\/bfnrtu`), c) < 0 || s.eof() {
		s.fail("unknown escape")
		return
	}
	if s.quote == s.pos { // it was an escaped one
		s.quote = -1
	}
	s.pos++
	if c != 'u' {
		return
	}
	for range 4 {
		if c := s.peek(); !('0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F') {
			s.fail("\\u wants four hexadecimal digits")
			return
		}
		s.pos++
	}
}
