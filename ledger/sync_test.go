package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"switchyard"
	"switchyard/ledger"
)

// disk is one whose syncs are held back, or fail. Only those of the goroutine that syncs go through it.
type disk struct {
	began chan struct{} // gets one for each sync that begins, as long as there is room
	let   chan error    // each takes one; closed, they all succeed
}

func newDisk() *disk { return &disk{began: make(chan struct{}, 100), let: make(chan error, 100)} }

func (d *disk) sync(f *os.File) error {
	d.began <- struct{}{}
	if err, open := <-d.let; open && err != nil {
		return err
	}
	return f.Sync()
}

// on is a journal on such a disk.
func (d *disk) on(t testing.TB, dir string) *ledger.Journal {
	t.Helper()
	j, err := ledger.OpenJournal(ledger.JournalConfig{Dir: dir}.WithSync(d.sync))
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func write(t testing.TB, j *ledger.Journal, id string) (synced func() error) {
	t.Helper()
	synced, err := j.Write(t.Context(), ledger.OpenRecord(attempt(id)))
	if err != nil {
		t.Fatal(err)
	}
	return synced
}

// A process that dies leaves its files as they are at that moment, so a copy of them is what the next one finds.
func TestWhatIsWrittenSurvivesTheProcess(t *testing.T) {
	dir, d := t.TempDir(), newDisk()
	j := d.on(t, dir)
	synced := write(t, j, "1")
	<-d.began
	later := write(t, j, "2") // a sync under way keeps nobody from writing
	left := t.TempDir()
	if err := os.CopyFS(left, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if m, _ := replay(t, left); m.of("1") != "[opened]" || m.of("2") != "[opened]" {
		t.Errorf("the next process finds %s, %s", m.of("1"), m.of("2"))
	}
	if n := j.Stats().Records; n != 0 {
		t.Errorf("%d records were acknowledged before a sync", n)
	}
	close(d.let)
	if err := errors.Join(synced(), synced(), later(), j.Close()); err != nil {
		t.Error(err)
	}
}

func TestTheApplierSeesOnlyWhatIsSynced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, m := newDisk(), newMemory()
		j := d.on(t, t.TempDir())
		a, stop := run(t, j, m)
		first := write(t, j, "1")
		<-d.began
		second := write(t, j, "2")
		synctest.Wait()
		if m.of("1") != "[]" || m.of("2") != "[]" {
			t.Errorf("before the sync: %s, %s", m.of("1"), m.of("2"))
		}
		d.let <- nil
		if err := first(); err != nil {
			t.Fatal(err)
		}
		flush(t, a)
		synctest.Wait()
		if m.of("1") != "[opened]" || m.of("2") != "[]" { // it came after the sync had begun
			t.Errorf("after a sync: %s, %s", m.of("1"), m.of("2"))
		}
		close(d.let)
		if err := second(); err != nil {
			t.Fatal(err)
		}
		flush(t, a)
		if err := errors.Join(stop(), j.Close()); err != nil || m.of("2") != "[opened]" {
			t.Errorf("in the end: %s, %v", m.of("2"), err)
		}
	})
}

// Nobody is told of success after a sync has failed, not even who wrote after it had begun; and nothing of theirs is found
// later.
func TestAFailedSyncIsToldToAll(t *testing.T) {
	dir, d, m := t.TempDir(), newDisk(), newMemory()
	j := d.on(t, dir)
	a, stop := run(t, j, m)
	d.let <- nil
	openAttempt(t, j, "before")
	<-d.began
	var waits []func() error
	waits = append(waits, write(t, j, "lost-0"))
	<-d.began
	for i := range 5 {
		waits = append(waits, write(t, j, fmt.Sprintf("lost-%d", i+1)))
	}
	bad := errors.New("input/output error")
	d.let <- bad
	for i, wait := range waits {
		if err := wait(); !errors.Is(err, ledger.ErrJournal) || !errors.Is(err, bad) {
			t.Errorf("%d was told %v", i, err)
		}
	}
	close(d.let)
	openAttempt(t, j, "after")
	flush(t, a)
	if err := errors.Join(stop(), j.Close()); err != nil {
		t.Fatal(err)
	}
	again, _ := replay(t, dir)
	for _, found := range []*memory{m, again} {
		for i := range waits {
			if id := fmt.Sprintf("lost-%d", i); found.of(id) != "[]" {
				t.Errorf("%s: %s", id, found.of(id))
			}
		}
	}
	if m.of("before") != "[opened]" || m.of("after") != "[opened]" {
		t.Errorf("before: %s, after: %s", m.of("before"), m.of("after"))
	}
}

