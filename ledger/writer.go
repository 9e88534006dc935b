package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"
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

// put writes records after those that are there. Requires the turn.
func (j *Journal) put(records []Record) (*group, error) {
	if err := j.reopen(); err != nil {
		return nil, j.stuck(err)
	}
	if err := j.fill(records); err != nil {
		return nil, err
	}
	if err := j.advance(); err != nil {
		return nil, j.stuck(err)
	}
	if err := j.push(j.frames); err != nil {
		return nil, j.stuck(err)
	}
	j.size += int64(len(j.frames))
	g := &group{last: j.written + uint64(len(records)), done: make(chan struct{})}
	j.mu.Lock()
	defer j.mu.Unlock()
	for i, r := range records {
		r.Epoch, r.Index = j.epoch, j.written+uint64(i)+1
		j.backlog.add(r, len(j.frames)/len(records))
	}
	j.written = g.last
	j.waiting = append(j.waiting, g)
	return g, nil
}

// push writes at the end of the newest file, all or nothing. Requires the turn.
func (j *Journal) push(b []byte) error {
	_, err := j.newest.Write(b)
	if err != nil && j.newest.Truncate(j.size) != nil { // if that goes well the file is as it was before
		j.fail(err, false)
	}
	return err
}

// fill makes frames of records, in j.frames.
func (j *Journal) fill(records []Record) error {
	j.frames = j.frames[:0]
	for i, r := range records {
		r.Epoch = j.epoch
		var err error
		if j.frames, err = appendFrame(j.frames, r, j.written+uint64(i)+1); err != nil {
			return fmt.Errorf("%s record: %w", r.Kind, err)
		}
	}
	return nil
}

// reopen opens the files if they were given up: the disk may have room again. Requires the turn.
func (j *Journal) reopen() error {
	if j.newest != nil {
		return nil
	}
	j.syncing.Lock()
	defer j.syncing.Unlock()
	if err := j.begin(j.written); err != nil {
		return err
	}
	poke(j.grown)
	return nil
}

var errRotten = errors.New("a file has rotted")

// fail gives the files up after an error: we no longer know what is in them. Whoever writes next opens them again, and
// cuts off all after the last record that was written whole. What waits for a sync is synced first, so that nobody waits
// while there are no files.
//
// If it is the sync that failed, the next one may claim to have succeeded without having brought everything to disk. So
// what was not acknowledged is given up, too, and those who wait for it get the error; and the files that it was in are
// written anew, for they are not trusted any more. So no record survives whose caller was told that it does not exist.
// Requires the turn.
func (j *Journal) fail(err error, syncFailed bool) {
	j.syncing.Lock()
	defer j.syncing.Unlock()
	if !syncFailed {
		syncFailed = j.bring() != nil
	}
	j.abandon()
	_ = j.stuck(err)
	if j.distrust = j.distrust || syncFailed; j.distrust {
		j.drop(j.last.Load(), err)
	}
	poke(j.wake)
	poke(j.grown) // the applier reports the error
}

// stuck notes the error of a write that failed, and returns it.
func (j *Journal) stuck(err error) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.failing == nil {
		j.since = time.Now()
	}
	j.failing = err
	poke(j.wake) // it is tried again, whether anybody writes or not
	return err
}

// State returns the error with which the latest write failed, and since when none has gone well; nil if the latest went
// well. While writes fail the journal tries by itself: see try.
func (j *Journal) State() (since time.Time, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.since, j.failing
}

// drop forgets what was written after keep, and gives err to those who wait for it. Requires the turn and syncing.
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

// acknowledge wakes those whose records are on disk: all up to index. Requires syncing.
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
