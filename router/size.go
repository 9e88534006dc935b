package router

import (
	"cmp"
	"math"
	"slices"

	"switchyard"
)

// megapixel is the size of a picture when nobody says more: the "1K" class of every provider.
const megapixel = 1 << 20

// square is the ratio of a picture when nobody says more.
var square = switchyard.Aspect{W: 1, H: 1}

// size puts the wanted dimensions as the target can be told them: exact pixels if it takes any, else one of its sizes, else a
// ratio and a class.
func (f *fitter) size() {
	r := f.Request
	if len(r.References) > 0 && f.can.Has("input_ratio") {
		if r.Size != (switchyard.Size{}) || r.Aspect != (switchyard.Aspect{}) && !r.MatchInput {
			f.drop("size")
		}
		r.Size, r.MatchInput = switchyard.Size{}, true
	}
	if r.MatchInput && len(r.References) > 0 && r.Size == (switchyard.Size{}) {
		if shape := cmp.Or(f.row.Default.Aspect, f.row.Default.Size.Aspect()); f.can.Has("own_ratio") {
			f.round("aspect", "input", shape.String())
		}
		r.Aspect = switchyard.Aspect{}
		f.setClass(f.nearestClass(r.Resolution, 0))
		return
	}
	want, exact := f.wanted()
	if want == (switchyard.Size{}) {
		r.Size, r.Aspect, r.Resolution = switchyard.Size{}, switchyard.Aspect{}, ""
		return
	}
	switch {
	case len(f.can.Sizes) > 0:
		f.setSize(want, nearestSize(want, f.can.Sizes), exact)
	case f.can.Free != nil:
		f.setSize(want, roundSize(want, f.can.Free), exact)
	case len(f.can.Aspects) > 0:
		f.setAspect(want, exact)
	default: // it takes no size at all
		f.drop("size")
		r.Size, r.Aspect, r.Resolution = switchyard.Size{}, switchyard.Aspect{}, ""
	}
}

// wanted returns the size in pixels that the app will expect; exact tells that the app named it itself. It is zero if the app
// said nothing.
func (f *fitter) wanted() (size switchyard.Size, exact bool) {
	r := f.Request
	if r.Size != (switchyard.Size{}) {
		return r.Size, true
	}
	if r.Aspect == (switchyard.Aspect{}) && r.Resolution == "" {
		return switchyard.Size{}, false
	}
	aspect := cmp.Or(r.Aspect, square)
	if f.asked != nil {
		for _, s := range f.asked.Can.Pixels[cmp.Or(r.Resolution, f.asked.Default.Resolution)] {
			if s.Aspect().Distance(aspect) < 0.05 {
				return s, false
			}
		}
	}
	return ofArea(aspect, classPixels(r.Resolution)), false
}

// setSize sets the size. It notes a difference only from what the app said itself, or from a ratio that the app will see.
func (f *fitter) setSize(want, have switchyard.Size, exact bool) {
	r := f.Request
	switch {
	case exact && have != want:
		f.round("size", want.String(), have.String())
	case !exact && r.Aspect != (switchyard.Aspect{}) && have.Aspect().Distance(r.Aspect) > 0.1:
		f.round("aspect", r.Aspect.String(), have.Aspect().String())
	}
	if !exact && r.Resolution != "" && !ofClass(have, r.Resolution) {
		f.round("resolution", r.Resolution, have.String())
	}
	r.Size, r.Aspect, r.Resolution = have, have.Aspect(), ""
}

func (f *fitter) setAspect(want switchyard.Size, exact bool) {
	r := f.Request
	asked := r.Aspect
	if exact || asked == (switchyard.Aspect{}) {
		asked = want.Aspect()
	}
	aspect := asked.Nearest(f.can.Aspects)
	class := f.nearestClass(r.Resolution, want.Pixels())
	made := f.made(class, aspect)
	switch {
	case exact && made != want:
		to := aspect.String()
		if made != (switchyard.Size{}) {
			to = made.String()
		}
		f.round("size", want.String(), to)
	case !exact && aspect != asked:
		f.round("aspect", asked.String(), aspect.String())
	}
	if exact {
		r.Resolution = "" // the app has not asked for one
	}
	f.setClass(class)
	r.Size, r.Aspect = switchyard.Size{}, aspect
}

// setClass sets the class, and notes a difference from what the app said. Who has no classes makes the usual one.
func (f *fitter) setClass(class string) {
	r := f.Request
	if made := cmp.Or(class, "1K"); r.Resolution != "" && made != r.Resolution {
		f.round("resolution", r.Resolution, made)
	}
	r.Resolution = class
}

// made returns the size that the target makes of a class and a ratio; zero if the table does not say.
func (f *fitter) made(class string, aspect switchyard.Aspect) switchyard.Size {
	for _, s := range f.can.Pixels[cmp.Or(class, f.row.Default.Resolution)] {
		if s.Aspect().Distance(aspect) < 0.05 {
			return s
		}
	}
	return switchyard.Size{}
}

