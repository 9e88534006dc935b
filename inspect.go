package switchyard

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// ErrNotImage is the error of Inspect for bytes that are no whole image of a known type.
var ErrNotImage = errors.New("not a whole image")

// maxEdge is the longest edge that is believed. A file that claims more is lying, and its pixels could not be counted.
const maxEdge = 1 << 20

// Inspect returns the type and size of an image file of n bytes. It looks at the structure (signature, dimensions, the end),
// not at the pixels: it notices a truncated file or an HTML page, and decodes nothing. It reads a few bytes here and there,
// always forwards. The type is empty if it is one that cannot be inspected.
func Inspect(f io.ReaderAt, n int64) (mime string, size Size, err error) {
	c := &cursor{f: f, n: n}
	head := c.peek(32)
	switch mime = Sniff(head); mime {
	case "image/png":
		size, err = inspectPNG(c)
	case "image/jpeg":
		size, err = inspectJPEG(c)
	case "image/webp":
		size, err = inspectWebP(c)
	case "image/gif":
		size, err = inspectGIF(c)
	default:
		mime, err = "", fmt.Errorf("%w: unknown type", ErrNotImage)
	}
	switch {
	case c.err != nil:
		return "", Size{}, c.err
	case errors.Is(err, io.ErrUnexpectedEOF):
		err = fmt.Errorf("%w: truncated %s", ErrNotImage, mime)
	case err == nil && (min(size.Width, size.Height) <= 0 || max(size.Width, size.Height) > maxEdge):
		err = fmt.Errorf("%w: %d by %d pixels", ErrNotImage, size.Width, size.Height)
	}
	return mime, size, err
}

// InspectBlob is Inspect of a blob. One that can only be read from its beginning is read as far as it takes.
func InspectBlob(b Blob) (mime string, size Size, err error) {
	if f, ok := b.(io.ReaderAt); ok {
		return Inspect(f, b.Len())
	}
	r, err := b.Open()
	if err != nil {
		return "", Size{}, err
	}
	defer r.Close()
	return Inspect(&onward{r: r}, b.Len())
}

// onward is a reader read at places that come one after another.
type onward struct {
	r  io.Reader
	at int64
}

func (f *onward) ReadAt(p []byte, off int64) (int, error) {
	if _, err := io.CopyN(io.Discard, f.r, off-f.at); err != nil {
		return 0, err
	}
	n, err := io.ReadFull(f.r, p)
	f.at = off + int64(n)
	return n, err
}

// Inspects reports whether files of a format can be inspected. An empty format, which leaves the choice to the provider,
// counts as one that can.
func Inspects(format string) bool {
	switch format {
	case "", "png", "jpeg", "webp", "gif":
		return true
	}
	return false
}

// Sniff returns the type of an image file that begins with head; empty if it is not a known one.
func Sniff(head []byte) string {
	switch {
	case bytes.HasPrefix(head, []byte("\x89PNG\r\n\x1a\n")):
		return "image/png"
	case bytes.HasPrefix(head, []byte("\xff\xd8\xff")):
		return "image/jpeg"
	case len(head) >= 12 && string(head[:4]) == "RIFF" && string(head[8:12]) == "WEBP":
		return "image/webp"
	case bytes.HasPrefix(head, []byte("GIF87a")), bytes.HasPrefix(head, []byte("GIF89a")):
		return "image/gif"
	case len(head) >= 12 && string(head[4:8]) == "ftyp":
		return brands[string(head[8:12])]
	}
	return ""
}

// brands are the types of those image files that begin as films do, by the brand in their head (ISO/IEC 23008-12, annex B;
// AVIF, section 6). Phones take pictures in them.
var brands = map[string]string{
	"heic": "image/heic", "heix": "image/heic", "mif1": "image/heif", "msf1": "image/heif", "avif": "image/avif", "avis": "image/avif",
}

// cursor is a place in a file. It skips what need not be read.
type cursor struct {
	f     io.ReaderAt
	n, at int64
	first [64]byte // the file's first bytes, which are looked at twice
	have  int64    // how many of them have been read
	buf   [16]byte
	err   error // the file could not be read
}

// peek returns up to k of the file's first bytes; k is at most 64.
func (c *cursor) peek(k int64) []byte {
	k = min(k, c.n)
	if k > c.have {
		c.load(c.first[c.have:k], c.have)
		c.have = k
	}
	return c.first[:k]
}

func (c *cursor) load(p []byte, at int64) {
	if _, err := c.f.ReadAt(p, at); err != nil && !errors.Is(err, io.EOF) && c.err == nil {
		c.err = err
	}
}

// read returns the next k bytes, valid until the next read; k is at most 16.
func (c *cursor) read(k int64) ([]byte, error) {
	if c.at+k > c.n {
		return nil, io.ErrUnexpectedEOF
	}
	at := c.at
	c.at += k
	if c.at <= int64(len(c.first)) {
		return c.peek(c.at)[at:], c.err
	}
	p := c.buf[:k]
	from := int64(0)
	if at < c.have { // the first of them have been read already
		from = int64(copy(p, c.first[at:c.have]))
	}
	c.load(p[from:], at+from)
	return p, c.err
}

