package config

import (
	"context"
	"crypto/sha256"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Watcher notices when a file's content has changed and settled.
//
// It watches the folder rather than the file, and compares content rather than believe events: an editor saves by
// renaming a new file over the old one, Kubernetes swaps a symbolic link two steps away, and a copy arrives in parts.
// An empty file is taken for one that is just being written.
type Watcher struct {
	Path   string
	Seen   []byte        // the content as last loaded; nil: what is there when Run begins
	Settle time.Duration // how long content must stay the same; 0: 200 ms
	Poll   time.Duration // how often to look without an event, in case one is lost; 0: 5 s
}

// Run calls changed once for each new content, from its own goroutine, until ctx ends; then it returns nil. If the
// system cannot notify, it polls.
func (w Watcher) Run(ctx context.Context, changed func()) error {
	if w.Settle <= 0 {
		w.Settle = 200 * time.Millisecond
	}
	if w.Poll <= 0 {
		w.Poll = 5 * time.Second
	}
	reported, _ := digest(w.Path)
	if w.Seen != nil {
		reported = sha256.Sum256(w.Seen)
	}
	near := notify(w.Path)
	defer near.close()
	poll := time.NewTicker(w.Poll)
	defer poll.Stop()
	settle := time.NewTimer(w.Settle) // at once, for what changed between loading and now
	defer settle.Stop()

	var candidate [sha256.Size]byte
	settling := true // the timer runs, and a poll must not restart it
	begin := func() { settle.Reset(w.Settle); settling = true }
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-near.events: // perhaps of another file in the folder, so this does not restart the timer each time
			if !settling {
				begin()
			}
		case err := <-near.errors: // events were lost, so there were some
			if err != nil && !settling {
				begin()
			}
		case <-poll.C:
			if sum, ok := digest(w.Path); ok && sum != reported && !settling {
				begin()
			}
		case <-settle.C:
			sum, ok := digest(w.Path)
			settling = false
			switch {
			case !ok: // gone for a moment
			case sum == reported:
				candidate = sum // the content is as before: a change that comes again settles anew
			case sum == candidate:
				reported = sum
				changed()
			default:
				candidate = sum
				begin()
			}
		}
	}
}

// neighbourhood signals that something happened near a file; it never does if the system cannot notify.
type neighbourhood struct {
	events <-chan fsnotify.Event
	errors <-chan error
	close  func()
}

func notify(path string) neighbourhood {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return neighbourhood{close: func() {}}
	}
	// Watch the folder that the name is in, and the one that it leads to. If either cannot be watched, the polls will
	// do.
	_ = w.Add(filepath.Dir(path))
	if real, err := filepath.EvalSymlinks(path); err == nil && filepath.Dir(real) != filepath.Dir(path) {
		_ = w.Add(filepath.Dir(real))
	}
	return neighbourhood{w.Events, w.Errors, func() { _ = w.Close() }}
}

// digest returns the checksum of the content at path; false if it cannot be read.
func digest(path string) (sum [sha256.Size]byte, ok bool) {
	f, err := os.Open(path)
	if err != nil {
		return sum, false
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(f, maxText+1)) // a longer file is refused whatever the rest is
	if err != nil || n == 0 {
		return sum, false
	}
	return [sha256.Size]byte(h.Sum(nil)), true
}
