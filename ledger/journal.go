package ledger

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"switchyard/durable"
)

// The errors of appending. Whatever the error, nothing may be sent for which the record was to be written.
var (
	ErrClosed  = errors.New("journal is closed")
	ErrInUse   = errors.New("in use by another process")
	ErrJournal = errors.New("journal cannot be written")
)

// JournalConfig is where and how a journal is kept.
type JournalConfig struct {
	Dir         string // made if it does not exist
	SegmentSize int    // bytes at which a file is full, and that are kept in memory at most of what is yet to be applied; 0: 1 MiB

	sync func(*os.File) error // how a file is brought to disk, for tests; nil: its Sync
}

// Journal is the append-only log that money is written to first. Many goroutines may use it; the owner calls Close.
//
// Callers take turns, and each writes its own records: so these are in the kernel's hands without waiting for another
// goroutine. One goroutine syncs, for as long as there is anything to sync. Each sync covers all that was written before it
// began, so the more callers there are the less each costs, and nobody's write waits for it. A record is acknowledged when
// it has been synced; Append waits for that. Until then the applier does not see it.
//
// On disk it is a run of segments: files of frames (see frame.go), named by the index of their first record. Only the
// newest is written to; the oldest go when all their records have been applied.
type Journal struct {
	dir   string
	id    string
	epoch string
	full  int64 // bytes at which a segment is followed by another
	flush func(*os.File) error
	guard *os.File // keeps other processes out

	// The locks. A function that needs several takes them in this order.
	turn    chan struct{} // full while somebody writes or changes the files; a channel, so that waiting can be given up
	syncing sync.Mutex    // held during a sync, and whenever the files are given up or opened: never both at once
	mu      sync.Mutex    // guards what follows it below

	closed   bool // changed in the turn only
	damages  []*Damage
	torn     int
	written  uint64     // the newest record that is in the kernel's hands; changed in the turn only
	segments []segment  // in order; the last is written to. Changed in the turn only
	open     []*os.File // those that may have to be synced, in order; the last is the newest. None after a failure
	failing  error      // error of the latest write or sync; nil if it went well
	since    time.Time  // when they began to fail
	waiting  []*group   // written, not yet acknowledged, in order
	backlog  backlog

	wake  chan struct{} // there is something to sync, or to tend to
	grown chan struct{} // what the applier waits for is there, or the journal fails
	ended chan struct{} // closed when the goroutine that syncs has returned

	found   uint64        // the newest record that was there when the journal was opened
	last    atomic.Uint64 // the newest record that was acknowledged
	applied atomic.Uint64 // the newest one that nobody needs any more
	wanted  atomic.Uint64 // the record that the applier waits for
	syncs   atomic.Uint64
	spent   atomic.Uint64 // the last record of the oldest segment that another follows; the largest number if none does
	rotten  atomic.Bool   // a file must be mended

	// Used by whoever has the turn.
	newest *os.File // nil after a failure, until it can be opened again
	size   int64    // of the newest
	frames []byte   // of what is being written

	distrust bool // a sync failed: what the kernel shows may not be on disk. Used by whoever holds syncing
}

// group is what one caller writes: all of it, or nothing.
type group struct {
	last uint64        // index of its last record
	done chan struct{} // closed when err is known
	err  error
}

func (g *group) wait() error {
	<-g.done
	return g.err
}

