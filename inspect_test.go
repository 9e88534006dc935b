package switchyard_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"testing"

	"github.com/HugoSmits86/nativewebp"

	"switchyard"
)

// inspect looks at a file that can only be read forward, as some are.
func inspect(p []byte) (string, switchyard.Size, error) {
	return switchyard.Inspect(&forward{f: bytes.NewReader(p)}, int64(len(p)))
}

type forward struct {
	f  *bytes.Reader
	at int64
}

func (f *forward) ReadAt(p []byte, off int64) (int, error) {
	if off < f.at {
		return 0, fmt.Errorf("read at %d after %d", off, f.at)
	}
	f.at = off + int64(len(p))
	return f.f.ReadAt(p, off)
}

// TestInspect: every format is told by its bytes, and a file that is cut anywhere is none.
func TestInspect(t *testing.T) {
	img := image.NewPaletted(image.Rect(0, 0, 37, 23), nil)
	img.Palette = append(img.Palette, image.Black.C, image.White.C)
	for mime, encode := range map[string]func(*bytes.Buffer) error{
		"image/png":  func(b *bytes.Buffer) error { return png.Encode(b, img) },
		"image/jpeg": func(b *bytes.Buffer) error { return jpeg.Encode(b, img, nil) },
		"image/gif":  func(b *bytes.Buffer) error { return gif.Encode(b, img, nil) },
		"image/webp": func(b *bytes.Buffer) error { return nativewebp.Encode(b, img, nil) },
	} {
		var b bytes.Buffer
		if err := encode(&b); err != nil {
			t.Fatal(err)
		}
		got, size, err := inspect(b.Bytes())
		if err != nil || got != mime || size != (switchyard.Size{Width: 37, Height: 23}) {
			t.Errorf("%s: %s %v %v", mime, got, size, err)
		}
		for n := range b.Len() {
			if _, _, err := inspect(b.Bytes()[:n]); !errors.Is(err, switchyard.ErrNotImage) {
				t.Errorf("%s cut at %d of %d: %v", mime, n, b.Len(), err)
				break
			}
		}
	}
	for _, text := range []string{"", "<html>", "GIF89a", "RIFF0000WEBPVP8 "} {
		if mime, _, err := inspect([]byte(text)); !errors.Is(err, switchyard.ErrNotImage) {
			t.Errorf("%q is %s, %v", text, mime, err)
		}
	}
}

// TestInspectWebP: lossy and extended files have their dimensions elsewhere.
func TestInspectWebP(t *testing.T) {
	for payload, want := range map[string]switchyard.Size{
		"VP8 \x0a\x00\x00\x00\x10\x00\x00\x9d\x01\x2a\x25\x41\x17\x82": {Width: 293, Height: 535}, // in 14 bits each, below those of a scale
		"VP8X\x0a\x00\x00\x00\x00\x00\x00\x00\x24\x01\x00\x16\x02\x00": {Width: 293, Height: 535},
	} {
		file := "RIFF\x16\x00\x00\x00WEBP" + payload
		if mime, size, err := inspect([]byte(file)); err != nil || mime != "image/webp" || size != want {
			t.Errorf("%q: %s %v %v", payload[:4], mime, size, err)
		}
		if _, _, err := inspect([]byte(file[:len(file)-1])); !errors.Is(err, switchyard.ErrNotImage) {
			t.Errorf("%q, cut: %v", payload[:4], err)
		}
	}
}

// TestInspectPixels: a head may claim what it likes; a size that the price of pixels cannot be told of is none.
func TestInspectPixels(t *testing.T) {
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 1, 1))); err != nil {
		t.Fatal(err)
	}
	price := switchyard.Price{Megapixel: switchyard.Dollar}
	for edge, ok := range map[uint32]bool{1: true, 1 << 16: true, 1 << 31: false, 1<<32 - 1: false} {
		file := b.Bytes()
		binary.BigEndian.PutUint32(file[16:], edge)
		binary.BigEndian.PutUint32(file[20:], edge)
		_, size, err := inspect(file)
		if ok != (err == nil) || !ok && !errors.Is(err, switchyard.ErrNotImage) {
			t.Errorf("%d: %v %v", edge, size, err)
		}
		if cost := price.Charge(switchyard.Work{Sizes: []switchyard.Size{size}}); err == nil && cost.Amount <= 0 {
			t.Errorf("%d: %v cost $%v, %s", edge, size, cost.Amount, cost.Basis)
		}
	}
}

func FuzzInspect(f *testing.F) {
	var b bytes.Buffer
	_ = png.Encode(&b, image.NewGray(image.Rect(0, 0, 3, 3)))
	f.Add(b.Bytes())
	f.Add([]byte("\xff\xd8\xff\xe0\x00\x02\xff\xc0"))
	f.Fuzz(func(_ *testing.T, p []byte) { _, _, _ = inspect(p) })
}

// TestSniffPhones: what phones take pictures in is told apart from films, which begin alike, and is inspected by nobody here.
func TestSniffPhones(t *testing.T) {
	for brand, want := range map[string]string{
		"heic": "image/heic", "heix": "image/heic", "mif1": "image/heif", "avif": "image/avif", "isom": "", "mp42": "",
	} {
		file := []byte("\x00\x00\x00\x18ftyp" + brand + "\x00\x00\x00\x00")
		if got := switchyard.Sniff(file); got != want {
			t.Errorf("%s: got %q, want %q", brand, got, want)
		}
		if mime, _, err := inspect(file); mime != "" || !errors.Is(err, switchyard.ErrNotImage) {
			t.Errorf("%s: %q %v", brand, mime, err)
		}
	}
	if got := switchyard.Sniff([]byte("\x00\x00\x00\x18ftyp")); got != "" {
		t.Errorf("cut: %q", got)
	}
}
