package switchyard

import "time"

// Price is what a model costs. The parts add up; the zero Price is a model that is free, a nil *Price one whose price
// nobody knows.
type Price struct {
	Image     Money            `yaml:"image"`     // each image delivered
	Images    map[string]Money `yaml:"images"`    // instead: by "quality size", "quality", "size" or resolution class, the most exact first
	Megapixel Money            `yaml:"megapixel"` // each begun megapixel, of 1024 × 1024, of each image delivered
	Second    Money            `yaml:"second"`    // of the provider's own compute time
	Reference Money            `yaml:"reference"` // each reference image sent
	Tokens    *TokenPrice      `yaml:"tokens"`    // by the provider's own count, if it reports one; wins over the rest
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
	References int
	Usage      *Usage        // nil if not reported
	Compute    time.Duration // 0 if not reported
}

const (
	million   = 1_000_000
	megapixel = 1 << 20 // as fal counts: 1024 × 1024 is one
)

// Charge is what work costs, and where the figure comes from. Of a nil price the basis is BasisUnknown.
func (p *Price) Charge(w Work) Cost {
	if p == nil {
		return Cost{Basis: BasisUnknown, Charge: ChargeSettled}
	}
	if p.Tokens != nil && w.Usage != nil {
		return Cost{p.Tokens.of(w.Usage), BasisReported, ChargeSettled}
	}
	c := Cost{Basis: BasisBook, Charge: ChargeSettled}
	for _, size := range w.Sizes {
		image, known := p.image(size, w)
		if !known {
			return Cost{Basis: BasisUnknown, Charge: ChargeSettled}
		}
		c.Amount += image + p.Megapixel*Money((size.Pixels()+megapixel-1)/megapixel)
	}
	c.Amount += p.Reference * Money(w.References)
	if p.Second > 0 {
		c.Amount += p.Second.Times(int64(w.Compute), int64(time.Second))
		if w.Compute > 0 {
			c.Basis = BasisReported
		} else if c.Amount == 0 {
			c.Basis = BasisUnknown
		}
	}
	return c
}

// Estimate is what work would cost if all went well: the charge, as far as it can be known before.
func (p *Price) Estimate(w Work) Cost {
	w.Usage = nil
	c := p.Charge(w)
	if c.Basis == BasisBook {
		c.Basis = BasisEstimate
	}
	return c
}

// image is the part of the price that is by the image; false if the table has other sizes and qualities only, and
// nothing else prices the work.
func (p *Price) image(size Size, w Work) (Money, bool) {
	if len(p.Images) == 0 {
		return p.Image, p.Tokens == nil || p.Image > 0 || p.Megapixel > 0
	}
	s := size.String()
	for _, key := range []string{w.Quality + " " + s, w.Quality, s, w.Resolution} {
		if m, ok := p.Images[key]; ok && key != "" {
			return m, true
		}
	}
	return p.Image, p.Image > 0
}

func (t *TokenPrice) of(u *Usage) Money {
	return t.TextIn.Times(u.TextIn, million) + t.ImageIn.Times(u.ImageIn, million) +
		t.TextOut.Times(u.TextOut, million) + t.ImageOut.Times(u.ImageOut, million)
}
