package ledger

import (
	"errors"
	"fmt"
	"slices"

	"github.com/tidwall/wal"
)

// backlog is what has been written and not yet applied, as far as it has room: the applier is spared reading it back. It
// is a run of consecutive records that ends with the newest. If it would grow beyond its limit it begins anew, and what
// was in it is read from the files.
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

// find is up to n records from index on, but none behind last; none if the first is not there.
func (b *backlog) find(index, last uint64, n int) []Record {
	if len(b.records) == 0 || index < b.records[0].Index || index > last {
		return nil
	}
	from := int(index - b.records[0].Index)
	return b.records[from:min(from+n, from+int(last-index)+1)]
}

// release forgets the records up to index; cut, those behind it.
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

// read is up to n acknowledged records from index on, or fewer, or none; they are valid until the next release. What
// rotted since the journal was opened comes as Damaged. The applier is its only caller: the library's reads are not safe
// side by side.
func (j *Journal) read(from uint64, n int) ([]Record, error) {
	j.logMu.Lock()
	defer j.logMu.Unlock()
	if j.log == nil {
		poke(j.wake)
		return nil, ErrJournal
	}
	last := j.last.Load()
	j.mu.Lock()
	records := j.backlog.find(from, last, n)
	j.mu.Unlock()
	if len(records) > 0 {
		return records, nil
	}
	for index := max(from, j.first.Load()); index <= last && len(records) < n; index++ {
		r, err := j.readOne(index)
		if errors.Is(err, wal.ErrCorrupt) { // a file that rotted so badly that its records cannot be told apart
			j.rotten.Store(true)
			poke(j.wake)
		}
		if err != nil {
			return nil, fmt.Errorf("journal record %d: %w", index, err)
		}
		records = append(records, r)
	}
	return records, nil
}

func (j *Journal) readOne(index uint64) (Record, error) {
	entry, err := j.log.Read(index)
	if err != nil {
		return Record{}, err
	}
	body, v, at, ok := unseal(entry)
	if !ok || at != index {
		d, err := putAside(j.dir, entry, index, index+1)
		j.mu.Lock()
		j.damages = append(j.damages, d)
		j.mu.Unlock()
		return Record{Kind: Damaged, Index: index}, err
	}
	if v != version { // whole, but of a newer build: to skip it would lose money
		return Record{}, fmt.Errorf("version %d; this build reads %d", v, version)
	}
	r, err := decode(body)
	r.Index = index
	return r, err
}

// want tells which record the applier waits for. The channel gets a signal when it has been acknowledged, perhaps an
// earlier one, too, and when the log has failed.
func (j *Journal) want(index uint64) <-chan struct{} {
	j.wanted.Store(index)
	if j.last.Load() >= index {
		poke(j.grown)
	}
	return j.grown
}

// release tells that all records up to index are in the store.
func (j *Journal) release(index uint64) {
	j.applied.Store(index)
	j.mu.Lock()
	j.backlog.release(index)
	j.mu.Unlock()
	if index >= j.first.Load()+trimEvery {
		poke(j.wake)
	}
}
