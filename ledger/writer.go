package ledger

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"

	"github.com/tidwall/wal"
)

// write takes the caller's turn and writes its records.
func (j *Journal) write(ctx context.Context, records []Record) (*group, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case j.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-j.turn }()
	if j.closed {
		return nil, ErrClosed
	}
	g, err := j.put(records)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrJournal, err)
	}
	poke(j.wake)
	return g, nil
}

// put writes records behind those that are there. Requires the turn.
func (j *Journal) put(records []Record) (*group, error) {
	if err := j.reopen(); err != nil {
		return nil, err
	}
	size, err := j.fill(records)
	if err != nil {
		return nil, err
	}
	if err := j.log.WriteBatch(&j.batch); err != nil {
		// Beginning a new file syncs the old one; only of a failed write it is known that no sync has failed.
		pe, ok := errors.AsType[*fs.PathError](err)
		j.fail(err, !ok || pe.Op != "write")
		return nil, err
	}
	moved := false
	if j.tail += size; j.tail >= j.options.SegmentSize { // perhaps a new file
		moved, j.tail = true, tailSize(j.dir, j.options.SegmentSize)
	}
	g := &group{last: j.written + uint64(len(records)), done: make(chan struct{})}
	j.mu.Lock()
	defer j.mu.Unlock()
	for i, r := range records {
		r.Epoch, r.Index = j.epoch, j.written+uint64(i)+1
		j.backlog.add(r, size/len(records))
	}
	j.written, j.moved = g.last, j.moved || moved
	j.waiting = append(j.waiting, g)
	return g, nil
}

// fill makes the library's batch of records, and tells how many bytes it will write.
func (j *Journal) fill(records []Record) (size int, err error) {
	j.batch.Clear()
	for i, r := range records {
		r.Epoch = j.epoch
		index := j.written + uint64(i) + 1
		if j.entry, err = seal(j.entry[:0], r, index); err != nil {
			return 0, fmt.Errorf("%s record: %w", r.Kind, err)
		}
		if len(j.entry) > maxBody+headSize {
			return 0, fmt.Errorf("%s record of %d bytes", r.Kind, len(j.entry))
		}
		j.batch.Write(index, j.entry)
		size += len(j.entry) + binary.MaxVarintLen32
	}
	return size, nil
}

// open mends the files, cuts off all records behind keep, opens the log, and brings what it holds to disk: a process that
// died may not have. So all that is there is acknowledged. Requires the turn and syncing, but at the start.
func (j *Journal) open(keep uint64) error {
	m := &mender{dir: j.dir, keep: keep, distrust: j.distrust}
	err := m.run()
	j.mu.Lock()
	j.damages, j.torn = append(j.damages, m.damages...), j.torn+m.torn
	j.mu.Unlock()
	if err != nil {
		j.distrust = j.distrust || syncFailed(err)
		return err
	}
	log, err := wal.Open(j.dir, &j.options)
	if err != nil {
		return err
	}
	first, errFirst := log.FirstIndex()
	last, errLast := log.LastIndex()
	if err := errors.Join(errFirst, errLast, log.Sync(), syncDir(j.dir)); err != nil {
		j.distrust = j.distrust || syncFailed(err)
		return errors.Join(err, log.Close())
	}
	j.distrust = false
	j.tail = j.options.SegmentSize // not known
	j.first.Store(first)
	j.mu.Lock()
	j.moved = true
	j.mu.Unlock()
	j.acknowledge(last)
	j.drop(last, errors.New("lost when the log was opened anew")) // but for damage, there is none left
	j.logMu.Lock()
	j.log = log
	j.logMu.Unlock()
	j.failed.Store(false)
	return nil
}

// syncFailed reports whether an error is, or may hold, that of a sync.
func syncFailed(err error) bool {
	pe, ok := errors.AsType[*fs.PathError](err)
	return ok && pe.Op == "sync"
}

// reopen opens the log if it has failed: the disk may have room again. Requires the turn.
func (j *Journal) reopen() error {
	if j.log != nil {
		return nil
	}
	j.syncing.Lock()
	defer j.syncing.Unlock()
	if err := j.open(j.written); err != nil {
		return err
	}
	poke(j.grown)
	return nil
}

// fail gives the log up after an error: what the library has in memory is no longer what is on disk. It is opened again
// by the next who writes, cut off behind the last record that was written whole; these are yet to be synced.
//
// If it is a sync that failed, the next one may claim to have succeeded without having brought everything to disk. So
// what was not acknowledged is given up, too, and whoever waits is told; and the newest file is not trusted any more,
// but written anew. None survives whose caller was told that it does not exist. Requires the turn.
func (j *Journal) fail(err error, syncFailed bool) {
	j.syncing.Lock()
	defer j.syncing.Unlock()
	j.logMu.Lock()
	if j.log != nil {
		// Closing it syncs, too, and what that says will not be said again.
		syncFailed = j.log.Close() != nil || syncFailed
		j.log = nil
	}
	j.logMu.Unlock()
	if j.distrust = j.distrust || syncFailed; j.distrust {
		j.drop(j.last.Load(), err)
	}
	_ = j.newest.close() // nothing was written to it
	j.failed.Store(true)
	poke(j.wake)
	poke(j.grown) // the applier tells of it
}

// drop forgets what was written behind keep. Requires the turn and syncing.
func (j *Journal) drop(keep uint64, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, g := range j.waiting {
		g.err = fmt.Errorf("%w: %w", ErrJournal, err)
		close(g.done)
	}
	j.waiting = nil
	j.written = keep
	j.backlog.cut(keep)
}

// acknowledge tells whose records are on disk up to index. Requires syncing.
func (j *Journal) acknowledge(index uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.last.Store(index)
	n := 0
	for n < len(j.waiting) && j.waiting[n].last <= index {
		close(j.waiting[n].done)
		n++
	}
	rest := copy(j.waiting, j.waiting[n:])
	clear(j.waiting[rest:])
	j.waiting = j.waiting[:rest]
	if index >= j.wanted.Load() {
		poke(j.grown)
	}
}
