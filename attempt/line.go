package attempt

import "bytes"

// What is kept of a line of events.
const (
	maxLine   = 8 << 10
	maxString = 1 << 10
)

// line is one line of events as it comes, in any pieces, made short enough to keep: in the JSON that it holds, a string of more
// than maxString bytes is empty. A picture is one. What is longer even so is cut, and no JSON any more.
type line struct {
	text   []byte
	quoted bool // within a string
	start  int  // of it, in text, behind its quotation mark
	long   bool // it is longer than maxString
	odd    bool // an odd number of backslashes ends what has come of it: a quotation mark is not its end
}

func (l *line) add(p []byte) {
	for len(p) > 0 {
		run, rest, mark := bytes.Cut(p, []byte(`"`))
		if l.quoted {
			l.string(run)
		} else {
			l.keep(run)
		}
		if p = rest; mark {
			l.mark()
		}
	}
}

// string takes what stands in a string, up to a quotation mark or as far as it has come.
func (l *line) string(run []byte) {
	slashes := len(run) - len(bytes.TrimRight(run, `\`))
	l.odd = (slashes%2 == 1) != (l.odd && slashes == len(run))
	if l.long = l.long || len(l.text)-l.start+len(run) > maxString; l.long {
		l.text = l.text[:l.start]
		return
	}
	l.keep(run)
}

// mark takes a quotation mark.
func (l *line) mark() {
	if l.quoted && l.odd { // it belongs to the string
		l.odd = false
		if !l.long {
			l.keep([]byte{'"'})
		}
		return
	}
	l.keep([]byte{'"'})
	l.quoted, l.start, l.long, l.odd = !l.quoted, len(l.text), false, false
}

func (l *line) keep(p []byte) {
	l.text = append(l.text, p[:min(len(p), maxLine-len(l.text))]...)
}

// reset is for the next line, in the same memory.
func (l *line) reset() { *l = line{text: l.text[:0]} }