// nearestClass returns the wanted class if the target has it, else the smallest that covers the wanted pixels, else the largest.
// It is empty if the target has no classes.
func (f *fitter) nearestClass(class string, pixels int64) string {
	classes := f.can.Resolutions
	if len(classes) == 0 || class == "" && pixels == 0 {
		return ""
	}
	if slices.Contains(classes, class) {
		return class
	}
	if class != "" && pixels == 0 {
		pixels = classPixels(class)
	}
	for _, c := range classes {
		// A class is nominal: 1K of 16:9 has a little less than 1024², and still covers a wish for 1280×800.
		if float64(classPixels(c))*1.1 >= float64(pixels) {
			return c
		}
	}
	return classes[len(classes)-1]
}

// classes are how many pixels a picture of each has, about.
var classes = map[string]int64{"512": megapixel / 4, "1K": megapixel, "2K": megapixel * 4, "4K": megapixel * 16}

// classPixels takes a class that nobody knows, or that nobody named, for 1K.
func classPixels(class string) int64 { return cmp.Or(classes[class], megapixel) }

// ofClass reports whether a size is what an app expects that asks for a class: no other one is nearer to it, whatever the ratio does to
// its area.
func ofClass(s switchyard.Size, class string) bool {
	pixels, ok := classes[class]
	return ok && s.Pixels()*2 > pixels && s.Pixels() < pixels*2
}

// ofArea returns the size of a ratio with about that many pixels, with edges divisible by 16, as all models like them.
func ofArea(a switchyard.Aspect, pixels int64) switchyard.Size {
	ratio := float64(a.W) / float64(a.H)
	width := math.Sqrt(float64(pixels) * ratio)
	return switchyard.Size{Width: multiple(width, 16), Height: multiple(width/ratio, 16)}
}

func multiple(x float64, of int) int {
	return max(int(math.Round(x/float64(of)))*of, of)
}

// nearestSize returns the choice with the nearest ratio; among several of these, the one with the nearest area.
func nearestSize(want switchyard.Size, choices []switchyard.Size) switchyard.Size {
	score := func(s switchyard.Size) float64 {
		area := math.Abs(math.Log(float64(s.Pixels()) / float64(want.Pixels())))
		return s.Aspect().Distance(want.Aspect())*10 + area
	}
	return slices.MinFunc(choices, func(a, b switchyard.Size) int { return cmp.Compare(score(a), score(b)) })
}

// roundSize returns the size nearest to want that the bounds allow: first the ratio is bounded, then the area and the edges with
// the ratio kept, then the edges are rounded.
func roundSize(want switchyard.Size, b *switchyard.FreeSize) switchyard.Size {
	w, h := float64(want.Width), float64(want.Height)
	if b.MaxRatio > 0 && w > h*b.MaxRatio {
		w = h * b.MaxRatio
	}
	if b.MaxRatio > 0 && h > w*b.MaxRatio {
		h = w * b.MaxRatio
	}
	scale := 1.0
	if p := w * h; b.MaxPixels > 0 && p > float64(b.MaxPixels) {
		scale = math.Sqrt(float64(b.MaxPixels) / p)
	} else if p < float64(b.MinPixels) {
		scale = math.Sqrt(float64(b.MinPixels) / p)
	}
	if longest := max(w, h) * scale; b.MaxEdge > 0 && longest > float64(b.MaxEdge) {
		scale *= float64(b.MaxEdge) / longest
	}
	if shortest := min(w, h) * scale; shortest < float64(b.MinEdge) {
		scale *= float64(b.MinEdge) / shortest
	}
	step := max(b.Multiple, 1)
	s := switchyard.Size{Width: multiple(w*scale, step), Height: multiple(h*scale, step)}
	return inside(s, b, step)
}

// inside corrects what rounding pushed over a bound, one step at a time. All steps are towards the square, so none can undo the
// bound on the ratio.
func inside(s switchyard.Size, b *switchyard.FreeSize, step int) switchyard.Size {
	for b.MaxRatio > 0 && float64(s.Width) > float64(s.Height)*b.MaxRatio {
		s.Width -= step
	}
	for b.MaxRatio > 0 && float64(s.Height) > float64(s.Width)*b.MaxRatio {
		s.Height -= step
	}
	for b.MaxPixels > 0 && s.Pixels() > b.MaxPixels && max(s.Width, s.Height) > step {
		if s.Width >= s.Height {
			s.Width -= step
		} else {
			s.Height -= step
		}
	}
	for s.Pixels() < b.MinPixels {
		if s.Width <= s.Height {
			s.Width += step
		} else {
			s.Height += step
		}
	}
	if b.MaxEdge > 0 {
		s.Width, s.Height = min(s.Width, b.MaxEdge/step*step), min(s.Height, b.MaxEdge/step*step)
	}
	return s
}
