package sim

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/color/palette"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math/rand/v2"

	"github.com/HugoSmits86/nativewebp"

	"switchyard"
)

// Picture draws art and encodes it as "png", "jpeg", "webp" or "gif", exactly as large as size says. It panics for any
// other format, if Art.Bytes is less than the file has, and if it is set for a format that cannot be padded.
func Picture(size switchyard.Size, format string, art Art) []byte {
	img := paint(size, art)
	var buf bytes.Buffer
	var err error
	switch format {
	case "png":
		err = encodePNG(&buf, img)
	case "jpeg":
		q := art.Quality
		if q == 0 {
			q = jpeg.DefaultQuality
		}
		err = jpeg.Encode(&buf, opaque(img, art), &jpeg.Options{Quality: q})
	case "webp":
		err = nativewebp.Encode(&buf, img, nil)
	case "gif":
		p := image.NewPaletted(img.Rect, palette.WebSafe)
		draw.Draw(p, p.Rect, img, image.Point{}, draw.Src)
		err = gif.Encode(&buf, p, nil)
	default:
		err = fmt.Errorf("format %q", format)
	}
	if err != nil {
		panic(fmt.Sprintf("sim: picture of %v: %v", size, err))
	}
	if art.Bytes == 0 {
		return buf.Bytes()
	}
	return pad(buf.Bytes(), format, art.Bytes)
}

var pngBuffers = make(pngPool, 4)

// pngPool keeps a few encoder buffers; a channel, so that it stays bounded.
type pngPool chan *png.EncoderBuffer

func (p pngPool) Get() *png.EncoderBuffer {
	select {
	case b := <-p:
		return b
	default:
		return nil
	}
}

func (p pngPool) Put(b *png.EncoderBuffer) {
	select {
	case p <- b:
	default:
	}
}

func encodePNG(buf *bytes.Buffer, img image.Image) error {
	e := png.Encoder{CompressionLevel: png.BestSpeed, BufferPool: pngBuffers}
	return e.Encode(buf, img)
}

// opaque puts a see-through picture on white, for formats without transparency.
func opaque(img *image.RGBA, art Art) *image.RGBA {
	if !art.Transparent {
		return img
	}
	out := image.NewRGBA(img.Rect)
	fill(out, out.Rect, color.RGBA{255, 255, 255, 255})
	draw.Draw(out, out.Rect, img, image.Point{}, draw.Over)
	return out
}

// pad lengthens a file to n bytes with parts that every decoder skips. They are noise, so that they cannot be
// compressed.
func pad(file []byte, format string, n int) []byte {
	missing := n - len(file)
	switch {
	case missing == 0:
		return file
	case format == "png" && missing >= 12:
		const end = 12 // length of the IEND chunk
		at := len(file) - end
		return join(file[:at], pngChunk(missing-12), file[at:])
	case format == "jpeg" && missing >= 4:
		return join(file[:2], jpegComments(missing), file[2:])
	}
	panic(fmt.Sprintf("sim: cannot pad a %s of %d bytes to %d", format, len(file), n))
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func noise(n int) []byte {
	var seed [32]byte
	b := make([]byte, n)
	_, _ = rand.NewChaCha8(seed).Read(b) // never fails
	return b
}

// pngChunk returns an ancillary, private chunk that is safe to copy, with n bytes of noise.
func pngChunk(n int) []byte {
	c := binary.BigEndian.AppendUint32(nil, uint32(n))
	c = append(append(c, "siMp"...), noise(n)...)
	return binary.BigEndian.AppendUint32(c, crc32.ChecksumIEEE(c[4:]))
}

// jpegComments returns comment segments of n bytes in all; a segment has 4 to 65537.
func jpegComments(n int) (out []byte) {
	const most = 65537
	for n > 0 {
		size := min(n, most)
		if rest := n - size; rest > 0 && rest < 4 {
			size -= 4
		}
		out = append(out, 0xff, 0xfe)
		out = binary.BigEndian.AppendUint16(out, uint16(size-2))
		out = append(out, noise(size-4)...)
		n -= size
	}
	return out
}
