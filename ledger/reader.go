package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
)

// backlog holds records that have been written and not yet applied, as far as there is room, so that the applier need
// not read them back. It is a run of consecutive records that ends with the newest. If it would grow beyond its limit it
// begins anew, and what was in it is read from the files.
type backlog struct {
	records []Record
	sizes   []int // of each, as written
	size    int   // their sum
	limit   int
}

func (b *backlog) add(r Record, size int) {
	if b.size += size; b.size > b.limit {
		b.records, b.sizes, b.size = nil, nil, size
	}
	b.records, b.sizes = append(b.records, r), append(b.sizes, size)
}

// find returns up to n records from index on, but none after last; none at all if the first is not there.
func (b *backlog) find(index, last uint64, n int) []Record {
	if len(b.records) == 0 || index < b.records[0].Index || index > last {
		return nil
	}
	from := int(index - b.records[0].Index)
	return b.records[from:min(from+n, from+int(last-index)+1)]
}

// release forgets the records up to index; cut, those after it.
func (b *backlog) release(index uint64) {
	if len(b.records) > 0 && index >= b.records[0].Index {
		b.remove(0, min(len(b.records), int(index-b.records[0].Index)+1))
	}
}

func (b *backlog) cut(index uint64) {
	if i := slices.IndexFunc(b.records, func(r Record) bool { return r.Index > index }); i >= 0 {
		b.remove(i, len(b.records))
	}
}

func (b *backlog) remove(from, to int) {
	for _, size := range b.sizes[from:to] {
		b.size -= size
	}
	b.records, b.sizes = slices.Delete(b.records, from, to), slices.Delete(b.sizes, from, to)
}

// read returns up to n acknowledged records from index on, or fewer, or none; they are valid until the next release. The
// applier is its only caller. If a file has rotted since it was opened, read fails until that is mended.
func (j *Journal) read(from uint64, n int) ([]Record, error) {
	j.mu.Lock()
	last := j.last.Load()
	records := j.backlog.find(from, last, n)
	s, there := segmentOf(j.segments, from)
	failed := len(j.open) == 0
	j.mu.Unlock()
	switch {
	case failed:
		poke(j.wake)
		return nil, ErrJournal
	case len(records) > 0 || from > last:
		return records, nil
	case !there:
		return nil, fmt.Errorf("journal record %d is in no file", from)
	}
	records, err := readSegment(s, from, last, n)
	if errors.Is(err, errRotten) {
		j.rotten.Store(true)
		poke(j.wake)
	}
	return records, err
}

// segmentOf returns the one that holds the record at index.
func segmentOf(segments []segment, index uint64) (_ segment, ok bool) {
	for _, s := range slices.Backward(segments) {
		if s.first <= index {
			return s, true
		}
	}
	return segment{}, false
}

// readSegment returns up to n records of a file, from one index to another.
func readSegment(s segment, from, to uint64, n int) (records []Record, err error) {
	data, err := os.ReadFile(s.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for index := s.first; index <= to && len(data) > 0 && len(records) < n; index++ {
		f, ok := readFrame(data)
		switch {
		case !ok || f.index != index:
			return nil, fmt.Errorf("journal record %d: %w", index, errRotten)
		case f.version != version: // whole, but of a newer build: to skip it would lose money
			return nil, fmt.Errorf("journal record %d: version %d; this build reads %d", index, f.version, version)
		}
		if index >= from {
			r, err := decode(f.body)
			if err != nil {
				return nil, fmt.Errorf("journal record %d: %w", index, err)
			}
			r.Index = index
			records = append(records, r)
		}
		data = data[f.size:]
	}
	if len(records) == 0 {
		return nil, fmt.Errorf("journal record %d is not there: %w", from, errRotten)
	}
	return records, nil
}

// want says which record the applier waits for. The channel gets a signal when that has been acknowledged, and when the
// journal has failed; sometimes also for an earlier record.
func (j *Journal) want(index uint64) <-chan struct{} {
	j.wanted.Store(index)
	if j.last.Load() >= index {
		poke(j.grown)
	}
	return j.grown
}

// release says that all records up to index are in the store.
func (j *Journal) release(index uint64) {
	j.applied.Store(index)
	j.mu.Lock()
	j.backlog.release(index)
	j.mu.Unlock()
	if index >= j.spent.Load() {
		poke(j.wake)
	}
}
