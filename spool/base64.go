package spool

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/segmentio/asm/base64"

	"switchyard"
)

// ErrBase64 is what decoding a text that is no base64 ends with.
var ErrBase64 = errors.New("spool: not base64")

// Base64 is blob as padded base64 text in the standard alphabet. A blob that was such a text to begin with is given
// back as it came, without decoding and encoding it again.
func Base64(blob switchyard.Blob) switchyard.Blob {
	if d, ok := blob.(*decoded); ok && d.canonical {
		return d.source
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
	// A whole number of groups at a time, so that only the last piece is padded.
	return &recoder{src: r, step: chunkSize / 4 * 3, code: func(dst, src []byte) (int, error) {
		n := base64.StdEncoding.EncodedLen(len(src))
		base64.StdEncoding.Encode(dst, src)
		return n, nil
	}}, nil
}

// decoded is a base64 text seen as the bytes it stands for.
type decoded struct {
	source    switchyard.Blob // the text, without escapes and line ends
	letters   int64           // of the text, without its padding
	url       bool            // its alphabet is the URL-safe one
	canonical bool            // source is exactly what Base64 would make
}

func (d *decoded) Len() int64 { return d.letters * 3 / 4 }

func (d *decoded) Open() (io.ReadCloser, error) {
	r, err := d.source.Open()
	if err != nil {
		return nil, err
	}
	enc := base64.RawStdEncoding
	if d.url {
		enc = base64.RawURLEncoding
	}
	limited := struct {
		io.Reader
		io.Closer
	}{io.LimitReader(r, d.letters), r}
	return &recoder{src: limited, step: chunkSize, code: func(dst, src []byte) (int, error) {
		n, err := enc.Decode(dst, src)
		if err != nil {
			return n, fmt.Errorf("%w: %w", ErrBase64, err)
		}
		return n, nil
	}}, nil
}

// recoder turns src into something else, step bytes at a time; only the last step may be shorter.
type recoder struct {
	mu   sync.Mutex // net/http may close a request body while it is being read; the buffers are then another's
	src  io.ReadCloser
	step int
	code func(dst, src []byte) (int, error)

	in, out []byte // from scratch; nil until first used and after Close
	ready   []byte // what of out has not been read
	err     error
}

// more fills ready with the next step. Requires mu, but in WriteTo, which nobody closes from elsewhere.
func (r *recoder) more() error {
	if r.err != nil {
		return r.err
	}
	if r.in == nil {
		r.in, r.out = scratch.take(), scratch.take()
	}
	n, err := io.ReadFull(r.src, r.in[:r.step])
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	r.err = err
	if n == 0 {
		return err
	}
	m, err := r.code(r.out, r.in[:n])
	if err != nil {
		r.err = err
		return err
	}
	r.ready = r.out[:m]
	return nil
}

func (r *recoder) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.ready) == 0 {
		if err := r.more(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.ready)
	r.ready = r.ready[n:]
	return n, nil
}

func (r *recoder) WriteTo(w io.Writer) (int64, error) {
	var sum int64
	for {
		n, err := w.Write(r.ready)
		sum += int64(n)
		if err != nil {
			return sum, err
		}
		r.ready = nil
		if err := r.more(); errors.Is(err, io.EOF) {
			return sum, nil
		} else if err != nil {
			return sum, err
		}
	}
}

func (r *recoder) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.in != nil {
		scratch.give(r.in)
		scratch.give(r.out)
		r.in, r.out, r.ready = nil, nil, nil
	}
	if r.err == nil {
		r.err = ErrClosed
	}
	return r.src.Close()
}

// DecodeBase64 sees the base64 text in blob as the bytes it stands for. Both alphabets are taken, with or without
// padding. Whether every letter is one is known only when it is read.
func DecodeBase64(text switchyard.Blob) (switchyard.Blob, error) {
	letters, url, err := classify(text)
	if err != nil {
		return nil, err
	}
	return decode(text, letters, url)
}

// decode is DecodeBase64 of a text of which it is known how many letters it has before its padding, in which alphabet.
func decode(text switchyard.Blob, letters int64, url bool) (switchyard.Blob, error) {
	if letters%4 == 1 {
		return nil, fmt.Errorf("%w: %d letters", ErrBase64, letters)
	}
	padded := text.Len()%4 == 0 && text.Len()-letters == (4-letters%4)%4
	return &decoded{source: text, letters: letters, url: url, canonical: padded && !url}, nil
}