// Files that are given up are synced before, for those who wait; and if that fails, these are told.
func TestNothingIsAcknowledgedUnsynced(t *testing.T) {
	for _, bad := range []error{nil, errors.New("input/output error")} {
		dir, syncs := t.TempDir(), 0
		j, err := ledger.OpenJournal(ledger.JournalConfig{Dir: dir}.WithSync(func(f *os.File) error {
			syncs++
			return errors.Join(bad, f.Sync())
		}))
		if err != nil {
			t.Fatal(err)
		}
		synced, err := j.Fail(ledger.OpenRecord(attempt("1")))
		if err != nil {
			t.Fatal(err)
		}
		if err := synced(); (err == nil) != (bad == nil) || syncs != 1 {
			t.Errorf("told %v after %d syncs that end with %v", err, syncs, bad)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		if m, _ := replay(t, dir); (m.of("1") == "[opened]") != (bad == nil) {
			t.Errorf("%v: %s", bad, m.of("1"))
		}
	}
}

// A file that has lost its end while the journal runs is damaged, not torn: what was acknowledged keeps its index, so that
// what comes later is applied.
func TestAnAcknowledgedEndIsNotTaken(t *testing.T) {
	dir, m := t.TempDir(), newMemory()
	j := openJournal(t, dir)
	a, stop := run(t, j, m)
	for i := range 5 {
		openAttempt(t, j, fmt.Sprint(i))
	}
	flush(t, a)
	info, err := os.Stat(file(dir))
	if err := errors.Join(err, os.Truncate(file(dir), info.Size()-3)); err != nil {
		t.Fatal(err)
	}
	if _, err := j.Fail(); err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		openAttempt(t, j, fmt.Sprintf("new-%d", i))
	}
	flush(t, a)
	if d := j.Damages(); len(d) != 1 || d[0].First != 5 || d[0].Last != 5 {
		t.Errorf("damages %v", d)
	}
	for i := range 4 {
		if id := fmt.Sprintf("new-%d", i); m.of(id) != "[opened]" {
			t.Errorf("%s: %s", id, m.of(id))
		}
	}
	if err := errors.Join(stop(), j.Close()); err != nil {
		t.Error(err)
	}
}

// An applier that is behind does not wait for ever for what a file has lost.
func TestAFileThatIsEmptiedIsDamage(t *testing.T) {
	for _, lose := range []func(path string) error{os.Remove, func(path string) error { return os.Truncate(path, 0) }} {
		dir, m := t.TempDir(), newMemory()
		j, err := ledger.OpenJournal(ledger.JournalConfig{Dir: dir, SegmentSize: 1000})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 20 {
			openAttempt(t, j, fmt.Sprint(i))
		}
		if err := lose(file(dir)); err != nil {
			t.Fatal(err)
		}
		a, stop := run(t, j, m)
		flush(t, a)
		if d := j.Damages(); len(d) != 1 || d[0].First != 1 || m.of("0") != "[]" || m.of(fmt.Sprint(d[0].Last)) != "[opened]" || m.of("19") != "[opened]" {
			t.Errorf("damages %v, the last record %s", d, m.of("19"))
		}
		if err := errors.Join(stop(), j.Close()); err != nil {
			t.Error(err)
		}
	}
}

