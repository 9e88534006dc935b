package ledger

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// The library refuses to open a log whose last entry was torn by a crash, and knows nothing of an entry that rotted. So
// mend goes over the files first. What a crash left half-written at the very end was never acknowledged: it is cut off.
// Anything else that is not as it was written is moved to quarantine, each lost record leaves a tombstone, and the
// records behind keep their place.

// Damage is a part of the journal that was destroyed. As an error it is reported, never returned: the journal goes on.
type Damage struct {
	First, Last uint64 // the records that are lost; Last is less than First if there were only foreign bytes
	Bytes       int
	File        string // where the bytes were put aside; empty if there were none
}

func (d *Damage) Error() string {
	return fmt.Sprintf("journal: records %d to %d are destroyed, %d bytes put aside in %q", d.First, d.Last, d.Bytes, d.File)
}

const (
	everything   = math.MaxUint64 - 1 // no record is cut off
	maxLost      = 1 << 20            // more missing records than that is not damage but another journal's file
	quarantine   = "quarantine"
	segmentDigit = 20
)

type segment struct {
	path  string
	first uint64 // index of its first record
}

type mender struct {
	dir      string
	keep     uint64 // the last record that is kept
	distrust bool   // write the newest file anew, even if it looks right
	damages  []*Damage
	torn     int // bytes cut off at the end
}

// run mends all segments.
func (m *mender) run() error {
	segments, err := m.segments()
	if err != nil {
		return err
	}
	for i, s := range segments {
		next, last := uint64(math.MaxUint64), i == len(segments)-1
		if !last {
			next = segments[i+1].first
		}
		if i > 0 && s.first > m.keep+1 {
			err = os.Remove(s.path)
		} else {
			err = m.mend(s, next, m.distrust && (last || next > m.keep))
		}
		if err != nil {
			return err
		}
	}
	return syncDir(m.dir)
}

// segments lists the files in order. A truncation that a crash interrupted is the library's to finish.
func (m *mender) segments() (list []segment, err error) {
	files, err := os.ReadDir(m.dir) // sorted by name
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		name, path := f.Name(), filepath.Join(m.dir, f.Name())
		if len(name) < segmentDigit {
			continue
		}
		first, err := strconv.ParseUint(name[:segmentDigit], 10, 64)
		switch {
		case err != nil || first == 0:
		case strings.HasSuffix(name, ".TEMP"): // never finished, so never counted
			if err := os.Remove(path); err != nil {
				return nil, err
			}
		case len(name) == segmentDigit:
			list = append(list, segment{path, first})
		}
	}
	return list, nil
}

// mend makes one file what it should be. If only its end is too much, it is cut off in place, which needs no room: the
// disk may be full. With anew it is written again, so that no page that failed to reach the disk is trusted because the
// kernel still has it.
func (m *mender) mend(s segment, next uint64, anew bool) error {
	data, err := os.ReadFile(s.path)
	if err != nil {
		return err
	}
	fixed, err := m.walk(data, s.first, next)
	switch {
	case err != nil:
		return fmt.Errorf("journal file %q: %w", s.path, err)
	case anew || !bytes.HasPrefix(data, fixed):
		return writeFile(s.path, fixed)
	case len(fixed) < len(data):
		return cut(s.path, int64(len(fixed)))
	}
	return nil
}

// walk copies what is whole, and replaces what is not. next is the index at which the following file begins.
func (m *mender) walk(data []byte, index, next uint64) ([]byte, error) {
	fixed, lastFile := make([]byte, 0, len(data)), next == math.MaxUint64
	for len(data) > 0 && index < next && index <= m.keep {
		size, got, ok := frame(data)
		if ok && got == index {
			fixed, data, index = append(fixed, data[:size]...), data[size:], index+1
			continue
		}
		at, to := resync(data, index)
		switch {
		case at >= 0 && to < next: // whole records follow
		case !lastFile:
			at, to = len(data), next
		case size > headSize: // the last record is all there, but not as it was written
			at, to = size, index+1
		default:
			m.torn += len(data)
			return fixed, nil
		}
		if to-index > maxLost {
			return nil, fmt.Errorf("record %d follows record %d: not of this journal", to, index-1)
		}
		if err := m.lose(data[:at], index, to); err != nil {
			return nil, err
		}
		for ; index < to; index++ {
			fixed = append(fixed, tombstone(index)...)
		}
		data = data[at:]
	}
	if lastFile || index > m.keep || index == next && len(data) == 0 {
		return fixed, nil
	}
	if next-index > maxLost {
		return nil, fmt.Errorf("record %d follows record %d: files are missing", next, index-1)
	}
	err := m.lose(data, index, next)
	for ; index < next; index++ {
		fixed = append(fixed, tombstone(index)...)
	}
	return fixed, err
}

// lose puts data aside, which stood where the records from first up to but without next should be.
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
	return d, writeFile(d.File, data)
}
