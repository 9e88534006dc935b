package switchyard_test

import (
	"testing"
	"time"

	"switchyard"
)

const cent = switchyard.Dollar / 100

// one is the work of one picture of a megapixel, as change would have it.
func one(change func(*switchyard.Work)) switchyard.Work {
	w := switchyard.Work{Sizes: []switchyard.Size{{Width: 1024, Height: 1024}}}
	if change != nil {
		change(&w)
	}
	return w
}

// TestCharge is what a price makes of what was delivered and reported: what cannot be worked out is unknown, never a part.
func TestCharge(t *testing.T) {
	const (
		book     = switchyard.BasisBook
		reported = switchyard.BasisReported
		unknown  = switchyard.BasisUnknown
	)
	type (
		price = switchyard.Price
		work  = switchyard.Work
		usage = switchyard.Usage
	)
	classes := &price{Images: map[string]switchyard.Money{"1K": 4 * cent}, Tokens: &switchyard.TokenPrice{TextIn: cent, ImageOut: switchyard.Dollar}}
	sizes := &price{Images: map[string]switchyard.Money{"medium": 3 * cent, "medium 1920x1080": 5 * cent}}
	perMillion := &switchyard.TokenPrice{TextIn: cent, ImageOut: switchyard.Dollar}
	nothing := func(w *work) { w.Sizes = nil }
	unseen := func(w *work) { w.Sizes[0] = switchyard.Size{} }
	wide := switchyard.Size{Width: 1920, Height: 1080} // two megapixels
	widely := func(w *work) { w.Sizes[0] = wide }
	counted := func(u usage) func(*work) { return func(w *work) { w.Usage = &u } }
	took := func(d time.Duration) func(*work) { return func(w *work) { w.Compute = d } }
	sent := func(inputs ...switchyard.Size) func(*work) {
		return func(w *work) { w.References, w.Inputs = 1, inputs }
	}
	for name, c := range map[string]struct {
		price  *price
		work   work
		amount switchyard.Money
		basis  switchyard.Basis
	}{
		"nobody knows the price": {nil, one(nil), 0, unknown},
		"free":                   {&price{}, one(nil), 0, book},
		"each image":             {&price{Image: cent}, one(func(w *work) { w.Sizes = append(w.Sizes, wide) }), 2 * cent, book},
		"none delivered":         {&price{Image: cent}, one(nothing), 0, book},
		"an edit":                {&price{Image: cent, Edit: &price{Image: 2 * cent}}, one(sent()), 2 * cent, book},
		"no edit":                {&price{Image: cent, Edit: &price{Image: 2 * cent}}, one(nil), cent, book},

		"as many tokens as may be":    {&price{Tokens: perMillion}, one(counted(usage{ImageOut: 100e6})), 100 * switchyard.Dollar, reported},
		"more":                        {&price{Tokens: perMillion, Image: cent}, one(counted(usage{ImageOut: 100e6 + 1})), cent, book},
		"fewer than none":             {&price{Tokens: perMillion, Image: cent}, one(counted(usage{ImageOut: 1e6, TextIn: -1})), cent, book},
		"more, for nothing delivered": {&price{Tokens: perMillion}, work{Usage: &usage{ImageOut: 100e6 + 1}}, 0, unknown},
		"a provider that counts none": {&price{Tokens: perMillion, Image: cent}, one(counted(usage{})), cent, book},
		"every kind of token":         {&price{Tokens: &switchyard.TokenPrice{TextIn: 1, ImageIn: 10, TextOut: 100, ImageOut: 1000}}, one(counted(usage{TextIn: 1e6, ImageIn: 1e6, TextOut: 1e6, ImageOut: 1e6})), 1111, reported},
		"only the text is counted":    {&price{Tokens: perMillion, Image: 3 * cent}, one(counted(usage{TextIn: 1e6})), 4 * cent, book},
		"text, and nothing delivered": {&price{Tokens: perMillion}, work{Usage: &usage{TextIn: 1e6}}, cent, reported},
		"text, and no count":          {classes, one(func(w *work) { w.Resolution, w.Text, w.Calls = "1K", 1e6, 2 }), 6 * cent, book},
		"an image's tokens, too many": {&price{Tokens: perMillion, Image: cent}, one(counted(usage{ImageIn: 100e6 + 1, ImageOut: 1e6})), cent, book},
		"tokens, and no count":        {&price{Tokens: perMillion}, one(nil), 0, unknown},
		"or else by area":             {&price{Tokens: perMillion, Megapixel: cent}, one(nil), cent, book},
		"or else by the first":        {&price{Tokens: perMillion, FirstMegapixel: cent}, one(nil), cent, book},

		"a count that has no price": {&price{Image: cent}, one(counted(usage{ImageOut: 1e6})), cent, book},
		"text and pictures counted": {classes, one(func(w *work) { w.Resolution, w.Usage = "1K", &usage{TextIn: 1e6, ImageOut: 1000} }), cent + switchyard.Dollar/1000, reported},
		"a class, and no count":     {classes, one(func(w *work) { w.Resolution = "1K" }), 4 * cent, book},
		"a class that is not there": {classes, one(func(w *work) { w.Resolution = "8K" }), 0, unknown},
		"the most exact row first":  {sizes, one(func(w *work) { w.Quality, w.Sizes = "medium", append(w.Sizes, wide) }), 8 * cent, book},

		"time":                     {&price{Second: cent, Image: 3 * cent, Reference: 5 * cent}, one(func(w *work) { w.Compute, w.References = 2*time.Second, 1 }), 10 * cent, reported},
		"time that is not told":    {&price{Second: cent}, one(nil), 0, unknown},
		"none, for nothing":        {&price{Second: cent}, one(nothing), 0, book},
		"a day":                    {&price{Second: cent}, one(took(24 * time.Hour)), 864 * switchyard.Dollar, reported},
		"more than a day":          {&price{Second: cent}, one(took(24*time.Hour + 1)), 0, unknown},
		"time, which has no price": {&price{Image: cent}, one(took(time.Second)), cent, book},

		"area":                        {&price{Megapixel: cent}, one(widely), 2 * cent, book},
		"a pixel more":                {&price{Megapixel: cent}, one(func(w *work) { w.Sizes[0].Width++ }), 2 * cent, book},
		"area that has no price":      {&price{Image: cent}, one(unseen), cent, book},
		"area that is not known":      {&price{Megapixel: cent}, one(unseen), 0, unknown},
		"the first is dearer":         {&price{Megapixel: cent, FirstMegapixel: 3 * cent}, one(widely), 4 * cent, book},
		"the first alone":             {&price{FirstMegapixel: 3 * cent}, one(widely), 3 * cent, book},
		"the first, if there is any":  {&price{Megapixel: cent, FirstMegapixel: 3 * cent}, one(unseen), 0, unknown},
		"what was sent, by area":      {&price{Image: cent, InputMegapixel: cent}, one(sent(wide)), 3 * cent, book},
		"of an area nobody knows":     {&price{Image: cent, InputMegapixel: cent}, one(sent(switchyard.Size{})), 0, unknown},
		"of which not all are known":  {&price{Image: cent, InputMegapixel: cent}, one(sent()), 0, unknown},
		"where nothing was sent":      {&price{Image: cent, InputMegapixel: cent}, one(nil), cent, book},
		"a size that is not in a row": {&price{Images: map[string]switchyard.Money{"high": cent}}, one(nil), 0, unknown},
	} {
		want := switchyard.Cost{Amount: c.amount, Basis: c.basis, Charge: switchyard.ChargeSettled}
		if got := c.price.Charge(c.work); got != want {
			t.Errorf("%s: $%v (%s), want $%v (%s)", name, got.Amount, got.Basis, want.Amount, want.Basis)
		}
	}
}

