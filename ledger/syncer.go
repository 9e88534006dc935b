package ledger

import (
	"bytes"
	"crypto/rand"
	"errors"
	"runtime"
	"time"
)

// A journal that fails is tried every trialEvery with trialSize bytes: room for a few hundred records. If it were tried
// with one record, State might say that all is well when there is room for that one only.
const (
	trialEvery = time.Second
	trialSize  = 64 << 10
)

// keep is the one goroutine that syncs, that frees what has been applied, and that tries again what fails. It returns when
// the journal is closed and nothing waits.
func (j *Journal) keep() {
	defer close(j.ended)
	var again <-chan time.Time // while writes fail: when to try
	for {
		select {
		case <-j.wake:
		case <-again:
			again = nil
			j.turn <- struct{}{}
			j.try()
			<-j.turn
		}
		for {
			waits, closed := j.unsynced()
			if !waits && closed {
				return
			}
			if !waits {
				break
			}
			runtime.Gosched() // so that those who are about to write share the sync
			if err := j.sync(); err != nil {
				j.turn <- struct{}{}
				j.fail(err, true)
				<-j.turn
			}
		}
		if j.needsTending() {
			j.turn <- struct{}{}
			j.tend()
			<-j.turn
		}
		if _, err := j.State(); err != nil && again == nil {
			again = time.After(trialEvery)
		}
	}
}

// try finds out whether writes go well again after a failure. Nothing else would find out: a process that is not ready gets
// no requests, and so has nothing to write. Requires the turn.
func (j *Journal) try() {
	if _, err := j.State(); err == nil {
		return
	}
	err := j.reopen()
	if err == nil {
		err = j.advance()
	}
	if err == nil {
		err = j.push(trial())
	}
	if err != nil {
		_ = j.stuck(err)
		return
	}
	j.syncing.Lock()
	err = j.flush(j.newest)
	j.syncing.Unlock()
	if cut := j.newest.Truncate(j.size); err != nil || cut != nil {
		j.fail(errors.Join(err, cut), err != nil)
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.failing = nil
}

// trial returns bytes to fill the end of a file with, to see whether there is room. A crash may leave them there. They are
// then taken for the rest of a record that was never acknowledged: they do not begin as a record does, and no record begins
// within them. They are random, so that no file system can make them smaller.
func trial() []byte {
	b := make([]byte, trialSize)
	_, _ = rand.Read(b) // never fails
	b = bytes.ReplaceAll(b, []byte{magic}, []byte{0})
	b[0] = 0
	return b
}

func (j *Journal) unsynced() (waits, closed bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.waiting) > 0, j.closed
}

// sync brings to disk what has been written so far, and then wakes those who wait for that.
func (j *Journal) sync() error {
	j.syncing.Lock()
	defer j.syncing.Unlock()
	return j.bring()
}

// bring does sync's work. After an error nothing is trusted that was written since the last sync. Requires syncing.
func (j *Journal) bring() error {
	j.mu.Lock()
	index, files, waits := j.written, j.open, len(j.waiting) > 0
	j.mu.Unlock()
	if !waits || len(files) == 0 { // the files were given up meanwhile, and nobody waits any more
		return nil
	}
	full := len(files) - 1
	for _, f := range files {
		if err := j.flush(f); err != nil {
			j.distrust = true // for whoever gives the files up from now on
			return err
		}
	}
	if full > 0 {
		if err := onDisk.SyncFolder(j.dir); err != nil { // a file that was synced but whose name was not is lost all the same
			j.distrust = true
			return err
		}
	}
	j.mu.Lock()
	j.open = j.open[full:]
	j.failing = nil
	j.mu.Unlock()
	for _, f := range files[:full] {
		_ = f.Close() // nothing was written to it since it was synced
	}
	j.syncs.Add(1)
	j.acknowledge(index)
	return nil
}

// needsTending reports whether a file has rotted, the files have been given up, or the oldest can go.
func (j *Journal) needsTending() bool {
	j.mu.Lock()
	failed := len(j.open) == 0
	j.mu.Unlock()
	return failed || j.rotten.Load() || j.applied.Load() >= j.spent.Load()
}

// tend works between syncs: it opens files again that were given up, for the applier's sake, and frees what has been
// applied. Requires the turn.
func (j *Journal) tend() {
	if j.rotten.Swap(false) {
		j.fail(errRotten, false)
	}
	if j.reopen() != nil { // whoever writes next tries again, and gets the error
		return
	}
	_ = j.free() // files that could not be removed are tried again at the next start
}
