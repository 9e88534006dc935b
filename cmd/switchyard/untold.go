package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"switchyard/fetch"
)

// untold are the receivers whose latest message was given up: nobody may be told of anything, and only health can say so. It
// is lost with the process. The zero value is ready; safe for concurrent use.
type untold struct {
	mu sync.Mutex        // guards the rest
	m  map[string]string // :: receiver → since when, and why, for everybody
}

// gaveUp notes a message that will not arrive any more.
func (u *untold) gaveUp(receiver string, at time.Time, err error) {
	why := "see the log"
	if errors.Is(err, fetch.ErrBlocked) {
		why = "its address is private, and not in server.fetch_allow"
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.m == nil {
		u.m = map[string]string{}
	}
	u.m[receiver] = at.UTC().Format(time.RFC3339) + ": " + why
}

// arrived notes a message that did.
func (u *untold) arrived(receiver string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.m, receiver)
}

// problems are in words, of the receivers that there still are.
func (u *untold) problems(f *file) (list []string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(u.m)) {
		if f.Notify.Find(name) != nil {
			list = append(list, fmt.Sprintf("alerts do not reach %q: one was given up at %s", name, u.m[name]))
		}
	}
	return list
}
