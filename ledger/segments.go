package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// segment is one file of the journal.
type segment struct {
	path  string
	first uint64 // index of its first record; if it has none yet, of the next one
}

// segmentDigits is how long a segment's name is, so that names sort as the numbers do.
const segmentDigits = 20

func segmentPath(dir string, first uint64) string {
	return filepath.Join(dir, fmt.Sprintf("%0*d", segmentDigits, first))
}

// segmentsIn lists the segments of a folder in their order. It ignores all other files.
func segmentsIn(dir string) (list []segment, err error) {
	files, err := os.ReadDir(dir) // sorted by name
	for _, f := range files {
		if first, err := strconv.ParseUint(f.Name(), 10, 64); err == nil && first > 0 && len(f.Name()) == segmentDigits {
			list = append(list, segment{filepath.Join(dir, f.Name()), first})
		}
	}
	return list, err
}

// begin mends the files, cuts off all records after keep, opens the newest file, and brings everything to disk, for a
// process that died may not have. So all that is there is acknowledged. Requires the turn and syncing, except at the
// start.
func (j *Journal) begin(keep uint64) error {
	m := &mender{dir: j.dir, keep: keep, distrust: j.distrust, acknowledged: j.last.Load()}
	if len(j.segments) > 0 {
		m.first = j.segments[0].first
	}
	next, err := m.run()
	j.mu.Lock()
	j.damages, j.torn = append(j.damages, m.damages...), j.torn+m.torn
	j.mu.Unlock()
	if err == nil {
		err = j.openFiles(next)
	}
	if err != nil {
		j.distrust = j.distrust || syncFailed(err)
		return err
	}
	j.distrust = false
	j.acknowledge(next - 1)
	j.drop(next-1, errors.New("lost when the files were opened anew")) // unless something is damaged, no such record is left
	return nil
}

// openFiles opens the newest file, or makes the first one, for the record at next; then it syncs all files.
func (j *Journal) openFiles(next uint64) error {
	segments, err := segmentsIn(j.dir)
	if err != nil {
		return err
	}
	if len(segments) == 0 {
		segments = []segment{{segmentPath(j.dir, next), next}}
	}
	for _, s := range segments[:len(segments)-1] {
		if err := syncFile(s.path); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(segments[len(segments)-1].path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o640)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err := errors.Join(err, fsync(f), onDisk.SyncFolder(j.dir)); err != nil {
		return errors.Join(err, f.Close())
	}
	j.newest, j.size = f, info.Size()
	j.mu.Lock()
	defer j.mu.Unlock()
	j.open = []*os.File{f}
	j.follow(segments)
	return nil
}

// follow replaces the list of segments. Requires the turn and mu.
func (j *Journal) follow(segments []segment) {
	j.segments = segments
	spent := uint64(math.MaxUint64)
	if len(segments) > 1 {
		spent = segments[1].first - 1
	}
	j.spent.Store(spent)
}

// advance begins another segment if the newest is full. The next sync syncs the old one, too, and then closes it.
// Requires the turn.
func (j *Journal) advance() error {
	if j.size < j.full {
		return nil
	}
	s := segment{segmentPath(j.dir, j.written+1), j.written + 1}
	f, err := os.OpenFile(s.path, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o640)
	if err != nil {
		return err
	}
	j.newest, j.size = f, 0
	j.mu.Lock()
	defer j.mu.Unlock()
	j.open = append(j.open, f)
	j.follow(append(slices.Clip(j.segments), s))
	return nil
}

// free removes the segments of which everything has been applied, but never the newest. Requires the turn.
func (j *Journal) free() error {
	n := 0
	for n+1 < len(j.segments) && j.segments[n+1].first <= j.applied.Load()+1 {
		n++
	}
	var err error
	gone := 0
	for gone < n && err == nil { // the oldest first: what a crash leaves has no gap
		if err = os.Remove(j.segments[gone].path); err == nil || errors.Is(err, fs.ErrNotExist) {
			err = nil
			gone++
		}
	}
	j.mu.Lock()
	j.follow(j.segments[gone:])
	j.mu.Unlock()
	return errors.Join(err, onDisk.SyncFolder(j.dir))
}

// first is the index of the oldest record that is kept.
func (j *Journal) first() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.segments[0].first
}

// leave frees what has been applied when the journal is closed; if all has been, all files go. Requires the turn.
func (j *Journal) leave() error {
	if j.size > 0 && j.applied.Load() >= j.written {
		j.size = j.full
		if err := errors.Join(j.advance(), onDisk.SyncFolder(j.dir)); err != nil {
			return err
		}
	}
	return j.free()
}

// abandon closes the files. Requires the turn and that no sync is under way.
func (j *Journal) abandon() {
	j.mu.Lock()
	open := j.open
	j.open = nil
	j.mu.Unlock()
	j.newest = nil
	for _, f := range open {
		_ = f.Close() // what must be on disk has been synced
	}
}

// syncFailed reports whether an error comes from a failed sync.
func syncFailed(err error) bool {
	_, ok := errors.AsType[syncError](err)
	return ok
}
