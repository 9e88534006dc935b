package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"switchyard/durable"
)

// Files are mended before they are used. What a crash left half-written at the very end was never acknowledged: it is cut
// off. Anything else that is not as it was written is moved to quarantine, each lost record is replaced with a tombstone,
// and the records after it keep their place.

// Damage is a part of the journal that was destroyed. As an error it is reported, never returned: the journal goes on.
type Damage struct {
	First, Last uint64 // the first and last record that are lost; Last is less than First if none is: there were only foreign bytes
	Bytes       int
	File        string // the file that the bytes were moved to; empty if there were none
}

func (d *Damage) Error() string {
	return fmt.Sprintf("journal: records %d to %d are destroyed, %d bytes put aside in %q", d.First, d.Last, d.Bytes, d.File)
}

const (
	everything = math.MaxUint64 - 1 // no record is cut off
	maxLost    = 1 << 20            // more missing records than that is not damage but another journal's file
	quarantine = "quarantine"
)

type mender struct {
	dir      string
	keep     uint64 // the last record that is kept
	distrust bool   // write the newest file anew, even if it looks right
	damages  []*Damage
	torn     int // bytes cut off at the end

	// For a journal that runs: the oldest record that it has, and the newest that was acknowledged; else 0. What is
	// missing between them is lost: it can be neither torn, nor applied and freed.
	first, acknowledged uint64
}

// run mends all segments, and returns the index that the next record will have.
func (m *mender) run() (next uint64, err error) {
	segments, err := segmentsIn(m.dir)
	if err != nil {
		return 0, err
	}
	next = 1
	if m.first > 0 && (len(segments) == 0 || segments[0].first > m.first) { // somebody has removed the file
		segments = slices.Insert(segments, 0, segment{segmentPath(m.dir, m.first), m.first})
	}
	for len(segments) > 1 && segments[len(segments)-1].first > m.keep+1 { // the newest first: what a crash leaves has no gap
		if err := os.Remove(segments[len(segments)-1].path); err != nil {
			return 0, err
		}
		segments = segments[:len(segments)-1]
	}
	for i, s := range segments {
		following, last := uint64(math.MaxUint64), i == len(segments)-1
		if !last {
			following = segments[i+1].first
		}
		if next, err = m.mend(s, following, m.distrust && (last || following > m.keep)); err != nil {
			return 0, err
		}
	}
	return next, onDisk.SyncFolder(m.dir)
}

// mend makes one file what it should be. If only its end is too much, that is cut off in place, which needs no room: the
// disk may be full. With anew the file is written again: a page that failed to reach the disk must not be trusted because
// the kernel still has it. mend returns the index after that of the file's last record.
func (m *mender) mend(s segment, following uint64, anew bool) (next uint64, err error) {
	data, err := os.ReadFile(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		data, anew, err = nil, true, nil
	}
	if err != nil {
		return 0, err
	}
	fixed, next, err := m.walk(data, s.first, following)
	switch {
	case err != nil:
		err = fmt.Errorf("journal file %q: %w", s.path, err)
	case anew || !bytes.HasPrefix(data, fixed):
		err = onDisk.Replace(s.path, durable.Bytes(fixed))
	case len(fixed) < len(data):
		err = cut(s.path, int64(len(fixed)))
	}
	return next, err
}

// walk copies the whole records, and replaces those that are not. It begins with the record at index; next is the index
// at which the following file begins.
func (m *mender) walk(data []byte, index, next uint64) ([]byte, uint64, error) {
	fixed, lastFile := make([]byte, 0, len(data)), next == math.MaxUint64
	for len(data) > 0 && index < next && index <= m.keep {
		f, ok := readFrame(data)
		if ok && f.index == index {
			fixed, data, index = append(fixed, data[:f.size]...), data[f.size:], index+1
			continue
		}
		at, to := resync(data, index)
		switch {
		case at >= 0 && to < next: // whole records follow
		case !lastFile:
			at, to = len(data), next
		case f.size > headSize: // the last record is all there, but not as it was written
			at, to = f.size, index+1
		case index <= m.acknowledged:
			at, to = len(data), m.acknowledged+1
		default:
			m.torn += len(data)
			return fixed, index, nil
		}
		if to-index > maxLost {
			return nil, 0, fmt.Errorf("record %d follows record %d: not of this journal", to, index-1)
		}
		if err := m.lose(data[:at], index, to); err != nil {
			return nil, 0, err
		}
		for ; index < to; index++ {
			fixed = append(fixed, tombstone(index)...)
		}
		data = data[at:]
	}
	if lastFile {
		next = max(index, m.acknowledged+1)
	}
	if index > m.keep || index == next && (lastFile || len(data) == 0) {
		return fixed, index, nil
	}
	if next-index > maxLost {
		return nil, 0, fmt.Errorf("record %d follows record %d: files are missing", next, index-1)
	}
	err := m.lose(data, index, next)
	for ; index < next; index++ {
		fixed = append(fixed, tombstone(index)...)
	}
	return fixed, index, err
}

// lose moves data to quarantine, in place of which the records from first up to, but not including, next should be.
func (m *mender) lose(data []byte, first, next uint64) error {
	d, err := putAside(m.dir, data, first, next)
	m.damages = append(m.damages, d)
	return err
}

func putAside(dir string, data []byte, first, next uint64) (*Damage, error) {
	d := &Damage{First: first, Last: next - 1, Bytes: len(data)}
	if len(data) == 0 {
		return d, nil
	}
	folder := filepath.Join(dir, quarantine)
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return d, err
	}
	d.File = filepath.Join(folder, fmt.Sprintf("%d-%d.bin", first, time.Now().UnixNano()))
	return d, onDisk.Replace(d.File, durable.Bytes(data))
}
