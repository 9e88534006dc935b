package spool

import (
	"errors"
	"fmt"
	"io"

	"github.com/segmentio/asm/base64"

	"switchyard"
)

// ErrBase64 is what decoding a text that is no base64 ends with.
var ErrBase64 = errors.New("spool: not base64")

// Base64 is blob as padded base64 text in the standard alphabet. A blob that was such a text to begin with is given
// back as it came, without decoding and encoding it again.
func Base64(blob switchyard.Blob) switchyard.Blob {
	if d, ok := blob.(interface {
		text() (switchyard.Blob, bool)
	}); ok {
		if text, canonical := d.text(); canonical {
			return text
		}
	}
	return encoded{blob}
}

type encoded struct{ raw switchyard.Blob }

func (e encoded) Len() int64 { return (e.raw.Len() + 2) / 3 * 4 }

func (e encoded) Open() (io.ReadCloser, error) {
	r, err := e.raw.Open()
	if err != nil {
		return nil, err
	}
	return newRecoder(r, 3, 4, func(dst, src []byte) (int, error) {
		n := base64.StdEncoding.EncodedLen(len(src))
		base64.StdEncoding.Encode(dst, src)
		return n, nil
	}), nil
}

// decoded is a base64 text seen as the bytes it stands for. The text has been checked.
type decoded struct {
	source    switchyard.Blob // the text, without escapes and line ends
	letters   int64           // of the text, without its padding
	url       bool            // its alphabet is the URL-safe one
	canonical bool            // source is exactly what Base64 would make
}

func (d *decoded) text() (switchyard.Blob, bool) { return d.source, d.canonical }

func (d *decoded) encoding() *base64.Encoding {
	if d.url {
		return base64.RawURLEncoding
	}
	return base64.RawStdEncoding
}

func (d *decoded) Len() int64 { return d.letters * 3 / 4 }

func (d *decoded) Open() (io.ReadCloser, error) {
	text := d.source
	if r, ok := text.(*Range); ok {
		text = r.body.Range(r.off, r.off+d.letters) // without the padding
	}
	r, err := text.Open()
	if err != nil {
		return nil, err
	}
	enc, left := d.encoding(), d.letters
	return newRecoder(r, 4, 3, func(dst, src []byte) (int, error) {
		src = src[:min(int64(len(src)), left)]
		left -= int64(len(src))
		n, err := enc.Decode(dst, src)
		if err != nil {
			return n, fmt.Errorf("%w: %w", ErrBase64, err)
		}
		return n, nil
	}), nil
}

// decodeBase64 sees the base64 text in blob as the bytes it stands for. Both alphabets are taken, with or without
// padding. The text is read once, to check every letter.
func decodeBase64(text switchyard.Blob) (switchyard.Blob, error) {
	r, err := text.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	l := &letters{}
	if _, err := io.Copy(l, r); err != nil {
		return nil, err
	}
	if err := l.end(); err != nil {
		return nil, err
	}
	return decode(text, l)
}

// decode is decodeBase64 of a text that has been checked.
func decode(text switchyard.Blob, l *letters) (switchyard.Blob, error) {
	padded := text.Len() == l.n+int64(l.padding) && int64(l.padding) == (4-l.n%4)%4
	url := l.alphabet == urlSafe
	d := &decoded{source: text, letters: l.n, url: url, canonical: padded && !url}
	if at, ok := text.(io.ReaderAt); ok {
		return &decodedAt{d, at}, nil
	}
	return d, nil
}

// decodedAt is decoded where the text can be read from anywhere.
type decodedAt struct {
	*decoded
	source io.ReaderAt
}

// ReadAt decodes the few groups of letters that p is in: an image's structure can be looked at without decoding it.
func (d *decodedAt) ReadAt(p []byte, off int64) (int, error) {
	buf := scratch.take()
	defer scratch.give(buf)
	text, raw := buf[:256], buf[256:512]
	n := 0
	for n < len(p) {
		at := off + int64(n)
		if at >= d.Len() {
			return n, io.EOF
		}
		skip := int(at % 3)
		want := min(int64(len(text)), (int64(skip+len(p)-n)+2)/3*4, d.letters-at/3*4)
		if _, err := d.source.ReadAt(text[:want], at/3*4); err != nil && !errors.Is(err, io.EOF) {
			return n, err
		}
		m, err := d.encoding().Decode(raw, text[:want])
		if err != nil {
			return n, fmt.Errorf("%w: %w", ErrBase64, err)
		}
		n += copy(p[n:], raw[skip:m])
	}
	return n, nil
}
