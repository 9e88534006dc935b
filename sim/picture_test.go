package sim_test

import (
	"bytes"
	"image"
	"image/color"
	"testing"

	"switchyard"
	"switchyard/sim"
)

func TestPicturesAreExactAndMarked(t *testing.T) {
	art := sim.Art{Provider: "fal", Prompt: "a signal box at dusk", Index: 3, References: 2, Mask: true}
	want := sim.Mark{Provider: "fal", Prompt: sim.PromptMark(art.Prompt), Index: 3, References: 2, Mask: true}
	for _, format := range []string{"png", "jpeg", "webp"} {
		for _, size := range []switchyard.Size{{Width: 1024, Height: 1024}, {Width: 192, Height: 1536}, {Width: 1376, Height: 768}} {
			checkPicture(t, sim.Picture(size, format, art), format, size, want)
		}
	}
}

func TestNoMarkInStrangersPictures(t *testing.T) {
	black := sim.Picture(switchyard.Size{Width: 256, Height: 256}, "png", sim.Art{Prompt: "x", Black: true})
	img, _, err := image.Decode(bytes.NewReader(black))
	if err != nil {
		t.Fatal(err)
	}
	if m, ok := sim.ReadMark(img); ok {
		t.Errorf("black picture reads as %+v", m)
	}
	if c := color.GrayModel.Convert(img.At(128, 128)).(color.Gray); c.Y != 0 {
		t.Errorf("black picture is %v", c)
	}
	small := sim.Picture(switchyard.Size{Width: 16, Height: 16}, "png", sim.Art{})
	if _, _, err := image.Decode(bytes.NewReader(small)); err != nil {
		t.Error(err)
	}
}

func TestPaddedPicturesAreWhole(t *testing.T) {
	for _, format := range []string{"png", "jpeg"} {
		for _, n := range []int{2 << 20, 2<<20 + 1, 2<<20 + 2, 2<<20 + 3, 8 << 20} {
			size := switchyard.Size{Width: 512, Height: 512}
			data := sim.Picture(size, format, sim.Art{Prompt: "big", Bytes: n})
			if len(data) != n {
				t.Errorf("%s: %d bytes, want %d", format, len(data), n)
			}
			checkPicture(t, data, format, size, sim.Mark{Prompt: sim.PromptMark("big")})
		}
	}
}

func TestTransparentPictureHasHoles(t *testing.T) {
	data := sim.Picture(switchyard.Size{Width: 512, Height: 512}, "png", sim.Art{Transparent: true})
	img, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, _, a := img.At(256, 500).RGBA(); a != 0 {
		t.Errorf("alpha %d below, want 0", a)
	}
	if _, _, _, a := img.At(256, 10).RGBA(); a != 0xffff {
		t.Errorf("alpha %d above, want opaque", a)
	}
}
