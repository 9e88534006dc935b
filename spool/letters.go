package spool

import (
	"bytes"
	"fmt"

	"github.com/segmentio/asm/ascii"
	"github.com/segmentio/asm/base64"
)

// letters checks a base64 text as it comes by, piece by piece, and counts it. What is checked is every letter: decoding
// is the fastest way to do so. The zero value is ready.
type letters struct {
	skip     int64 // bytes before the text: a data URI's head
	head     int   // of these, how many are still to come
	n        int64 // letters, without the padding
	padding  int
	std, url bool   // letters that only one of the two alphabets has were seen
	open     []byte // up to three letters of a group that goes on in the next piece
	bad      bool
}

// maxHead is how long the head of a data URI may be.
const maxHead = 128

// lettersOf is ready for a text that begins with run, which may have a data URI's head, but nothing that JSON escapes.
func lettersOf(run []byte) *letters {
	l := &letters{}
	if bytes.HasPrefix(run, []byte("data:")) {
		l.head = bytes.IndexByte(run[:min(len(run), maxHead)], ',') + 1
		l.skip = int64(l.head)
	}
	l.bad = !ascii.ValidPrint(run[:l.head]) || bytes.IndexByte(run[:l.head], '\\') >= 0
	return l
}

// add looks at the next piece, and reports whether the text may still be base64.
func (l *letters) add(p []byte) bool {
	if l.head > 0 {
		p = p[l.head:] // the whole head is in the first piece
		l.head = 0
	}
	text := bytes.TrimRight(p, "=")
	if len(text) > 0 && l.padding > 0 {
		l.bad = true // padding in the middle
	}
	l.padding += len(p) - len(text)
	l.n += int64(len(text))
	if l.bad = l.bad || l.padding > 2 || !l.groups(text); l.bad {
		return false
	}
	return true
}

// Write is add for io.Copy.
func (l *letters) Write(p []byte) (int, error) {
	if !l.add(p) {
		return 0, fmt.Errorf("%w: other letters, or padding in the middle", ErrBase64)
	}
	return len(p), nil
}

// groups checks all whole groups of four, and keeps the rest.
func (l *letters) groups(p []byte) bool {
	if len(l.open) > 0 {
		n := min(4-len(l.open), len(p))
		l.open = append(l.open, p[:n]...)
		if p = p[n:]; len(l.open) < 4 {
			return !bytes.ContainsFunc(l.open, isNone)
		}
		if !l.check(l.open) {
			return false
		}
		l.open = l.open[:0]
	}
	whole := len(p) &^ 3
	l.open = append(l.open, p[whole:]...)
	return l.check(p[:whole]) && !bytes.ContainsFunc(p[whole:], isNone)
}

// isNone reports whether c is a letter of neither alphabet. What goes on in the next piece is looked at already in this
// one: nobody else does.
func isNone(c rune) bool {
	return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '+' || c == '/' || c == '-' || c == '_')
}

// check decodes p, in the alphabet that the text is in.
func (l *letters) check(p []byte) bool {
	l.std = l.std || bytes.IndexByte(p, '/') >= 0 || bytes.IndexByte(p, '+') >= 0
	if !l.std {
		l.url = l.url || bytes.IndexByte(p, '-') >= 0 || bytes.IndexByte(p, '_') >= 0
	}
	enc := base64.RawStdEncoding
	if l.url {
		enc = base64.RawURLEncoding
	}
	if l.std && l.url {
		return false
	}
	buf := scratch.take()
	defer scratch.give(buf)
	for len(p) > 0 {
		piece := p[:min(len(p), len(buf))]
		n, err := enc.Decode(buf, piece)
		if err != nil || n != enc.DecodedLen(len(piece)) { // line ends are passed over in silence
			return false
		}
		p = p[len(piece):]
	}
	return true
}

// end is asked when there are no more pieces: whether the text was base64.
func (l *letters) end() error {
	switch {
	case l.bad || !l.check(l.open) && len(l.open) != 1:
		return fmt.Errorf("%w: other letters", ErrBase64)
	case l.n%4 == 1:
		return fmt.Errorf("%w: %d letters", ErrBase64, l.n)
	}
	return nil
}
