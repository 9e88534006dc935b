package spool

import (
	"io"

	"switchyard"
)

// unescaped is the inside of a JSON string with escapes, or a text with line ends, as the plain letters: what some
// encoders make of base64 ("\/", "\n" every 76 letters).
type unescaped struct {
	raw switchyard.Blob
	n   int64
}

// unescape measures raw once, so that its length is known.
func unescape(raw switchyard.Blob) (switchyard.Blob, error) {
	u := &unescaped{raw: raw}
	r, err := u.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	u.n, err = io.Copy(io.Discard, r)
	return u, err
}

func (u *unescaped) Len() int64 { return u.n }

func (u *unescaped) Open() (io.ReadCloser, error) {
	r, err := u.raw.Open()
	if err != nil {
		return nil, err
	}
	return &unescaper{src: r}, nil
}

type unescaper struct {
	src     io.ReadCloser
	escape  bool // the last byte was a backslash
	unicode int  // hexadecimal digits still to come
	char    rune
}

func (u *unescaper) Close() error { return u.src.Close() }

func (u *unescaper) Read(p []byte) (int, error) {
	for {
		n, err := u.src.Read(p)
		if kept := u.filter(p[:n]); kept > 0 || err != nil || len(p) == 0 {
			return kept, err
		}
	}
}

// filter moves the letters of p to its front and returns their number. The text is known to be a valid JSON string.
func (u *unescaper) filter(p []byte) int {
	kept := 0
	for _, c := range p {
		switch {
		case u.unicode > 0:
			u.char = u.char<<4 | hexDigit(c)
			if u.unicode--; u.unicode > 0 || u.char > 0x7e || u.char <= ' ' {
				continue
			}
			c = byte(u.char)
		case u.escape:
			u.escape = false
			if c == 'u' {
				u.unicode, u.char = 4, 0
				continue
			}
			if c != '/' {
				continue // line ends and tabs
			}
		case c == '\\':
			u.escape = true
			continue
		case c <= ' ':
			continue
		}
		p[kept] = c
		kept++
	}
	return kept
}

func hexDigit(c byte) rune {
	switch {
	case c >= 'a':
		return rune(c - 'a' + 10)
	case c >= 'A':
		return rune(c - 'A' + 10)
	}
	return rune(c - '0')
}