// Whoever empties the folder under a running journal loses what was in it; what comes later keeps its place, and is applied.
func TestAFolderThatWasEmptied(t *testing.T) {
	dir, d, m := t.TempDir(), newDisk(), newMemory()
	j := d.on(t, dir)
	a, stop := run(t, j, m)
	d.let <- nil
	openAttempt(t, j, "before")
	flush(t, a)
	if err := os.Remove(file(dir)); err != nil {
		t.Fatal(err)
	}
	d.let <- errors.New("input/output error")
	if err := j.Append(t.Context(), ledger.OpenRecord(attempt("lost"))); !errors.Is(err, ledger.ErrJournal) {
		t.Errorf("got %v", err)
	}
	close(d.let)
	openAttempt(t, j, "after")
	flush(t, a)
	if err := errors.Join(stop(), j.Close()); err != nil {
		t.Fatal(err)
	}
	if m.of("before") != "[opened]" || m.of("lost") != "[]" || m.of("after") != "[opened]" {
		t.Errorf("before: %s, lost: %s, after: %s", m.of("before"), m.of("lost"), m.of("after"))
	}
}

// A journal that has failed tries by itself, now and then: whoever would write is perhaps sent elsewhere for as long as it
// fails. It leaves nothing in the files.
func TestAJournalThatFailsTriesByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, bad := t.TempDir(), errors.New("input/output error")
		var tries atomic.Int64
		var well atomic.Bool
		j, err := ledger.OpenJournal(ledger.JournalConfig{Dir: dir}.WithSync(func(f *os.File) error {
			if tries.Add(1); !well.Load() {
				return bad
			}
			return f.Sync()
		}))
		if err != nil {
			t.Fatal(err)
		}
		if err := j.Append(t.Context(), ledger.OpenRecord(attempt("refused"))); !errors.Is(err, bad) {
			t.Fatalf("got %v", err)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if _, err := j.State(); !errors.Is(err, bad) || tries.Load() < 5 || tries.Load() > 12 {
			t.Errorf("after 10 s and %d tries: %v", tries.Load(), err)
		}
		well.Store(true)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if _, err := j.State(); err != nil {
			t.Errorf("the disk is well, and the journal says %v", err)
		}
		tries.Store(0)
		time.Sleep(time.Minute)
		if synctest.Wait(); tries.Load() != 0 {
			t.Errorf("%d tries once it is well", tries.Load())
		}
		if info, err := os.Stat(file(dir)); err != nil || info.Size() != 0 {
			t.Errorf("something was left: %v, %v", info, err)
		}
		openAttempt(t, j, "after")
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		m, again := replay(t, dir)
		if m.of("after") != "[opened]" || m.of("refused") != "[]" || len(again.Damages()) != 0 || again.Stats().Torn != 0 {
			t.Errorf("after: %s, refused: %s, %v, %+v", m.of("after"), m.of("refused"), again.Damages(), again.Stats())
		}
	})
}

// A process may die while it tries: what that leaves at the end of the file, all of it or a part, is no damage.
func TestATrialThatWasLeftIsNoDamage(t *testing.T) {
	for _, left := range []int{1, 100, len(ledger.Trial())} {
		dir := t.TempDir()
		j := openJournal(t, dir)
		openAttempt(t, j, "1")
		whole, err := os.ReadFile(file(dir))
		if err != nil {
			t.Fatal(err)
		}
		next := rewritten(t, append(whole, ledger.Trial()[:left]...))
		if m, again := replay(t, next); m.of("1") != "[opened]" || len(again.Damages()) != 0 || again.Stats().Torn != left {
			t.Errorf("%d bytes: %s, %v, %+v", left, m.of("1"), again.Damages(), again.Stats())
		}
	}
}