// skip moves the cursor on, at most to the end of the file.
func (c *cursor) skip(k int64) error {
	if k > c.n-c.at {
		return io.ErrUnexpectedEOF
	}
	c.at += k
	return nil
}

// tail returns the last bytes of the file, as far as they come after the cursor.
func (c *cursor) tail() []byte {
	p := make([]byte, min(64, c.n-c.at))
	at := c.n - int64(len(p))
	from := int64(0)
	if at < c.have {
		from = int64(copy(p, c.first[at:c.have]))
	}
	c.load(p[from:], at+from)
	return p
}

// inspectPNG walks the chunks: IHDR first, IEND last.
func inspectPNG(c *cursor) (size Size, err error) {
	if err := c.skip(8); err != nil {
		return size, err
	}
	for first := true; ; first = false {
		head, err := c.read(8)
		if err != nil {
			return size, err
		}
		n, kind := int64(binary.BigEndian.Uint32(head)), string(head[4:])
		if first {
			if kind != "IHDR" || n < 8 {
				return size, fmt.Errorf("%w: PNG without IHDR", ErrNotImage)
			}
			dim, err := c.read(8)
			if err != nil {
				return size, err
			}
			size = Size{int(binary.BigEndian.Uint32(dim)), int(binary.BigEndian.Uint32(dim[4:]))}
			n -= 8
		}
		if err := c.skip(n + 4); err != nil || kind == "IEND" { // the checksum, too
			return size, err
		}
	}
}

// inspectJPEG walks the segments up to the frame header; the file must end with an end-of-image marker, after which some
// encoders pad with zeros.
func inspectJPEG(c *cursor) (size Size, err error) {
	if err := c.skip(2); err != nil {
		return size, err
	}
	for {
		marker, n, err := jpegSegment(c)
		if err != nil {
			return size, err
		}
		frame := marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc
		if marker == 0xda || frame && n < 5 {
			return size, fmt.Errorf("%w: JPEG without frame", ErrNotImage)
		}
		if !frame {
			if err := c.skip(n); err != nil {
				return size, err
			}
			continue
		}
		f, err := c.read(5)
		if err != nil {
			return size, err
		}
		size = Size{int(binary.BigEndian.Uint16(f[3:])), int(binary.BigEndian.Uint16(f[1:]))}
		return size, ends(bytes.TrimRight(c.tail(), "\x00"), "\xff\xd9")
	}
}

func jpegSegment(c *cursor) (marker byte, n int64, err error) {
	for {
		b, err := c.read(1)
		if err != nil {
			return 0, 0, err
		}
		if b[0] != 0xff {
			return 0, 0, fmt.Errorf("%w: JPEG marker expected", ErrNotImage)
		}
		for b[0] == 0xff { // fill bytes
			if b, err = c.read(1); err != nil {
				return 0, 0, err
			}
		}
		marker = b[0]
		if marker == 0x01 || marker >= 0xd0 && marker <= 0xd8 { // markers without a segment
			continue
		}
		length, err := c.read(2)
		if err != nil {
			return 0, 0, err
		}
		n := int64(binary.BigEndian.Uint16(length)) - 2
		if n < 0 {
			return 0, 0, fmt.Errorf("%w: JPEG segment", ErrNotImage)
		}
		return marker, n, nil
	}
}

// inspectWebP believes the container's length; the first chunk tells the dimensions.
func inspectWebP(c *cursor) (size Size, err error) {
	head := c.peek(30)
	if len(head) < 30 {
		return size, io.ErrUnexpectedEOF
	}
	switch string(head[12:16]) {
	case "VP8 ":
		size.Width = int(binary.LittleEndian.Uint16(head[26:]) & 0x3fff)
		size.Height = int(binary.LittleEndian.Uint16(head[28:]) & 0x3fff)
	case "VP8L":
		bits := binary.LittleEndian.Uint32(head[21:])
		size.Width, size.Height = int(bits&0x3fff)+1, int(bits>>14&0x3fff)+1
	case "VP8X":
		size.Width = int(uint32(head[24])|uint32(head[25])<<8|uint32(head[26])<<16) + 1
		size.Height = int(uint32(head[27])|uint32(head[28])<<8|uint32(head[29])<<16) + 1
	default:
		return size, fmt.Errorf("%w: WebP without image", ErrNotImage)
	}
	return size, c.skip(int64(binary.LittleEndian.Uint32(head[4:])) + 8)
}

// inspectGIF wants a trailer at the end.
func inspectGIF(c *cursor) (size Size, err error) {
	if err := c.skip(10); err != nil {
		return size, err
	}
	head := c.peek(10)
	size = Size{int(binary.LittleEndian.Uint16(head[6:])), int(binary.LittleEndian.Uint16(head[8:]))}
	return size, ends(c.tail(), "\x3b")
}

func ends(tail []byte, with string) error {
	if !bytes.HasSuffix(tail, []byte(with)) {
		return io.ErrUnexpectedEOF
	}
	return nil
}
