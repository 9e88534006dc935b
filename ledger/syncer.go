package ledger

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/tidwall/wal"
)

// trimEvery is how many applied records are freed at once, some 5 MB: each time, the library writes what remains anew and
// syncs it, and nobody has a turn meanwhile.
const trimEvery = 1 << 14

// keep is the one goroutine that syncs, and that frees what has been applied. It returns when the journal is closed and
// nothing waits.
func (j *Journal) keep() {
	defer close(j.ended)
	for range j.wake {
		for {
			waits, closed := j.unsynced()
			if !waits && closed {
				return
			}
			if !waits {
				break
			}
			if err := j.sync(); err != nil {
				j.turn <- struct{}{}
				j.fail(err, true)
				<-j.turn
			}
		}
		if j.rotten.Load() || j.failed.Load() || j.freeable() {
			j.turn <- struct{}{}
			j.tend()
			<-j.turn
		}
	}
}

func (j *Journal) unsynced() (waits, closed bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.waiting) > 0, j.closed
}

// sync brings to disk what has been written so far, and tells its callers. The library's own Sync would keep out those
// who write meanwhile, so the file is opened once more. Only the newest needs it: the library syncs the one before when
// it begins another.
func (j *Journal) sync() error {
	j.syncing.Lock()
	defer j.syncing.Unlock()
	j.mu.Lock()
	index, moved, waits := j.written, j.moved, len(j.waiting) > 0
	j.moved = moved && !waits
	j.mu.Unlock()
	if !waits { // the log was opened anew meanwhile
		return nil
	}
	if err := j.newest.sync(moved); err != nil {
		j.distrust = true // whoever gives the log up from now on must know
		return err
	}
	j.syncs.Add(1)
	j.acknowledge(index)
	return nil
}

// newest is the newest file, open beside the library.
type newest struct {
	dir   string
	flush func(*os.File) error
	file  *os.File // nil if it must be looked for
}

// sync brings the file to disk. If the log has moved on to another, its name must last, too.
func (n *newest) sync(moved bool) error {
	if moved || n.file == nil {
		if err := n.open(); err != nil {
			return err
		}
	}
	if err := n.flush(n.file); err != nil {
		return err
	}
	if moved {
		return syncDir(n.dir)
	}
	return nil
}

func (n *newest) open() error {
	if err := n.close(); err != nil {
		return err
	}
	name, err := newestName(n.dir)
	if err != nil {
		return err
	}
	n.file, err = os.OpenFile(filepath.Join(n.dir, name), os.O_WRONLY, 0)
	return err
}

func (n *newest) close() error {
	if n.file == nil {
		return nil
	}
	f := n.file
	n.file = nil
	return f.Close()
}

func newestName(dir string) (name string, err error) {
	files, err := os.ReadDir(dir) // sorted
	for _, f := range files {
		if len(f.Name()) == segmentDigit {
			name = f.Name()
		}
	}
	return name, err
}

// tailSize is how large the newest file is: little if it has just begun, and unknown if it cannot be told.
func tailSize(dir string, unknown int) int {
	name, err := newestName(dir)
	if err != nil {
		return unknown
	}
	info, err := os.Stat(filepath.Join(dir, name))
	if err != nil {
		return unknown
	}
	return int(info.Size())
}

// tend is done between syncs: a log that failed is opened again, for the applier's sake; what has been applied is freed.
// Requires the turn.
func (j *Journal) tend() {
	if j.rotten.Swap(false) {
		j.fail(errRotten, false)
	}
	if j.reopen() != nil || !j.freeable() { // who writes next tries again, and hears of it
		return
	}
	j.tried = j.applied.Load() // if it fails, as on a full disk, it is not tried again at every sync
	if err := j.trim(); err != nil && !usable(j.log) {
		j.fail(err, false)
	}
}

var errRotten = errors.New("a file has rotted")

func (j *Journal) freeable() bool {
	return j.applied.Load() >= max(j.first.Load(), j.tried)+trimEvery
}

// usable reports whether the log takes more after an error.
func usable(log *wal.Log) bool {
	_, err := log.LastIndex()
	return err == nil
}

// trim frees what has been applied. Requires the turn, or that nobody else is left.
func (j *Journal) trim() error {
	to := min(j.applied.Load(), j.last.Load()) + 1
	if j.log == nil || to <= j.first.Load() {
		return nil
	}
	j.syncing.Lock()
	err := j.newest.close() // it may go
	j.syncing.Unlock()
	j.mu.Lock()
	j.moved = true
	j.mu.Unlock()
	j.tail = j.options.SegmentSize // not known
	if err := errors.Join(err, j.log.TruncateFront(to)); err != nil {
		return err
	}
	j.first.Store(to)
	return syncDir(j.dir)
}
