package switchyard

import "time"

// Result is what a provider made, in no provider's words. It is whole: images that failed a check are not in it.
type Result struct {
	Created    time.Time
	Model      string        // the one that served, as its provider names it
	Images     []Image       // in the order asked for
	Blacked    []Size        // sizes of images that were withheld for safety, but made, and so charged for
	Text       string        // what the model said besides the images; not a revised prompt
	Seed       *uint64       // of the first image, if the provider tells; may exceed an int64
	Usage      *Usage        // if the provider counts tokens
	Compute    time.Duration // the provider's own measure of its work, if it tells
	Size       Size          // what was really used, if the provider tells
	Quality    string
	Format     string
	Background string
}

// Usage is numbers of tokens, as providers count them.
type Usage struct {
	TextIn, ImageIn   int64
	TextOut, ImageOut int64 // thoughts count as text
}

// Add returns the sum of two usages; nil counts as nothing.
func (u *Usage) Add(v *Usage) *Usage {
	switch {
	case u == nil:
		return v
	case v == nil:
		return u
	}
	return &Usage{u.TextIn + v.TextIn, u.ImageIn + v.ImageIn, u.TextOut + v.TextOut, u.ImageOut + v.ImageOut}
}
