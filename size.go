package switchyard

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Size is a width and a height in pixels. The zero Size means that nobody said.
type Size struct{ Width, Height int }

// ParseSize reads "1024x768".
func ParseSize(s string) (Size, error) {
	w, h, ok := strings.Cut(s, "x")
	if !ok {
		return Size{}, fmt.Errorf("size %q: want WIDTHxHEIGHT, for example 1024x768", s)
	}
	width, errW := strconv.Atoi(w)
	height, errH := strconv.Atoi(h)
	if errW != nil || errH != nil || width <= 0 || height <= 0 || width > 1<<16 || height > 1<<16 {
		return Size{}, fmt.Errorf("size %q: want WIDTHxHEIGHT in pixels, each from 1 to 65536", s)
	}
	return Size{width, height}, nil
}

// String is the inverse of ParseSize; the zero Size is empty.
func (s Size) String() string {
	if s == (Size{}) {
		return ""
	}
	return strconv.Itoa(s.Width) + "x" + strconv.Itoa(s.Height)
}

// Pixels is the area.
func (s Size) Pixels() int64 { return int64(s.Width) * int64(s.Height) }

// Aspect is the ratio in lowest terms; the zero Size has none.
func (s Size) Aspect() Aspect {
	if s.Width <= 0 || s.Height <= 0 {
		return Aspect{}
	}
	a, b := s.Width, s.Height
	for b != 0 {
		a, b = b, a%b
	}
	return Aspect{s.Width / a, s.Height / a}
}

// Aspect is a ratio of width to height, such as 16:9. The zero Aspect means that nobody said.
type Aspect struct{ W, H int }

// ParseAspect reads "16:9". Other spellings ("16x9") are a dialect's business.
func ParseAspect(s string) (Aspect, error) {
	w, h, ok := strings.Cut(s, ":")
	if !ok {
		return Aspect{}, fmt.Errorf("aspect ratio %q: want W:H, for example 16:9", s)
	}
	wide, errW := strconv.Atoi(w)
	high, errH := strconv.Atoi(h)
	if errW != nil || errH != nil || wide <= 0 || high <= 0 || wide > 1<<16 || high > 1<<16 {
		return Aspect{}, fmt.Errorf("aspect ratio %q: want two positive whole numbers, W:H", s)
	}
	return Aspect{wide, high}, nil
}

// String is the inverse of ParseAspect; the zero Aspect is empty.
func (a Aspect) String() string {
	if a == (Aspect{}) {
		return ""
	}
	return strconv.Itoa(a.W) + ":" + strconv.Itoa(a.H)
}

// Distance returns how far two ratios are apart: the absolute difference of their logarithms, so that 2:1 is as far
// from 1:1 as 1:2 is. It is 0 for equal ratios.
func (a Aspect) Distance(b Aspect) float64 {
	return math.Abs(math.Log(float64(a.W)/float64(a.H)) - math.Log(float64(b.W)/float64(b.H)))
}

// Nearest returns the one of choices that is closest to a; the first of equals. choices must not be empty.
func (a Aspect) Nearest(choices []Aspect) Aspect {
	return slices.MinFunc(choices, func(b, c Aspect) int { return cmp.Compare(a.Distance(b), a.Distance(c)) })
}

// UnmarshalText lets ratios stand in YAML and JSON as "16:9".
func (a *Aspect) UnmarshalText(b []byte) (err error) { *a, err = ParseAspect(string(b)); return err }

// MarshalText is the inverse of UnmarshalText.
func (a Aspect) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText lets sizes stand in YAML and JSON as "1024x768".
func (s *Size) UnmarshalText(b []byte) (err error) { *s, err = ParseSize(string(b)); return err }

// MarshalText is the inverse of UnmarshalText.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
