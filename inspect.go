package switchyard

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// ErrNotImage is what inspecting bytes that are no whole image of a known type ends with.
var ErrNotImage = errors.New("not a whole image")

// Inspect reads an image file to its end and tells its type and size. It looks at the structure (signature, dimensions,
// the end), not at the pixels: a truncated file or an HTML page is found out, and nothing is decoded.
func Inspect(r io.Reader) (mime string, size Size, err error) {
	b := bufio.NewReaderSize(r, 32<<10)
	head, err := b.Peek(32)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", Size{}, err
	}
	mime = Sniff(head)
	switch mime {
	case "image/png":
		size, err = inspectPNG(b)
	case "image/jpeg":
		size, err = inspectJPEG(b)
	case "image/webp":
		size, err = inspectWebP(b)
	case "image/gif":
		size, err = inspectGIF(b)
	default:
		return "", Size{}, fmt.Errorf("%w: unknown type", ErrNotImage)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("%w: truncated %s", ErrNotImage, mime)
	}
	if err == nil && (size.Width <= 0 || size.Height <= 0) {
		err = fmt.Errorf("%w: no dimensions", ErrNotImage)
	}
	return mime, size, err
}

// Sniff is the type of an image file that begins with head; empty if it is none of those known.
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
	}
	return ""
}

// inspectPNG walks the chunks: IHDR first, IEND last.
func inspectPNG(r *bufio.Reader) (size Size, err error) {
	if _, err := r.Discard(8); err != nil {
		return size, err
	}
	var head [8]byte
	for first := true; ; first = false {
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return size, err
		}
		n, kind := int64(binary.BigEndian.Uint32(head[:4])), string(head[4:])
		if first {
			if kind != "IHDR" || n < 8 {
				return size, fmt.Errorf("%w: PNG without IHDR", ErrNotImage)
			}
			var dim [8]byte
			if _, err := io.ReadFull(r, dim[:]); err != nil {
				return size, err
			}
			size = Size{int(binary.BigEndian.Uint32(dim[:4])), int(binary.BigEndian.Uint32(dim[4:]))}
			n -= 8
		}
		if err := discard(r, n+4); err != nil { // the checksum, too
			return size, err
		}
		if kind == "IEND" {
			return size, drain(r)
		}
	}
}

// inspectJPEG walks the segments up to the frame header; what follows must end with an end-of-image marker.
func inspectJPEG(r *bufio.Reader) (size Size, err error) {
	if _, err := r.Discard(2); err != nil {
		return size, err
	}
	for {
		marker, n, err := jpegSegment(r)
		if err != nil {
			return size, err
		}
		frame := marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc
		if marker == 0xda || frame && n < 5 {
			return size, fmt.Errorf("%w: JPEG without frame", ErrNotImage)
		}
		if !frame {
			if err := discard(r, n); err != nil {
				return size, err
			}
			continue
		}
		var f [5]byte
		if _, err := io.ReadFull(r, f[:]); err != nil {
			return size, err
		}
		size = Size{int(binary.BigEndian.Uint16(f[3:])), int(binary.BigEndian.Uint16(f[1:]))}
		return size, jpegEnd(r)
	}
}

func jpegSegment(r *bufio.Reader) (marker byte, n int64, err error) {
	for {
		c, err := r.ReadByte()
		if err != nil {
			return 0, 0, err
		}
		if c != 0xff {
			return 0, 0, fmt.Errorf("%w: JPEG marker expected", ErrNotImage)
		}
		for c == 0xff { // fill bytes
			if c, err = r.ReadByte(); err != nil {
				return 0, 0, err
			}
		}
		if c == 0x01 || c >= 0xd0 && c <= 0xd8 { // markers that stand alone
			continue
		}
		var length [2]byte
		if _, err := io.ReadFull(r, length[:]); err != nil {
			return 0, 0, err
		}
		n := int64(binary.BigEndian.Uint16(length[:])) - 2
		if n < 0 {
			return 0, 0, fmt.Errorf("%w: JPEG segment", ErrNotImage)
		}
		return c, n, nil
	}
}

// jpegEnd reads to the end and wants an end-of-image marker there; some encoders pad with zeros behind it.
func jpegEnd(r io.Reader) error {
	t := &tail{}
	if _, err := io.Copy(t, r); err != nil {
		return err
	}
	if !bytes.HasSuffix(bytes.TrimRight(t.last, "\x00"), []byte{0xff, 0xd9}) {
		return io.ErrUnexpectedEOF
	}
	return nil
}

// tail keeps the last bytes written to it.
type tail struct{ last []byte }

func (t *tail) Write(p []byte) (int, error) {
	const keep = 64
	if len(p) >= keep {
		t.last = append(t.last[:0], p[len(p)-keep:]...)
	} else if t.last = append(t.last, p...); len(t.last) > keep {
		t.last = append(t.last[:0], t.last[len(t.last)-keep:]...)
	}
	return len(p), nil
}

// inspectWebP believes the container's length; the first chunk tells the dimensions.
func inspectWebP(r *bufio.Reader) (size Size, err error) {
	head, err := r.Peek(30)
	if err != nil {
		return size, err
	}
	total := int64(binary.LittleEndian.Uint32(head[4:])) + 8
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
	if err := discard(r, total); err != nil {
		return size, err
	}
	return size, drain(r)
}

// inspectGIF wants a trailer at the end.
func inspectGIF(r *bufio.Reader) (size Size, err error) {
	head, err := r.Peek(10)
	if err != nil {
		return size, err
	}
	size = Size{int(binary.LittleEndian.Uint16(head[6:])), int(binary.LittleEndian.Uint16(head[8:]))}
	t := &tail{}
	if _, err := io.Copy(t, r); err != nil {
		return size, err
	}
	if !bytes.HasSuffix(bytes.TrimRight(t.last, "\x00"), []byte{0x3b}) {
		return size, io.ErrUnexpectedEOF
	}
	return size, nil
}

func discard(r io.Reader, n int64) error {
	m, err := io.CopyN(io.Discard, r, n)
	if errors.Is(err, io.EOF) || err == nil && m < n {
		return io.ErrUnexpectedEOF
	}
	return err
}

// drain reads what stands behind the end, so that a source that checks itself to its end (base64) has done so.
func drain(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}
