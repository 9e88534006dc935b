package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tidwall/wal"
)

// trimEvery is how many applied records are freed at once: each time, the library writes what remains anew.
const trimEvery = 4096

// open mends the files, cuts off all records behind keep, and opens the log.
func (j *Journal) open(keep uint64) error {
	m := &mender{dir: j.dir, keep: keep, distrust: j.distrust}
	err := m.run()
	j.mu.Lock()
	j.damages, j.torn = append(j.damages, m.damages...), j.torn+m.torn
	j.mu.Unlock()
	if err != nil {
		return err
	}
	log, err := wal.Open(j.dir, &j.options)
	if err != nil {
		return err
	}
	first, errFirst := log.FirstIndex()
	last, errLast := log.LastIndex()
	if err := errors.Join(errFirst, errLast, syncDir(j.dir)); err != nil {
		return errors.Join(err, log.Close())
	}
	j.first.Store(first)
	j.last.Store(last)
	j.distrust = false
	j.tail = j.options.SegmentSize // not known: the first batch syncs the folder, too
	j.logMu.Lock()
	j.log = log
	j.logMu.Unlock()
	return nil
}

// write is the one goroutine that writes. It returns when the journal is closed and nothing waits.
func (j *Journal) write() {
	defer close(j.ended)
	for range j.wake {
		for {
			groups, closed := j.take()
			if len(groups) == 0 && closed {
				return
			}
			if len(groups) == 0 {
				break
			}
			j.commit(groups)
		}
		if err := j.tend(); err != nil {
			j.fail()
		}
	}
}

// tend is done between batches: a log that failed is opened again, for the applier's sake; what has been applied is freed.
func (j *Journal) tend() error {
	if j.rotten.Swap(false) {
		j.fail()
	}
	if err := j.reopen(); err != nil {
		return err
	}
	if j.applied.Load() < max(j.first.Load(), j.tried)+trimEvery {
		return nil
	}
	j.tried = j.applied.Load() // if it fails, as on a full disk, it is not tried again at every batch
	if err := j.trim(); err != nil && !usable(j.log) {
		return err
	}
	return nil
}

// reopen opens the log if it has failed: the disk may have room again.
func (j *Journal) reopen() error {
	if j.log != nil {
		return nil
	}
	if err := j.open(j.last.Load()); err != nil {
		return err
	}
	poke(j.grown)
	return nil
}

// usable reports whether the log takes more after an error.
func usable(log *wal.Log) bool {
	_, err := log.LastIndex()
	return err == nil
}

// take is all that waits.
func (j *Journal) take() (groups []*group, closed bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	groups, j.queue = j.queue, nil
	return groups, j.closed
}

// commit writes groups in one go, syncs once, and tells their callers.
func (j *Journal) commit(groups []*group) {
	err := j.batch(groups)
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrJournal, err)
		j.fail()
	}
	for _, g := range groups {
		g.done <- err
	}
	poke(j.grown)
}

func (j *Journal) batch(groups []*group) error {
	if err := j.reopen(); err != nil {
		return err
	}
	var batch wal.Batch
	var entry []byte
	index, size := j.last.Load(), 0
	for _, g := range groups {
		for _, b := range g.bodies {
			index++
			entry = seal(entry[:0], b, index)
			batch.Write(index, entry)
			size += len(entry) + binary.MaxVarintLen32
		}
	}
	if err := j.log.WriteBatch(&batch); err != nil {
		pe, ok := errors.AsType[*fs.PathError](err)
		j.distrust = !ok || pe.Op != "write" // beginning a new file syncs the old one
		return err
	}
	if err := j.log.Sync(); err != nil {
		j.distrust = true
		return err
	}
	j.syncs.Add(1)
	if j.tail += size; j.tail >= j.options.SegmentSize { // perhaps a new file, whose name must last, too
		if err := syncDir(j.dir); err != nil {
			return err
		}
		j.tail = j.tailSize()
	}
	j.last.Store(index)
	return nil
}

// tailSize is how large the newest file is; 0 if it has just begun.
func (j *Journal) tailSize() int {
	files, err := os.ReadDir(j.dir)
	if err != nil {
		return j.options.SegmentSize
	}
	newest := ""
	for _, f := range files {
		if len(f.Name()) == segmentDigit {
			newest = f.Name()
		}
	}
	info, err := os.Stat(filepath.Join(j.dir, newest))
	if err != nil {
		return j.options.SegmentSize
	}
	return int(info.Size())
}

// fail gives the log up after an error: what the library has in memory is no longer what is on disk, and a sync that
// failed once may claim to have succeeded the next time (distrust). The next batch opens it again, cut off behind the last record
// that was acknowledged, so that none survives whose caller was told that it does not exist.
func (j *Journal) fail() {
	j.logMu.Lock()
	defer j.logMu.Unlock()
	if j.log != nil {
		_ = j.log.Close() // it has failed already
		j.log = nil
	}
}

// trim frees what has been applied. Only the writer calls it, and Close after it.
func (j *Journal) trim() error {
	to := min(j.applied.Load(), j.last.Load()) + 1
	if j.log == nil || to <= j.first.Load() {
		return nil
	}
	if err := j.log.TruncateFront(to); err != nil {
		return err
	}
	j.first.Store(to)
	j.tail = j.options.SegmentSize
	return syncDir(j.dir)
}

// read is up to n records from index on, or fewer, or none. What rotted since the journal was opened comes as Damaged.
// The applier is its only caller: the library's reads are not safe side by side.
func (j *Journal) read(from uint64, n int) ([]Record, error) {
	j.logMu.Lock()
	defer j.logMu.Unlock()
	if j.log == nil {
		poke(j.wake)
		return nil, ErrJournal
	}
	var records []Record
	for index := max(from, j.first.Load()); index <= j.last.Load() && len(records) < n; index++ {
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

// release tells that all records up to index are in the store.
func (j *Journal) release(index uint64) {
	j.applied.Store(index)
	if index >= j.first.Load()+trimEvery {
		poke(j.wake)
	}
}
