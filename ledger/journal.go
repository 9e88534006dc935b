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

	"github.com/tidwall/wal"

	"switchyard"
)

// What appending fails with. Whatever the error, nothing may be sent for which the record was to be written.
var (
	ErrClosed  = errors.New("journal is closed")
	ErrInUse   = errors.New("journal is in use by another process")
	ErrJournal = errors.New("journal cannot be written")
)

// JournalConfig is where and how a journal is kept.
type JournalConfig struct {
	Dir         string // made if it does not exist
	SegmentSize int    // bytes of one file, roughly; the newest one is kept in memory, too. 0: 2 MiB
}

// Journal is the append-only log that money is written to first. Many goroutines may use it; the owner calls Close.
//
// One goroutine does all the writing: it takes whatever records wait, writes them in one go, and syncs once for all of
// them, so the more callers there are the less each sync costs. When Append returns nil, the record is on disk.
type Journal struct {
	dir     string
	id      string
	epoch   string
	options wal.Options
	guard   *os.File // keeps other processes out

	mu      sync.Mutex // guards queue, closed, damages, torn
	queue   []*group
	closed  bool
	damages []*Damage
	torn    int

	wake  chan struct{} // the writer has something to do
	grown chan struct{} // the applier has
	ended chan struct{} // closed when the writer has returned

	logMu sync.Mutex // guards log, when it is exchanged and when it is read
	log   *wal.Log   // nil after a failure, until it can be opened again

	first   atomic.Uint64 // the oldest record that is kept
	last    atomic.Uint64 // the newest one that was acknowledged
	applied atomic.Uint64 // the newest one that nobody needs any more
	syncs   atomic.Uint64
	rotten  atomic.Bool // a file must be mended

	// The writer's own.
	tail     int    // bytes of the newest file
	tried    uint64 // what had been applied when freeing was last tried
	distrust bool   // a sync failed: what the kernel shows of the newest file may not be on disk
}

// group is what one caller appends: all of it, or nothing.
type group struct {
	bodies [][]byte
	done   chan error // buffered
}

// OpenJournal opens or makes a journal, mends what a crash did to it, and starts its writer. What was found damaged is
// told by Damages; a record that was half-written when the process died was never acknowledged, and is dropped.
func OpenJournal(c JournalConfig) (_ *Journal, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("journal %q: %w", c.Dir, err)
		}
	}()
	if err := os.MkdirAll(c.Dir, 0o750); err != nil {
		return nil, err
	}
	guard, err := lock(filepath.Join(c.Dir, "lock"))
	if err != nil {
		return nil, err
	}
	j := &Journal{
		dir: c.Dir, epoch: rand.Text(), guard: guard,
		wake: make(chan struct{}, 1), grown: make(chan struct{}, 1), ended: make(chan struct{}),
		options: wal.Options{NoSync: true, SegmentSize: c.SegmentSize, SegmentCacheSize: 1, AllowEmpty: true},
	}
	if j.options.SegmentSize <= 0 {
		j.options.SegmentSize = 2 << 20
	}
	if j.id, err = identity(filepath.Join(c.Dir, "id")); err == nil {
		err = j.open(everything)
	}
	if err != nil {
		return nil, errors.Join(err, guard.Close())
	}
	go j.write()
	return j, nil
}

// identity is the name of the journal, so that a store knows its position in this one from that in another: a folder
// that was emptied begins at 1 again.
func identity(path string) (string, error) {
	b, err := os.ReadFile(path)
	if err == nil && len(b) > 0 {
		return strings.TrimSpace(string(b)), nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	id := rand.Text()
	return id, writeFile(path, []byte(id+"\n"))
}

// ID names the journal; it survives restarts.
func (j *Journal) ID() string { return j.id }

// Epoch names this opening of the journal. What an earlier one left unsettled, nobody works on any more.
func (j *Journal) Epoch() string { return j.epoch }

// Begin notes that a generation has been taken on, and like the next four returns when that is on disk.
func (j *Journal) Begin(ctx context.Context, g switchyard.Generation) error {
	return j.Append(ctx, BeginRecord(g))
}

// Open notes an attempt before its request may leave; if it fails, nothing is sent.
func (j *Journal) Open(ctx context.Context, a switchyard.Attempt) error {
	return j.Append(ctx, OpenRecord(a))
}

// Hold notes the provider's id of an attempt's job.
func (j *Journal) Hold(ctx context.Context, a switchyard.Attempt) error {
	return j.Append(ctx, HoldRecord(a))
}

// Settle notes how an attempt ended.
func (j *Journal) Settle(ctx context.Context, a switchyard.Attempt) error {
	return j.Append(ctx, SettleRecord(a))
}

// End notes how a generation ended.
func (j *Journal) End(ctx context.Context, g switchyard.Generation) error {
	return j.Append(ctx, EndRecord(g))
}

// Append writes records, all or none, and returns when they are on disk: a request that appends its Begun with its first
// Opened, and its last Settled with its Ended, costs two syncs. If ctx ends while they still wait their turn they are
// withdrawn; once the writer has them, Append tells how it went.
func (j *Journal) Append(ctx context.Context, records ...Record) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	g := &group{done: make(chan error, 1)}
	for _, r := range records {
		r.Epoch = j.epoch
		b, err := encode(r)
		if err != nil {
			return fmt.Errorf("%w: %s record: %w", ErrJournal, r.Kind, err)
		}
		if len(b) > maxBody {
			return fmt.Errorf("%w: %s record of %d bytes", ErrJournal, r.Kind, len(b))
		}
		g.bodies = append(g.bodies, b)
	}
	if err := j.enqueue(g); err != nil {
		return err
	}
	select {
	case err := <-g.done:
		return err
	case <-ctx.Done():
		if j.withdraw(g) {
			return ctx.Err()
		}
		return <-g.done
	}
}

func (j *Journal) enqueue(g *group) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return ErrClosed
	}
	j.queue = append(j.queue, g)
	poke(j.wake)
	return nil
}

func (j *Journal) withdraw(g *group) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	i := slices.Index(j.queue, g)
	if i < 0 {
		return false
	}
	j.queue = slices.Delete(j.queue, i, i+1)
	return true
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

// Damages is what has been found destroyed since the journal was opened.
func (j *Journal) Damages() []*Damage {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.damages)
}

// Close writes what waits, refuses what comes later, and returns when all files are closed. Whoever reads the journal,
// an Applier, must have stopped.
func (j *Journal) Close() error {
	j.mu.Lock()
	again := j.closed
	j.closed = true
	poke(j.wake)
	j.mu.Unlock()
	<-j.ended
	if again {
		return ErrClosed
	}
	var err error
	if j.log != nil {
		err = errors.Join(j.trim(), j.log.Close())
	}
	return errors.Join(err, j.guard.Close())
}

// poke leaves a signal where one is enough.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
