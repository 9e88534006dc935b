package sim

import (
	"crypto/sha256"
	"encoding/binary"
	"image"
	"image/color"
)

// Mark is what a simulated picture says about itself, in black and white blocks in its top left corner.
type Mark struct {
	Provider   string // name as in Provider.Name; empty for a picture that a test made
	Prompt     uint32 // PromptMark of the prompt that the provider was given
	Index      int    // of the image in its answer, from 0; DraftIndex and up for a picture that is not final
	References int    // images that came with the request, without the mask
	Mask       bool   // whether a mask came too
}

// DraftIndex is the Mark.Index of a draft or partial picture; the second partial has DraftIndex+1, and so on. A proxy
// that delivers such a picture as the result has taken the wrong one.
const DraftIndex = 200

// PromptMark is the first 32 bits of the prompt's SHA-256, as a Mark holds them.
func PromptMark(prompt string) uint32 {
	sum := sha256.Sum256([]byte(prompt))
	return binary.BigEndian.Uint32(sum[:4])
}

// A mark is markBytes bytes, a block a bit, markColumns blocks a row: two magic bytes, provider and mask flag, four of
// the prompt, index, references, checksum. A block is as big as a JPEG's, so that quality 75 does not blur it.
const (
	markBlock   = 8
	markColumns = 10
	markRows    = 8
	markBytes   = markColumns * markRows / 8
	markMagic   = 0x5359
)

var providerNames = [...]string{"", "google", "openai", "fal", "replicate"}

func providerNumber(name string) byte {
	for i, n := range providerNames {
		if n == name {
			return byte(i)
		}
	}
	return 0
}

func (m Mark) encode() (b [markBytes]byte) {
	binary.BigEndian.PutUint16(b[0:], markMagic)
	b[2] = providerNumber(m.Provider)
	if m.Mask {
		b[2] |= 0x80
	}
	binary.BigEndian.PutUint32(b[3:], m.Prompt)
	b[7], b[8] = byte(m.Index), byte(m.References)
	b[9] = checksum(b[:9])
	return b
}

func checksum(b []byte) byte {
	sum := byte(0x2a)
	for _, c := range b {
		sum = sum<<1 | sum>>7
		sum ^= c
	}
	return sum
}

// draw puts the mark into the corner. A picture too small for it goes without.
func (m Mark) draw(img *image.RGBA) {
	if img.Rect.Dx() < markColumns*markBlock || img.Rect.Dy() < markRows*markBlock {
		return
	}
	b := m.encode()
	for i := range markBytes * 8 {
		c := color.RGBA{A: 255}
		if b[i/8]>>(7-i%8)&1 == 1 {
			c = color.RGBA{255, 255, 255, 255}
		}
		x, y := i%markColumns*markBlock, i/markColumns*markBlock
		fill(img, image.Rect(x, y, x+markBlock, y+markBlock), c)
	}
}

// ReadMark reads the mark of a picture that is as large as it was drawn. It reports false if there is none.
func ReadMark(img image.Image) (Mark, bool) {
	r := img.Bounds()
	if r.Dx() < markColumns*markBlock || r.Dy() < markRows*markBlock {
		return Mark{}, false
	}
	var b [markBytes]byte
	for i := range markBytes * 8 {
		if blockLuma(img, r.Min.X+i%markColumns*markBlock, r.Min.Y+i/markColumns*markBlock) > 127 {
			b[i/8] |= 1 << (7 - i%8)
		}
	}
	n := int(b[2] & 0x7f)
	if binary.BigEndian.Uint16(b[0:]) != markMagic || b[9] != checksum(b[:9]) || n >= len(providerNames) {
		return Mark{}, false
	}
	return Mark{
		Provider: providerNames[n], Prompt: binary.BigEndian.Uint32(b[3:]),
		Index: int(b[7]), References: int(b[8]), Mask: b[2]&0x80 != 0,
	}, true
}

// blockLuma is the mean brightness of the middle of a block, 0 to 255.
func blockLuma(img image.Image, x, y int) int {
	sum := 0
	for dy := 2; dy < 6; dy++ {
		for dx := 2; dx < 6; dx++ {
			sum += int(color.GrayModel.Convert(img.At(x+dx, y+dy)).(color.Gray).Y)
		}
	}
	return sum / 16
}
