//go:build linux

package ledger_test

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"switchyard/ledger"
)

// The limit on the size of a file stands for a full disk: a write stops in the middle, and fails.
func limitFiles(t *testing.T, size uint64) {
	t.Helper()
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	signal.Ignore(syscall.SIGXFSZ)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: size, Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old) })
}

func TestAFullDiskRefusesAndForgetsNothing(t *testing.T) {
	dir := t.TempDir()
	j := openJournal(t, dir)
	openAttempt(t, j, "before")
	var size uint64 = 1 << 20 // more than what the testing package itself writes to files
	limitFiles(t, size)
	refused, good := "", 0
	for i := range 100 {
		id := fmt.Sprintf("%d-", i)
		err := j.Append(t.Context(), ledger.OpenRecord(attempt(id+"a")), ledger.OpenRecord(attempt(id+strings.Repeat("b", 50_000))))
		if err != nil {
			if !errors.Is(err, ledger.ErrJournal) {
				t.Fatalf("got %v", err)
			}
			refused = id
			break
		}
		good++
	}
	if refused == "" || good == 0 {
		t.Fatalf("the disk did not fill: %d were taken", good)
	}
	if since, err := j.State(); err == nil || since.IsZero() {
		t.Errorf("the journal says it was well at %v", since)
	}
	openAttempt(t, j, "small") // there is still room for that: the half-written group is gone
	if _, err := j.State(); err != nil {
		t.Errorf("it has written, and says %v", err)
	}
	limitFiles(t, 1<<40)
	openAttempt(t, j, "after")
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	m, again := replay(t, dir)
	for _, id := range []string{"before", "0-a", fmt.Sprintf("%d-a", good-1), "small", "after"} {
		if m.of(id) != "[opened]" {
			t.Errorf("%s: %s", id, m.of(id))
		}
	}
	if m.of(refused+"a") != "[]" { // it was written before the write failed, but its caller heard otherwise
		t.Errorf("a refused record survived: %s", m.of(refused+"a"))
	}
	if len(again.Damages()) != 0 {
		t.Errorf("damages %v", again.Damages()[0])
	}
}

// While a disk is full the journal fails, though nobody writes; a trial that did not fit is gone, and what is there is whole.
func TestAFullDiskIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		j := openJournal(t, dir)
		openAttempt(t, j, "before")
		size := func() int64 {
			info, err := os.Stat(file(dir))
			if err != nil {
				t.Fatal(err)
			}
			return info.Size()
		}
		filled := attempt("filled")
		filled.Job = strings.Repeat("b", 1<<20-2000)
		if err := j.Append(t.Context(), ledger.OpenRecord(filled)); err != nil {
			t.Fatal(err)
		}
		limitFiles(t, 1<<20)
		was := size()
		filled.Job = filled.Job[:10_000]
		if err := j.Append(t.Context(), ledger.OpenRecord(filled)); !errors.Is(err, ledger.ErrJournal) {
			t.Fatalf("got %v", err)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if _, err := j.State(); err == nil || size() != was {
			t.Errorf("it is full, and the journal says %v, with %d bytes more", err, size()-was)
		}
		limitFiles(t, 1<<40)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if _, err := j.State(); err != nil || size() != was {
			t.Errorf("it has room, and the journal says %v, with %d bytes more", err, size()-was)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		if m, again := replay(t, dir); m.of("before") != "[opened]" || m.of("filled") != "[opened]" || len(again.Damages()) != 0 {
			t.Errorf("before: %s, filled: %s, %v", m.of("before"), m.of("filled"), again.Damages())
		}
	})
}

// A write that fails takes nothing with it that others have written before and not yet synced: their requests may have
// left.
func TestAFullDiskKeepsWhatWasWritten(t *testing.T) {
	dir, d := t.TempDir(), newDisk()
	j := d.on(t, dir)
	synced := write(t, j, "before")
	<-d.began
	late := write(t, j, "late") // this sync does not cover it
	limitFiles(t, 1<<20)
	refused := make(chan error)
	go func() {
		big := attempt("refused-b")
		big.Job = strings.Repeat("b", 1<<20-600) // hardly a record, and more than the file has room for
		refused <- j.Append(t.Context(), ledger.OpenRecord(attempt("refused-a")), ledger.OpenRecord(big))
	}()
	close(d.let)
	if err := <-refused; !errors.Is(err, ledger.ErrJournal) {
		t.Errorf("got %v", err)
	}
	if err := errors.Join(synced(), late()); err != nil {
		t.Errorf("what was written before: %v", err)
	}
	openAttempt(t, j, "after")
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	m, _ := replay(t, dir)
	if m.of("before") != "[opened]" || m.of("late") != "[opened]" || m.of("after") != "[opened]" || m.of("refused-a") != "[]" {
		t.Errorf("before: %s, late: %s, after: %s, refused: %s", m.of("before"), m.of("late"), m.of("after"), m.of("refused-a"))
	}
}
