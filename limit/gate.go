package limit

import (
	"slices"
	"time"
)

// gate is one name's limits and who is inside. Every method requires the Registry's lock.
type gate struct {
	config   Config
	requests bucket
	images   bucket
	inside   int
	line     []chan struct{} // first come first; closed when its owner has got a place
}

func (g *gate) configure(c Config, now time.Time) {
	g.config = c
	g.requests.set(c.Rate, c.burst(c.Rate), now)
	g.images.set(c.Images, c.burst(c.Images), now)
	g.admit()
}

// enter takes a place at once and returns nil, or stands in line and returns what will be closed.
func (g *gate) enter() (turn chan struct{}) {
	turn = make(chan struct{})
	g.line = append(g.line, turn)
	g.admit()
	if len(g.line) == 0 {
		return nil
	}
	return turn
}

// leave gives a place back, to the first in line.
func (g *gate) leave() {
	g.inside--
	g.admit()
}

// withdraw leaves the line, and reports whether turn was still in it.
func (g *gate) withdraw(turn chan struct{}) bool {
	i := slices.Index(g.line, turn)
	if i < 0 {
		return false
	}
	g.line = slices.Delete(g.line, i, i+1)
	return true
}

// admit lets in from the front of the line while there is room.
func (g *gate) admit() {
	for len(g.line) > 0 && (g.config.Concurrent == 0 || g.inside < g.config.Concurrent) {
		close(g.line[0])
		g.line = slices.Delete(g.line, 0, 1)
		g.inside++
	}
}

func (g *gate) reserve(n int, now time.Time) (wait time.Duration, undo func(time.Time)) {
	waitRequest, undoRequest := g.requests.reserve(1, now)
	waitImages, undoImages := g.images.reserve(n, now)
	return max(waitRequest, waitImages), func(at time.Time) { undoRequest(at); undoImages(at) }
}

// idle reports whether the gate neither limits nor counts anything. Without a limit nobody is in line.
func (g *gate) idle() bool {
	return g.config == Config{} && g.inside == 0
}

func (g *gate) load() Load {
	if g == nil {
		return Load{}
	}
	return Load{InFlight: g.inside, Waiting: len(g.line)}
}
