package attempt

import (
	"bufio"
	"fmt"
	"image"
	"image/color"
	_ "image/gif" // read, never written
	"image/jpeg"
	"image/png"
	"runtime"

	_ "golang.org/x/image/webp" // read, never written

	"switchyard"
)

// maxPixels bounds what is decoded: a few kilobytes can claim to be a picture of many gigabytes.
const maxPixels = 100 << 20

// decoding bounds how many pictures are in memory as pixels at once: they are the one thing here that does not fit the
// spool's budget.
var decoding = make(chan struct{}, runtime.GOMAXPROCS(0))

// convert writes an image as png or jpeg. compression is the jpeg's quality number, 75 if nil.
func (r *run) convert(b switchyard.Blob, format string, compression *int) (switchyard.Blob, error) {
	return r.redraw(b, func(img image.Image, w *bufio.Writer) error {
		if format == "jpeg" {
			quality := 75
			if compression != nil {
				quality = max(*compression, 1)
			}
			return jpeg.Encode(w, img, &jpeg.Options{Quality: quality})
		}
		return (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(w, img)
	})
}

// turnMask says the same mask in another polarity.
func (r *run) turnMask(b switchyard.Blob, from, to switchyard.Polarity) (switchyard.Blob, error) {
	return r.redraw(b, func(img image.Image, w *bufio.Writer) error {
		return png.Encode(w, &mask{img, from, to})
	})
}

// redraw decodes an image and spools what draw makes of it; it is closed with the run.
func (r *run) redraw(b switchyard.Blob, draw func(image.Image, *bufio.Writer) error) (switchyard.Blob, error) {
	decoding <- struct{}{}
	defer func() { <-decoding }()
	img, err := decode(b)
	if err != nil {
		return nil, err
	}
	out := r.Pool.Writer(r.MaxImage)
	defer out.Abort() // does nothing after Body
	w := bufio.NewWriterSize(out, 64<<10)
	if err := draw(img, w); err != nil {
		return nil, err
	}
	if err := w.Flush(); err != nil {
		return nil, err
	}
	body := out.Body()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fetched = append(r.fetched, body)
	return body, nil
}

func decode(b switchyard.Blob) (image.Image, error) {
	_, size, err := switchyard.InspectBlob(b)
	if err != nil {
		return nil, err
	}
	if size.Pixels() > maxPixels {
		return nil, fmt.Errorf("%w: %s is too large to be converted", switchyard.ErrNotImage, size)
	}
	f, err := b.Open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	img, _, err := image.Decode(bufio.NewReaderSize(f, 64<<10))
	return img, err
}

// mask is an image seen as another polarity's mask. How much a pixel is to be changed is a shade, 0 to 255: soft edges
// stay soft.
type mask struct {
	image.Image
	from, to switchyard.Polarity
}

func (m *mask) ColorModel() color.Model { return color.NRGBAModel }

func (m *mask) At(x, y int) color.Color {
	c := m.Image.At(x, y)
	var change uint8
	switch m.from {
	case switchyard.Transparent:
		_, _, _, a := c.RGBA()
		change = 255 - uint8(a>>8)
	case switchyard.White:
		change = color.GrayModel.Convert(c).(color.Gray).Y
	case switchyard.Black:
		change = 255 - color.GrayModel.Convert(c).(color.Gray).Y
	}
	switch m.to {
	case switchyard.Transparent:
		return color.NRGBA{A: 255 - change}
	case switchyard.Black:
		change = 255 - change
	}
	return color.NRGBA{change, change, change, 255}
}