func TestOneSyncCoversAllThatWasWrittenBeforeIt(t *testing.T) {
	d := newDisk()
	j := d.on(t, t.TempDir())
	waits := []func() error{write(t, j, "first")}
	<-d.began
	for i := range 50 {
		waits = append(waits, write(t, j, fmt.Sprint(i)))
	}
	close(d.let)
	for _, wait := range waits {
		if err := wait(); err != nil {
			t.Error(err)
		}
	}
	if s := j.Stats(); s.Records != 51 || s.Syncs != 2 {
		t.Errorf("%+v", s)
	}
	if err := j.Close(); err != nil {
		t.Error(err)
	}
}

func TestAppendingNothing(t *testing.T) {
	j := openJournal(t, t.TempDir())
	if err := j.Append(t.Context()); err != nil || j.Stats().Records != 0 {
		t.Errorf("%v, %+v", err, j.Stats())
	}
}

// A close waits until all that was written is synced.
func TestCloseSyncsWhatWasWritten(t *testing.T) {
	dir, d := t.TempDir(), newDisk()
	j := d.on(t, dir)
	waits := []func() error{write(t, j, "0")}
	<-d.began
	closed := make(chan error)
	go func() { closed <- j.Close() }()
	for { // until the close has begun
		synced, err := j.Write(t.Context(), ledger.OpenRecord(attempt(fmt.Sprint(len(waits)))))
		if errors.Is(err, ledger.ErrClosed) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		waits = append(waits, synced)
		runtime.Gosched()
	}
	close(d.let)
	if err := <-closed; err != nil {
		t.Error(err)
	}
	m, _ := replay(t, dir)
	for i, synced := range waits {
		if err := synced(); err != nil || m.of(fmt.Sprint(i)) != "[opened]" {
			t.Errorf("record %d: %v, %s", i, err, m.of(fmt.Sprint(i)))
		}
	}
}

// When the log has moved on to another file, that is the one to sync.
func TestTheNewestFileIsSynced(t *testing.T) {
	dir := t.TempDir()
	var synced atomic.Value
	j, err := ledger.OpenJournal(ledger.JournalConfig{Dir: dir, SegmentSize: 1000}.WithSync(func(f *os.File) error {
		synced.Store(f.Name())
		return f.Sync()
	}))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 30 {
		openAttempt(t, j, fmt.Sprint(i))
		files, err := filepath.Glob(filepath.Join(dir, "0*"))
		if newest := files[len(files)-1]; err != nil || synced.Load() != newest {
			t.Fatalf("record %d: synced %v, the newest file is %s, %v", i, synced.Load(), newest, err)
		}
	}
	if err := j.Close(); err != nil {
		t.Error(err)
	}
}

// A sync that comes late covers the files that were filled meanwhile, too, each before the one that follows it.
func TestASyncCoversEachFileThatWasWritten(t *testing.T) {
	dir, began, let := t.TempDir(), make(chan string, 100), make(chan struct{})
	j, err := ledger.OpenJournal(ledger.JournalConfig{Dir: dir, SegmentSize: 1000}.WithSync(func(f *os.File) error {
		began <- f.Name()
		<-let
		return f.Sync()
	}))
	if err != nil {
		t.Fatal(err)
	}
	waits := []func() error{write(t, j, "0")}
	<-began
	for i := range 20 {
		waits = append(waits, write(t, j, fmt.Sprint(i+1)))
	}
	close(let)
	for _, wait := range waits {
		if err := wait(); err != nil {
			t.Error(err)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "0*"))
	if err != nil || len(files) < 5 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, f := range files {
		if synced := <-began; synced != f {
			t.Errorf("synced %s, want %s", synced, f)
		}
	}
	if s := j.Stats(); s.Syncs != 2 {
		t.Errorf("%+v", s)
	}
	if err := j.Close(); err != nil {
		t.Error(err)
	}
}

