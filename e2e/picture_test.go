package e2e

import (
	"bytes"
	"image"
	_ "image/gif"  // each format that a provider may send
	_ "image/jpeg" // …
	_ "image/png"  // …
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "golang.org/x/image/webp" // …

	"switchyard"
	"switchyard/sim"
)

// reference writes a picture that an app might send along.
func reference(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "in.png")
	data := sim.Picture(switchyard.Size{Width: 512, Height: 512}, "png", sim.Art{Prompt: "a reference"})
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// mask writes one as OpenAI wants it: what is transparent is to be made anew.
func mask(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "mask.png")
	data := sim.Picture(switchyard.Size{Width: 512, Height: 512}, "png", sim.Art{Transparent: true})
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// seen is a picture as it arrived.
type seen struct {
	mark   sim.Mark
	size   image.Point
	format string
}

// look decodes all of it, and reads who made it.
func look(t *testing.T, d delivery) seen {
	t.Helper()
	data, err := os.ReadFile(d.File)
	if err != nil {
		t.Fatal(err)
	}
	img, format, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("no image but %.60q: %v", data, err)
	}
	mark, ok := sim.ReadMark(img)
	if !ok {
		t.Errorf("the picture (%s, %v) has no mark", format, img.Bounds().Size())
	}
	// Some SDKs say nothing about the type; what they say must be so.
	if d.MIME != "" && d.MIME != "image/"+format && !strings.HasPrefix(d.MIME, "image/"+format+";") {
		t.Errorf("said to be %q, is %s", d.MIME, format)
	}
	return seen{mark, img.Bounds().Size(), format}
}

// shaped reports whether the picture has about the ratio that was asked for. Providers have tables of sizes: 3:2 is
// 1216×832 at one and 1264×848 at another.
func (s seen) shaped(want float64) bool {
	return math.Abs(float64(s.size.X)/float64(s.size.Y)/want-1) < 0.04
}
