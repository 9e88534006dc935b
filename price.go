package switchyard

import (
	"cmp"
	"slices"
	"time"
)

// Price is what a model costs. The parts add up; the zero Price is a model that is free, a nil *Price one whose price
// nobody knows.
type Price struct {
	Image          Money            `yaml:"image"`           // each image delivered
	Images         map[string]Money `yaml:"images"`          // instead: by "quality size", "quality", "size", resolution class or format, the most exact first
	Megapixel      Money            `yaml:"megapixel"`       // each begun megapixel, of 1024 × 1024, of each image delivered
	FirstMegapixel Money            `yaml:"first_megapixel"` // instead, the first of each image
	InputMegapixel Money            `yaml:"input_megapixel"` // each begun megapixel of each reference image sent; unknown if one is named by its address
	Reference      Money            `yaml:"reference"`       // each reference image sent
	Second         Money            `yaml:"second"`          // of the provider's own compute time
	Typical        time.Duration    `yaml:"typical"`         // compute time of an image, for estimates; 0 if nobody knows
	Tokens         *TokenPrice      `yaml:"tokens"`          // by the provider's own count, if it reports one; wins over the rest
	Edit           *Price           `yaml:"edit"`            // instead of all this, of requests with reference images
}

// TokenPrice is for a million tokens of each kind.
type TokenPrice struct {
	TextIn   Money `yaml:"text_in"`
	ImageIn  Money `yaml:"image_in"`
	TextOut  Money `yaml:"text_out"`
	ImageOut Money `yaml:"image_out"`
}

// Work is what a price is applied to: what was delivered, not what was asked for.
type Work struct {
	Sizes      []Size // of each image
	Quality    string
	Resolution string
	Format     string
	References int
	Inputs     []Size        // of the reference images, as far as they are known; zero if one is not
	Text       int64         // tokens of the text sent, about: for prices by the token, where the provider does not count
	Calls      int           // how many requests are sent, each with the text and the references; 0: one
	Usage      *Usage        // nil if not reported
	Compute    time.Duration // 0 if not reported
}

// Work returns what is known of the work before it is done: nothing of what is delivered, or of what the provider counts.
func (r *Request) Work() Work {
	w := Work{
		Quality: r.Quality, Resolution: r.Resolution, Format: r.Format, References: len(r.References), Text: r.TextTokens(),
	}
	for i := range r.References {
		w.Inputs = append(w.Inputs, r.References[i].Size)
	}
	return w
}

// Assume completes the work: what nobody said is what the model does unasked, and the resolution class is the one that
// the first image's size shows. row may be nil.
func (w Work) Assume(row *Model) Work {
	if row == nil {
		return w
	}
	w.Quality = cmp.Or(w.Quality, row.Default.Quality)
	w.Resolution = cmp.Or(w.Resolution, row.Default.Resolution)
	for class, sizes := range row.Can.Pixels {
		if len(w.Sizes) > 0 && slices.Contains(sizes, w.Sizes[0]) {
			w.Resolution = class
		}
	}
	return w
}

const (
	million   = 1_000_000
	megapixel = 1 << 20 // as fal counts: 1024 × 1024 is one, 1920 × 1080 two
)

// Charge returns what work costs, and where the figure comes from. If a part of the price cannot be worked out, the
// whole is unknown: half a sum would be taken for all of it.
func (p *Price) Charge(w Work) Cost {
	unknown := Cost{Basis: BasisUnknown, Charge: ChargeSettled}
	if p = p.of(w); p == nil {
		return unknown
	}
	counted := p.Tokens != nil && w.Usage != nil && *w.Usage != Usage{} // a provider that does not count reports zeros
	if counted && !w.Usage.plausible() {
		if len(w.Sizes) == 0 {
			return unknown
		}
		counted = false
	}
	if counted && (w.Usage.ImageOut > 0 || len(w.Sizes) == 0) {
		return Cost{p.Tokens.of(w.Usage), BasisReported, ChargeSettled}
	}
	made, known := p.made(w)
	sent, seen := p.sent(w)
	switch {
	case !known || !seen || p.Second > 0 && (w.Compute <= 0 && len(w.Sizes) > 0 || w.Compute > maxCompute):
		return unknown
	case counted: // the provider counted, but not the pictures: the price book prices those
		return Cost{p.Tokens.of(w.Usage) + made, BasisBook, ChargeSettled}
	case p.Second > 0 && w.Compute > 0:
		return Cost{made + sent + p.Second.Times(int64(w.Compute), int64(time.Second)), BasisReported, ChargeSettled}
	}
	return Cost{made + sent, BasisBook, ChargeSettled}
}