// An applier that falls behind finds in the files what is no longer in memory, and the rest in memory, without a gap.
func TestAnApplierThatIsBehind(t *testing.T) {
	j, err := ledger.OpenJournal(ledger.JournalConfig{Dir: t.TempDir(), SegmentSize: 3000})
	if err != nil {
		t.Fatal(err)
	}
	m := newMemory()
	for round := range 3 {
		for i := range 100 {
			openAttempt(t, j, fmt.Sprintf("%d-%d", round, i))
		}
		a, stop := run(t, j, m)
		flush(t, a)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		for i := range 100 {
			if id := fmt.Sprintf("%d-%d", round, i); m.of(id) != "[opened]" {
				t.Fatalf("%s: %s, want it exactly once", id, m.of(id))
			}
		}
	}
	if err := j.Close(); err != nil {
		t.Error(err)
	}
}

// While records gather nothing is written, but for whoever waits.
func TestFlushDoesNotLinger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, m := openJournal(t, t.TempDir()), newMemory()
		a := ledger.NewApplier(ledger.ApplierConfig{Journal: j, Store: m, Linger: time.Hour})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- a.Run(ctx) }()
		began := time.Now()
		for i := range 10 {
			openAttempt(t, j, fmt.Sprint(i))
			<-time.After(time.Minute)
		}
		if m.batches != 0 {
			t.Errorf("%d batches before the hour was over", m.batches)
		}
		flush(t, a)
		if took := time.Since(began); took != 10*time.Minute || m.batches != 1 || m.of("9") != "[opened]" {
			t.Errorf("flushed after %v, in %d batches", took, m.batches)
		}
		openAttempt(t, j, "10")
		<-time.After(time.Hour + time.Second)
		if m.of("10") != "[opened]" {
			t.Error("the hour is over, and nothing was applied")
		}
		cancel()
		if err := errors.Join(<-ended, j.Close()); err != nil {
			t.Error(err)
		}
	})
}

// whole is a record with something in each field.
func whole() (switchyard.Generation, switchyard.Attempt) {
	c := switchyard.Cost{Amount: 1, Basis: switchyard.BasisBook, Charge: switchyard.ChargeSettled}
	at := start.Add(123456789)
	g := switchyard.Generation{
		ID: "1", RequestID: "2\n", Tenant: `"3`, Key: `\4`, Tier: "24", Kind: "5", Dialect: "6", Path: "7", Model: "8é", Route: "9",
		Variant: "10", Started: at, Latency: 11, Outcome: "12", Target: "13", Provider: "14", Served: "15", Attempts: 16,
		Asked: 17, Delivered: 18, Cost: c, Fidelity: "19", Prompt: "<20>", Shape: "<24>", Hosted: []string{"25", "26"}, Labels: map[string]string{"21": "22", "23": "\u2028"},
	}
	a := switchyard.Attempt{
		ID: "1", Generation: "2", Number: 3, Part: 4, Target: "5", Provider: "6", Model: "7", Started: at, Latency: 8, Stage: 2,
		Outcome: "9", Status: 10, Images: 11, Estimate: c, Cost: c, Job: "12",
	}
	a.Cost.Amount = 1 << 60
	return g, a
}

func BenchmarkAppend(b *testing.B) {
	for _, callers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			j := openJournal(b, b.TempDir())
			g, a := whole()
			b.ReportAllocs()
			b.SetParallelism(callers)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := j.Append(b.Context(), ledger.BeginRecord(g), ledger.OpenRecord(a)); err != nil {
						b.Error(err)
					}
				}
			})
			b.ReportMetric(float64(j.Stats().Syncs)/float64(b.N), "syncs/op")
		})
	}
}

// BenchmarkWrite is what a request that passes through waits for.
func BenchmarkWrite(b *testing.B) {
	j := openJournal(b, b.TempDir())
	g, a := whole()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := j.Write(b.Context(), ledger.BeginRecord(g), ledger.OpenRecord(a)); err != nil {
			b.Fatal(err)
		}
	}
}