// TestEstimate goes by what is known before: not by a count, nor by a time, but by the time that such work takes.
func TestEstimate(t *testing.T) {
	asked := func(w *switchyard.Work) { w.Usage, w.Compute = &switchyard.Usage{ImageOut: 1e6}, time.Minute }
	work, edit := one(asked), one(asked)
	edit.References = 1
	byTime := &switchyard.Price{Second: cent, Typical: 2 * time.Second}
	for _, c := range []struct {
		price  *switchyard.Price
		work   switchyard.Work
		amount switchyard.Money
		basis  switchyard.Basis
	}{
		{byTime, work, 2 * cent, switchyard.BasisEstimate},
		{&switchyard.Price{Tokens: &switchyard.TokenPrice{ImageOut: switchyard.Dollar}, Image: cent}, work, cent, switchyard.BasisEstimate},
		{&switchyard.Price{Second: cent}, work, 0, switchyard.BasisUnknown},
		{nil, work, 0, switchyard.BasisUnknown},
		{&switchyard.Price{Image: cent, Edit: byTime}, edit, 2 * cent, switchyard.BasisEstimate},
		{&switchyard.Price{Second: cent, Typical: time.Hour, Edit: byTime}, edit, 2 * cent, switchyard.BasisEstimate},
		{&switchyard.Price{Second: cent, Typical: time.Hour, Edit: &switchyard.Price{Second: cent}}, edit, 0, switchyard.BasisUnknown},
		{&switchyard.Price{Image: cent, Edit: byTime}, work, cent, switchyard.BasisEstimate},
	} {
		if got := c.price.Estimate(c.work); got.Amount != c.amount || got.Basis != c.basis {
			t.Errorf("%+v: $%v (%s), want $%v (%s)", c.price, got.Amount, got.Basis, c.amount, c.basis)
		}
	}
}
