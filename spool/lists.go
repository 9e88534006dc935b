package spool

import (
	"slices"
	"sync"
)

// lists is what scanners hand on to each other, since most documents are small and alike: lists that grow while objects and arrays are
// read, each of which then takes its own part out in the right size; and the names of members.
type lists struct {
	members []member // of the objects that are not at their end, the innermost one's last
	items   []*Value // of the arrays
	names   [256]string
}

const (
	longestList = 1 << 10 // that is kept
	longestName = 32      // likewise: most names are of the providers' choosing, but not all
)

var spare = sync.Pool{New: func() any { return new(lists) }}

// putBack leaves nothing of the document but names: its lists have been taken.
func (l *lists) putBack() {
	if cap(l.members) > longestList {
		l.members = nil
	}
	if cap(l.items) > longestList {
		l.items = nil
	}
	spare.Put(l)
}

// take moves the end of a list, from first on, into a slice of its own.
func take[T any](list *[]T, first int) []T {
	end := (*list)[first:]
	own := slices.Clone(end)
	clear(end)
	*list = (*list)[:first]
	return own
}

// name is a name as a string, the one that was made the last time if it is still there.
func (l *lists) name(text []byte) string {
	n := len(text)
	if n == 0 || n > longestName {
		return string(text)
	}
	at := (n*31 + int(text[0])*7 + int(text[n/2])*3 + int(text[n-1])) % len(l.names)
	if l.names[at] != string(text) {
		l.names[at] = string(text)
	}
	return l.names[at]
}
