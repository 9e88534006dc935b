package spool

import (
	"bytes"
	"strings"
	"testing"
)

// TestSpan: every byte, at every place that long strides and what they leave over come to, is seen for what it is.
func TestSpan(t *testing.T) {
	text := []byte(strings.Repeat(alphanumeric, 6)) // two strides, and more
	for name, c := range map[string]struct {
		alphabet *alphabet
		letters  string
	}{
		"common":   {common, alphanumeric},
		"standard": {standard, alphanumeric + "+/"},
		"url-safe": {urlSafe, alphanumeric + "-_"},
	} {
		for b := range 256 {
			for at := range text {
				want := len(text)
				if strings.IndexByte(c.letters, byte(b)) < 0 {
					want = at
				}
				was := text[at]
				text[at] = byte(b)
				got := c.alphabet.span(text)
				text[at] = was
				if got != want {
					t.Fatalf("%s: with byte %#x at %d of %d: %d letters, want %d", name, b, at, len(text), got, want)
				}
			}
		}
		for n := range text {
			if got := c.alphabet.span(text[:n]); got != n {
				t.Errorf("%s: %d of %d letters", name, got, n)
			}
		}
	}
}

// TestLeap: long texts are not looked at letter by letter.
func TestLeap(t *testing.T) {
	const size = 64 << 10
	text := bytes.Repeat([]byte("QUJD+/09"), size/8)
	if n := standard.leap(text); n != size {
		t.Errorf("%d of %d letters in long strides", n, size)
	}
}

// BenchmarkSpan is a piece of a picture's text, of which every letter is looked at.
func BenchmarkSpan(b *testing.B) {
	text := bytes.Repeat([]byte("QUJD+/09"), 8<<10)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if standard.span(text) != len(text) {
			b.Fatal("not all letters")
		}
	}
}
