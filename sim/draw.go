package sim

import (
	"image"
	"image/color"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"

	"switchyard"
)

// Art is what a picture shows. The zero Art is a picture of no provider, for no prompt.
type Art struct {
	Provider    string // its name and colour; empty for a test's own picture
	Prompt      string
	Index       int  // of the image in its answer
	References  int  // how many images came with the request
	Mask        bool // whether a mask came too
	Transparent bool // the lower half is see-through; ignored by formats that cannot
	Black       bool // nothing but black, and no mark: what a safety checker leaves
	Quality     int  // of JPEG, 1 to 100; 0 means 75
	Bytes       int  // pad the file to exactly this length (PNG, JPEG); 0 means as it comes
}

var colours = map[string]color.RGBA{ // :: provider name → colour of its pictures
	"":          {110, 110, 110, 255},
	"google":    {66, 133, 244, 255},
	"openai":    {16, 163, 127, 255},
	"fal":       {236, 92, 54, 255},
	"replicate": {150, 60, 190, 255},
}

// paint draws art. Rows come in bands of equal rows, so that most of drawing is copying, and encoding is quick.
func paint(size switchyard.Size, art Art) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, size.Width, size.Height))
	if art.Black {
		fill(img, img.Rect, color.RGBA{A: 255})
		return img
	}
	base := colours[art.Provider]
	const bands = 16
	for i := range bands {
		band := image.Rect(0, size.Height*i/bands, size.Width, size.Height*(i+1)/bands)
		if art.Transparent && i >= bands/2 {
			break // zero is transparent
		}
		shade(img, band, base, 60+8*i)
	}
	caption(img, art)
	Mark{art.Provider, PromptMark(art.Prompt), art.Index, art.References, art.Mask}.draw(img)
	return img
}

// shade fills r with base at percent, growing lighter in steps from left to right.
func shade(img *image.RGBA, r image.Rectangle, base color.RGBA, percent int) {
	const steps = 8
	for i := range steps {
		p := percent * (100 - 6*(steps-1-i)) / 100
		c := color.RGBA{dim(base.R, p), dim(base.G, p), dim(base.B, p), 255}
		fill(img, image.Rect(r.Dx()*i/steps, r.Min.Y, r.Dx()*(i+1)/steps, r.Max.Y), c)
	}
}

func dim(c uint8, percent int) uint8 { return uint8(min(255, int(c)*percent/100)) }

// fill paints the first row of r and copies it down.
func fill(img *image.RGBA, r image.Rectangle, c color.RGBA) {
	if r = r.Intersect(img.Rect); r.Empty() {
		return
	}
	first := img.Pix[img.PixOffset(r.Min.X, r.Min.Y):][:4*r.Dx()]
	for i := 0; i < len(first); i += 4 {
		first[i], first[i+1], first[i+2], first[i+3] = c.R, c.G, c.B, c.A
	}
	for y := r.Min.Y + 1; y < r.Max.Y; y++ {
		copy(img.Pix[img.PixOffset(r.Min.X, y):], first)
	}
}

// caption writes the provider's name and the prompt below the mark, in as many lines as fit.
func caption(img *image.RGBA, art Art) {
	name := art.Provider
	if name == "" {
		name = "test"
	}
	d := font.Drawer{Dst: img, Src: image.White, Face: basicfont.Face7x13}
	perLine := max(1, (img.Rect.Dx()-16)/7)
	y := markRows*markBlock + 24
	for _, line := range append([]string{name}, wrap(art.Prompt, perLine, 12)...) {
		if y > img.Rect.Dy()/2 {
			return
		}
		d.Dot = fixed.P(8, y)
		d.DrawString(line)
		y += 15
	}
}

func wrap(s string, width, lines int) (out []string) {
	r := []rune(s)
	for len(r) > 0 && len(out) < lines {
		n := min(width, len(r))
		out, r = append(out, string(r[:n])), r[n:]
	}
	return out
}
