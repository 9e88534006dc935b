package switchyard

import (
	"slices"
	"strings"
)

// Fidelity lists how a request was changed on its way to a target, and the answer on its way back. It is empty if the
// app got exactly what it asked for.
type Fidelity []Note

// Note is one difference.
type Note struct {
	What   NoteKind
	Detail string // e.g. "seed", or "size:1000x1000>1024x1024"
}

// NoteKind is what happened to a wish.
type NoteKind string

const (
	Dropped   NoteKind = "dropped"   // the target cannot be told it
	Rounded   NoteKind = "rounded"   // the nearest that the target has
	Emulated  NoteKind = "emulated"  // done by us, exactly
	Delivered NoteKind = "delivered" // fewer images than asked for
	Succeeded NoteKind = "successor" // another model in the place of a dead one
)

// Lossy reports whether something that the app said was dropped or rounded. What is emulated is exact, and a dead
// model's successor is the best that can be had.
func (f Fidelity) Lossy() bool {
	return slices.ContainsFunc(f, func(n Note) bool { return n.What == Dropped || n.What == Rounded })
}

// Add appends a note.
func (f *Fidelity) Add(what NoteKind, detail string) { *f = append(*f, Note{what, detail}) }

// String is "exact", or e.g. "dropped=seed,negative_prompt; rounded=size:1000x1000>1024x1024".
func (f Fidelity) String() string {
	if len(f) == 0 {
		return "exact"
	}
	var kinds []NoteKind
	details := map[NoteKind][]string{}
	for _, n := range f {
		if details[n.What] == nil {
			kinds = append(kinds, n.What)
		}
		details[n.What] = append(details[n.What], n.Detail)
	}
	parts := make([]string, len(kinds))
	for i, k := range kinds {
		parts[i] = string(k) + "=" + strings.Join(details[k], ",")
	}
	return strings.Join(parts, "; ")
}
