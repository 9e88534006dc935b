package switchyard

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// A Blob is bytes that are somewhere else: a range of a spooled body, a file. It may be opened many times, also at
// the same time, for as long as its owner keeps it.
type Blob interface {
	Open() (io.ReadCloser, error)
	Len() int64 // exact number of bytes that Open yields
}

// Image is a picture by reference. Exactly one of Blob and URL is set; no Image ever holds its pixels in memory.
type Image struct {
	Blob Blob   // the encoded file, if it is at hand
	URL  string // where it can be fetched: http(s), never data:, which becomes a Blob
	Kept string // the dialect whose provider alone has the image, under this URL; empty if anybody can fetch it
	MIME string // as declared, e.g. "image/png"; empty if nobody said
	Size Size   // in pixels; zero if not known

	// Of results only.
	Seed          *uint64 // the seed that made it, if the provider tells
	RevisedPrompt string  // the prompt that the provider used instead, if it tells
}

// Format returns the declared type as the tables of models write it, such as "jpeg"; empty if none is declared, or it
// is not an image's.
func (i *Image) Format() string {
	mime, _, _ := strings.Cut(i.MIME, ";")
	kind, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(mime)), "image/")
	switch {
	case !ok || kind == "*":
		return ""
	case kind == "jpg":
		return "jpeg"
	}
	return strings.TrimPrefix(kind, "x-")
}

// Role is what a reference image is for. Most dialects have only RoleEdit; for them the rest must be said in the
// prompt.
type Role string

const (
	RoleEdit    Role = ""        // the picture to change, or to start from
	RoleStyle   Role = "style"   // only its manner counts
	RoleFace    Role = "face"    // the person to show
	RoleControl Role = "control" // its structure (edges, depth, pose) counts
	RoleContent Role = "content" // a thing to show, such as a product
)

// Reference is an image that the app sent along.
type Reference struct {
	Image
	Role        Role
	ID          int    // the number by which the prompt cites it; 0 if it has none
	Description string // the app's words for it, if the dialect has a place for them
}

// Polarity says which part of a mask is to be painted anew. The dialects differ, so a mask is converted before it is
// passed on.
type Polarity uint8

const (
	White       Polarity = iota // white is changed, black is kept (Google, fal, Stable Diffusion)
	Transparent                 // alpha 0 is changed, opaque is kept (OpenAI)
	Black                       // black is changed (Ideogram)
)

var polarities = []string{White: "white", Transparent: "transparent", Black: "black"}

// UnmarshalText reads "white", "transparent" or "black".
func (p *Polarity) UnmarshalText(b []byte) error {
	i := slices.Index(polarities, string(b))
	if i < 0 {
		return fmt.Errorf("polarity %q: want white, transparent or black", b)
	}
	*p = Polarity(i)
	return nil
}

// MarshalText is the inverse of UnmarshalText.
func (p Polarity) MarshalText() ([]byte, error) { return []byte(polarities[p]), nil }

// Mask marks the part of the first reference that is to be changed.
type Mask struct {
	Image
	Polarity Polarity
}