// Estimate returns what work would cost if all went well: the charge, as far as it can be known before.
func (p *Price) Estimate(w Work) Cost {
	w.Usage, w.Compute = nil, 0
	if p = p.of(w); p != nil {
		w.Compute = p.Typical * time.Duration(len(w.Sizes))
	}
	c := p.Charge(w)
	if c.Basis != BasisUnknown {
		c.Basis = BasisEstimate
	}
	return c
}

// of returns the price that work has: p itself, or that of an edit.
func (p *Price) of(w Work) *Price {
	if p != nil && p.Edit != nil && w.References > 0 {
		return p.Edit
	}
	return p
}

// made returns the part of the price that depends on the images delivered; false if it is not known.
func (p *Price) made(w Work) (sum Money, known bool) {
	for _, size := range w.Sizes {
		image, ok := p.image(size, w)
		area, seen := p.area(size)
		if !ok || !seen {
			return 0, false
		}
		sum += image + area
	}
	return sum, true
}

// area returns the part of an image's price that depends on its megapixels; false if its size is not known.
func (p *Price) area(size Size) (Money, bool) {
	if p.Megapixel == 0 && p.FirstMegapixel == 0 {
		return 0, true
	}
	n := begun(size)
	if n > 0 && p.FirstMegapixel > 0 {
		return p.FirstMegapixel + p.Megapixel*(n-1), true
	}
	return p.Megapixel * n, n > 0
}

// sent returns the part of the price that depends on the reference images and the text; false if it is not known.
func (p *Price) sent(w Work) (Money, bool) {
	sum := p.Reference * Money(w.References)
	if p.Tokens != nil {
		sum += p.Tokens.TextIn.Times(w.Text, million)
	}
	known := true
	if p.InputMegapixel > 0 {
		known = len(w.Inputs) == w.References && !slices.Contains(w.Inputs, Size{})
		for _, size := range w.Inputs {
			sum += p.InputMegapixel * begun(size)
		}
	}
	return sum * Money(max(w.Calls, 1)), known
}

// begun returns how many megapixels a size has, counting the last one whole; 0 if the size is not known.
func begun(size Size) Money { return Money((size.Pixels() + megapixel - 1) / megapixel) }

// image returns the part of the price that is for each image; false if the table has only other sizes and qualities,
// and nothing else prices the work.
func (p *Price) image(size Size, w Work) (Money, bool) {
	if len(p.Images) == 0 {
		return p.Image, p.Tokens == nil || p.Image+p.Megapixel+p.FirstMegapixel > 0
	}
	s := size.String()
	for _, key := range []string{w.Quality + " " + s, w.Quality, s, w.Resolution, w.Format} {
		if m, ok := p.Images[key]; ok {
			return m, true
		}
	}
	return p.Image, p.Image > 0
}

// If a provider reports more than these, that is a mistake in its report, and not what it has charged.
const (
	maxTokens  = 100 * million
	maxCompute = 24 * time.Hour
)

func (u *Usage) plausible() bool {
	for _, n := range []int64{u.TextIn, u.ImageIn, u.TextOut, u.ImageOut} {
		if n < 0 || n > maxTokens {
			return false
		}
	}
	return true
}

func (t *TokenPrice) of(u *Usage) Money {
	return t.TextIn.Times(u.TextIn, million) + t.ImageIn.Times(u.ImageIn, million) +
		t.TextOut.Times(u.TextOut, million) + t.ImageOut.Times(u.ImageOut, million)
}
