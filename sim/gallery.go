package sim

import (
	"sync"

	"switchyard"
)

// gallery keeps the last few pictures, so that a benchmark which asks for the same one again and again does not
// measure drawing. Callers share the pictures, and must not change them.
type gallery struct {
	mu    sync.Mutex
	m     map[frame][]byte // :: what is shown → its file; guarded by mu
	order []frame          // oldest first
	bytes int
}

type frame struct {
	size   switchyard.Size
	format string
	art    Art
}

const (
	maxGallery      = 64
	maxGalleryBytes = 64 << 20
)

// draw is Picture, except that a picture that cannot be padded to Art.Bytes comes as it is.
func (g *gallery) draw(size switchyard.Size, format string, art Art) []byte {
	f := frame{size, format, art}
	g.mu.Lock()
	data, ok := g.m[f]
	g.mu.Unlock()
	if ok {
		return data
	}
	wish := art.Bytes
	art.Bytes = 0
	data = Picture(size, format, art)
	if wish >= len(data)+12 && (format == "png" || format == "jpeg") {
		data = pad(data, format, wish)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, ok := g.m[f]; ok {
		return data
	}
	if g.m == nil {
		g.m = map[frame][]byte{}
	}
	g.m[f] = data
	g.order = append(g.order, f)
	g.bytes += len(data)
	for len(g.order) > maxGallery || g.bytes > maxGalleryBytes {
		g.bytes -= len(g.m[g.order[0]])
		delete(g.m, g.order[0])
		g.order = g.order[1:]
	}
	return data
}