// OpenJournal opens or makes a journal, mends what a crash did to it, and starts its goroutine. Damages tells what was
// found damaged. A record that was half-written when the process died was never acknowledged, and is dropped.
func OpenJournal(c JournalConfig) (_ *Journal, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("journal %q: %w", c.Dir, err)
		}
	}()
	if err := os.MkdirAll(c.Dir, 0o750); err != nil {
		return nil, err
	}
	guard, err := Lock(filepath.Join(c.Dir, "lock"))
	if err != nil {
		return nil, err
	}
	j := &Journal{
		dir: c.Dir, guard: guard,
		turn: make(chan struct{}, 1), wake: make(chan struct{}, 1), grown: make(chan struct{}, 1), ended: make(chan struct{}),
		full: int64(c.SegmentSize), flush: c.sync,
	}
	if j.full <= 0 {
		j.full = 1 << 20
	}
	if j.flush == nil {
		j.flush = (*os.File).Sync
	}
	j.backlog.limit = int(j.full)
	j.id, err = identity(filepath.Join(c.Dir, "id"))
	j.epoch = j.id + "." + rand.Text()
	if err = errors.Join(err, removeTemporary(c.Dir), syncParent(c.Dir)); err == nil {
		err = j.begin(everything)
	}
	if err != nil {
		return nil, errors.Join(err, guard.Close())
	}
	j.found = j.last.Load()
	go j.keep()
	return j, nil
}

// identity returns the name of the journal, by which a store tells its position in this journal from that in another: a
// folder that was emptied begins at 1 again.
func identity(path string) (string, error) {
	b, err := os.ReadFile(path)
	if err == nil && len(b) > 0 {
		return strings.TrimSpace(string(b)), nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	id := rand.Text()
	return id, onDisk.Replace(path, durable.Bytes([]byte(id+"\n")))
}

// ID names the journal; it survives restarts.
func (j *Journal) ID() string { return j.id }

// Epoch names this opening of the journal, and with it the journal: see JournalOf. Nobody works any more on what an earlier
// epoch of the same journal left unsettled.
func (j *Journal) Epoch() string { return j.epoch }

// JournalOf returns the id of the journal that an epoch belongs to. It is empty for epochs of earlier versions, which did
// not name it: then only one journal wrote to a store.
func JournalOf(epoch string) string {
	return epoch[:max(strings.LastIndexByte(epoch, '.'), 0)]
}

// Append writes records, all or none, and returns when they are on disk. A request appends its Begun with its first Opened,
// and its last Settled with its Ended, and so costs two syncs. If ctx ends before the caller has its turn, nothing is
// written; after that Append waits, and tells how it went.
func (j *Journal) Append(ctx context.Context, records ...Record) error {
	g, err := j.write(ctx, records)
	if err != nil {
		return err
	}
	return g.wait()
}

// Write is Append that returns as soon as the kernel has the records: from then on they survive the death of the process,
// but not that of the machine. synced waits until they are on disk, too; it may be called many times, or never. If it fails
// the records are not in the journal.
func (j *Journal) Write(ctx context.Context, records ...Record) (synced func() error, err error) {
	g, err := j.write(ctx, records)
	if err != nil {
		return nil, err
	}
	return g.wait, nil
}

// Stats is how much a journal holds and has done.
type Stats struct {
	Records uint64 // acknowledged since it was made
	Waiting uint64 // of these, not yet applied
	Syncs   uint64 // since it was opened
	Torn    int    // bytes that a crash left half-written at the end
}

// Stats may be called at any time.
func (j *Journal) Stats() Stats {
	j.mu.Lock()
	defer j.mu.Unlock()
	last := j.last.Load()
	return Stats{Records: last, Waiting: last - min(last, j.applied.Load()), Syncs: j.syncs.Load(), Torn: j.torn}
}

// Damages returns what has been found destroyed since the journal was opened.
func (j *Journal) Damages() []*Damage {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.damages)
}

// Close syncs what has been written, refuses what comes later, and returns when all files are closed. The journal's reader,
// an Applier, must have stopped before.
func (j *Journal) Close() error {
	j.turn <- struct{}{}
	j.mu.Lock()
	again := j.closed
	j.closed = true
	j.mu.Unlock()
	<-j.turn
	poke(j.wake)
	<-j.ended
	if again {
		return ErrClosed
	}
	err := j.reopen() // after a failure: this cuts off what was given up
	if err == nil {
		err = j.leave()
	}
	j.abandon()
	return errors.Join(err, j.guard.Close())
}

// poke leaves a signal where one is enough.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
