package spool

import (
	"bytes"
	"fmt"

	"github.com/segmentio/asm/ascii"
)

// letters checks a base64 text as it comes by, piece by piece, and counts it. The zero value is ready.
type letters struct {
	skip     int64 // bytes before the text: a data URI's head
	head     int   // of these, how many are still to come
	n        int64 // letters, without the padding
	padding  int
	alphabet *alphabet // nil as long as only letters have come that both alphabets have
}

// maxHead is how long the head of a data URI may be.
const maxHead = 128

// lettersOf begins a text that starts with run, which may have a data URI's head; nil if JSON would have to escape something in the head.
func lettersOf(run []byte) *letters {
	l := &letters{}
	if bytes.HasPrefix(run, []byte("data:")) {
		l.head = bytes.IndexByte(run[:min(len(run), maxHead)], ',') + 1
		l.skip = int64(l.head)
	}
	if head := run[:l.head]; !ascii.ValidPrint(head) || bytes.ContainsAny(head, `"\`) {
		return nil
	}
	return l
}

// take looks at the next piece, and returns how many bytes at its beginning may be base64: all of them, or those before the first byte that
// may not.
func (l *letters) take(p []byte) int {
	n := l.head // the whole head is in the first piece
	l.head = 0
	if l.padding == 0 {
		m := l.span(p[n:])
		l.n += int64(m)
		n += m
	}
	for n < len(p) && p[n] == '=' && l.padding < 2 {
		l.padding++
		n++
	}
	return n
}

// span is how many letters p begins with, in the alphabet that the text is in.
func (l *letters) span(p []byte) int {
	if l.alphabet != nil {
		return l.alphabet.span(p)
	}
	n := common.span(p)
	if n == len(p) {
		return n
	}
	switch p[n] {
	case '+', '/':
		l.alphabet = standard
	case '-', '_':
		l.alphabet = urlSafe
	default:
		return n
	}
	return n + l.alphabet.span(p[n:])
}

// Write is take for io.Copy.
func (l *letters) Write(p []byte) (int, error) {
	n := l.take(p)
	if n < len(p) {
		return n, fmt.Errorf("%w: other letters, or padding in the middle", ErrBase64)
	}
	return n, nil
}

// end is asked when there are no more pieces: whether the text was base64.
func (l *letters) end() error {
	if l.n%4 == 1 {
		return fmt.Errorf("%w: %d letters", ErrBase64, l.n)
	}
	return nil
}
