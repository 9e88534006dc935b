package ledger_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"switchyard"
	"switchyard/ledger"
)

func TestWhatWasAcknowledgedIsThereAfterRestart(t *testing.T) {
	dir := t.TempDir()
	j := openJournal(t, dir)
	a := attempt("1")
	g := switchyard.Generation{ID: "g"}
	for _, records := range [][]ledger.Record{
		{ledger.BeginRecord(g), ledger.OpenRecord(a)}, {ledger.HoldRecord(a)}, {ledger.SettleRecord(a)}, {ledger.EndRecord(g)},
	} {
		if err := j.Append(t.Context(), records...); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	m, again := replay(t, dir)
	if m.of("1") != "[opened held settled]" || m.of("g") != "[begun ended]" {
		t.Errorf("got %s and %s", m.of("1"), m.of("g"))
	}
	if again.ID() != j.ID() || again.Epoch() == j.Epoch() {
		t.Error("a journal keeps its id, and each opening has an epoch of its own")
	}
	if of := ledger.JournalOf(again.Epoch()); of != again.ID() || ledger.JournalOf("OFVERSION1") != "" {
		t.Errorf("epoch %q is of journal %q", again.Epoch(), of)
	}
	if err := j.Append(t.Context(), ledger.OpenRecord(a)); !errors.Is(err, ledger.ErrClosed) {
		t.Errorf("after Close: got %v", err)
	}
}

func TestConcurrentAppendsShareSyncs(t *testing.T) {
	j := openJournal(t, t.TempDir())
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			for k := range 20 {
				openAttempt(t, j, fmt.Sprintf("%d-%d", i, k))
			}
		})
	}
	wg.Wait()
	if s := j.Stats(); s.Records != 64*20 || s.Syncs == 0 || s.Syncs > 64*20/4 {
		t.Errorf("%d records took %d syncs", s.Records, s.Syncs)
	}
}

func TestOneGroupCostsOneSync(t *testing.T) {
	j := openJournal(t, t.TempDir())
	a := attempt("1")
	if err := j.Append(t.Context(), ledger.SettleRecord(a), ledger.EndRecord(switchyard.Generation{ID: "g"})); err != nil {
		t.Fatal(err)
	}
	if s := j.Stats(); s.Records != 2 || s.Syncs != 1 {
		t.Errorf("%+v", s)
	}
}

func TestAnEndedContextWritesNothing(t *testing.T) {
	j := openJournal(t, t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 200 {
		if err := j.Append(ctx, ledger.OpenRecord(attempt("1"))); !errors.Is(err, context.Canceled) || j.Stats().Records != 0 {
			t.Fatalf("got %v, %d records", err, j.Stats().Records)
		}
	}
}

// Whoever hears an error may rely on it that nothing was written, and the other way round.
func TestACallerThatLeavesHearsTheTruth(t *testing.T) {
	dir := t.TempDir()
	j := openJournal(t, dir)
	var told sync.Map // :: id → error
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for k := range 50 {
				id := fmt.Sprintf("%d-%d", i, k)
				ctx, cancel := context.WithCancel(t.Context())
				wg.Go(cancel) // at about the same moment
				told.Store(id, j.Append(ctx, ledger.OpenRecord(attempt(id))))
			}
		})
	}
	wg.Wait()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	m, _ := replay(t, dir)
	told.Range(func(id, err any) bool {
		if there := m.of(id.(string)) == "[opened]"; there != (err == nil) {
			t.Errorf("%s: told %v, and is there: %v", id, err, there)
		}
		return true
	})
}

// What rots while we run is found out when it is read, whichever byte it is.
func TestRotOfARunningJournal(t *testing.T) {
	for at := range 20 { // the length, the head, the body
		dir := t.TempDir()
		j, err := ledger.OpenJournal(ledger.JournalConfig{Dir: dir, SegmentSize: 1000})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 20 {
			openAttempt(t, j, fmt.Sprint(i))
		}
		data, err := os.ReadFile(file(dir))
		if err != nil {
			t.Fatal(err)
		}
		data[at] ^= 0xff
		if err := os.WriteFile(file(dir), data, 0o600); err != nil {
			t.Fatal(err)
		}
		m := newMemory()
		a, stop := run(t, j, m)
		flush(t, a)
		if d := j.Damages(); len(d) != 1 || d[0].First != 1 || d[0].Last != 1 || m.of("0") != "[]" || m.of("1") != "[opened]" || m.of("19") != "[opened]" {
			t.Errorf("byte %d: damages %v; %s %s %s", at, d, m.of("0"), m.of("1"), m.of("19"))
		}
		if err := errors.Join(stop(), j.Close()); err != nil {
			t.Errorf("byte %d: %v", at, err)
		}
	}
}

func TestAJournalHasOneProcess(t *testing.T) {
	dir := t.TempDir()
	openJournal(t, dir)
	if j, err := ledger.OpenJournal(ledger.JournalConfig{Dir: dir}); !errors.Is(err, ledger.ErrInUse) {
		t.Errorf("got %v, %v", j, err)
	}
}

// written is a journal of n attempts, "0" to "n-1", as its one file, and the offset at which each record begins.
func written(t *testing.T, n int) (dir string, data []byte, offsets []int) {
	dir = t.TempDir()
	j := openJournal(t, dir)
	for i := range n {
		info, err := os.Stat(file(dir))
		if err != nil {
			t.Fatal(err)
		}
		offsets = append(offsets, int(info.Size()))
		openAttempt(t, j, fmt.Sprint(i))
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file(dir))
	if err != nil {
		t.Fatal(err)
	}
	return dir, data, append(offsets, len(data))
}

func file(dir string) string { return filepath.Join(dir, fmt.Sprintf("%020d", 1)) }

// rewritten is a folder with nothing but a journal file of this content.
func rewritten(t *testing.T, data []byte) string {
	dir := t.TempDir()
	if err := os.WriteFile(file(dir), data, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestATornTailIsDroppedWhereverItTore(t *testing.T) {
	_, data, offsets := written(t, 2)
	for cut := range len(data) + 1 {
		dir := rewritten(t, data[:cut])
		m, j := replay(t, dir)
		for i := range 2 {
			whole := cut >= offsets[i+1]
			if got := m.of(fmt.Sprint(i)); (got == "[opened]") != whole {
				t.Fatalf("cut at %d: record %d: %s", cut, i, got)
			}
		}
		if len(j.Damages()) != 0 {
			t.Fatalf("cut at %d: a torn tail is no damage: %v", cut, j.Damages()[0])
		}
		// The journal goes on behind what is left.
		again := openJournal(t, dir)
		openAttempt(t, again, "next")
		if err := again.Close(); err != nil {
			t.Fatal(err)
		}
		if m, _ := replay(t, dir); m.of("next") != "[opened]" {
			t.Fatalf("cut at %d: what came after is lost", cut)
		}
	}
}

func TestATailOfZerosIsTorn(t *testing.T) {
	_, data, _ := written(t, 2)
	m, j := replay(t, rewritten(t, append(bytes.Clone(data), make([]byte, 4096)...)))
	if m.of("1") != "[opened]" || len(j.Damages()) != 0 || j.Stats().Torn != 4096 {
		t.Errorf("got %s, %v, %d torn", m.of("1"), j.Damages(), j.Stats().Torn)
	}
}

func TestARottenRecordIsPutAsideAndItsNeighboursLive(t *testing.T) {
	_, data, offsets := written(t, 5)
	for at := offsets[2]; at < offsets[3]; at++ {
		bad := bytes.Clone(data)
		bad[at] ^= 0x41
		dir := rewritten(t, bad)
		m, j := replay(t, dir)
		for i := range 5 {
			if got := m.of(fmt.Sprint(i)); (got == "[opened]") != (i != 2) {
				t.Fatalf("byte %d: record %d: %s", at, i, got)
			}
		}
		d := j.Damages()
		if len(d) != 1 || d[0].First != 3 || d[0].Last != 3 {
			t.Fatalf("byte %d: damages %v", at, d)
		}
		if kept, err := os.ReadFile(d[0].File); err != nil || !bytes.Equal(kept, bad[offsets[2]:offsets[3]]) {
			t.Fatalf("byte %d: put aside %q, %v", at, kept, err)
		}
		if _, j := replay(t, dir); len(j.Damages()) != 0 {
			t.Fatalf("byte %d: the same damage is reported twice", at)
		}
	}
}

func TestTheLastRecordRottenIsNotTakenForTorn(t *testing.T) {
	_, data, offsets := written(t, 3)
	data[len(data)-3] ^= 1
	m, j := replay(t, rewritten(t, data))
	if d := j.Damages(); m.of("1") != "[opened]" || m.of("2") != "[]" || len(d) != 1 || d[0].Bytes != len(data)-offsets[2] {
		t.Errorf("damages %v", d)
	}
}

// A long journal is many files. They go when their records have been applied, and the count goes on.
func TestFilesGoWhenApplied(t *testing.T) {
	dir := t.TempDir()
	small := ledger.JournalConfig{Dir: dir, SegmentSize: 1000}
	j, err := ledger.OpenJournal(small)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		openAttempt(t, j, fmt.Sprint(i))
	}
	files := func() int {
		list, err := filepath.Glob(filepath.Join(dir, "0*"))
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	if files() < 5 {
		t.Fatalf("only %d files", files())
	}
	m := newMemory()
	a, stop := run(t, j, m)
	flush(t, a)
	if err := errors.Join(stop(), j.Close()); err != nil {
		t.Fatal(err)
	}
	if files() != 1 {
		t.Errorf("%d files are left", files())
	}
	if j, err = ledger.OpenJournal(small); err != nil {
		t.Fatal(err)
	}
	openAttempt(t, j, "50")
	a, stop = run(t, j, m)
	flush(t, a)
	if err := errors.Join(stop(), j.Close()); err != nil {
		t.Fatal(err)
	}
	for i := range 51 {
		if m.of(fmt.Sprint(i)) != "[opened]" {
			t.Errorf("record %d: %s, want it exactly once", i, m.of(fmt.Sprint(i)))
		}
	}
}

func TestFilesGoWhileTheProcessRuns(t *testing.T) {
	dir := t.TempDir()
	j, m := openJournal(t, dir), newMemory()
	a, stop := run(t, j, m)
	records := make([]ledger.Record, 1000)
	for i := range records {
		records[i] = ledger.OpenRecord(attempt(fmt.Sprint(i)))
	}
	for range 20 {
		if err := j.Append(t.Context(), records...); err != nil {
			t.Fatal(err)
		}
		flush(t, a)
	}
	openAttempt(t, j, "last") // what has been applied is freed between syncs
	openAttempt(t, j, "very last")
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file(dir)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the first file is still there: %v", err)
	}
	if s := j.Stats(); m.of("very last") != "[opened]" || s.Waiting != 0 || s.Records != 20_002 {
		t.Errorf("%s, %+v", m.of("very last"), s)
	}
}

// The names of files that went may come back with a crash. Their records were applied, and are not applied again.
func TestFilesThatComeBackAreHarmless(t *testing.T) {
	dir, m := t.TempDir(), newMemory()
	j := openJournal(t, dir)
	a, stop := run(t, j, m)
	openAttempt(t, j, "0")
	flush(t, a)
	first, err := os.ReadFile(file(dir))
	if err := errors.Join(err, stop(), j.Close()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file(dir), first, 0o600); err != nil {
		t.Fatal(err)
	}
	j = openJournal(t, dir)
	a, stop = run(t, j, m)
	openAttempt(t, j, "1")
	flush(t, a)
	if err := errors.Join(stop(), j.Close()); err != nil {
		t.Fatal(err)
	}
	if m.of("0") != "[opened]" || m.of("1") != "[opened]" || len(j.Damages()) != 0 {
		t.Errorf("%s %s, %v", m.of("0"), m.of("1"), j.Damages())
	}
}

func TestAMissingFileIsDamage(t *testing.T) {
	dir := t.TempDir()
	j, err := ledger.OpenJournal(ledger.JournalConfig{Dir: dir, SegmentSize: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		openAttempt(t, j, fmt.Sprint(i))
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	list, _ := filepath.Glob(filepath.Join(dir, "0*"))
	if err := os.Remove(list[1]); err != nil {
		t.Fatal(err)
	}
	m, j := replay(t, dir)
	if d := j.Damages(); len(d) != 1 || d[0].Last < d[0].First || m.of("0") != "[opened]" || m.of("19") != "[opened]" {
		t.Errorf("damages %v, last record %s", d, m.of("19"))
	}
}

func FuzzOpenJournal(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x0fS\x00\x00\x00\x00\x01\x01\x00\x00\x00\x00\x00\x00\x00{}"))
	f.Add(bytes.Repeat([]byte{0}, 100))
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(file(dir), data, 0o600); err != nil {
			t.Fatal(err)
		}
		j, err := ledger.OpenJournal(ledger.JournalConfig{Dir: dir})
		if err != nil {
			t.Fatal(err) // whatever is in the file, money goes on being written
		}
		openAttempt(t, j, "next")
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// TestFinal: what a later record of the same process tells anyway is left out, and nothing else.
func TestFinal(t *testing.T) {
	a, b := switchyard.Attempt{ID: "a"}, switchyard.Attempt{ID: "b"}
	g := switchyard.Generation{ID: "g"}
	of := func(r ledger.Record, epoch string) ledger.Record { r.Epoch = epoch; return r }
	batch := ledger.Batch{Records: []ledger.Record{
		of(ledger.BeginRecord(g), "1"), of(ledger.OpenRecord(a), "1"), of(ledger.OpenRecord(b), "1"), of(ledger.HoldRecord(a), "1"),
		of(ledger.SettleRecord(a), "1"), of(ledger.SettleRecord(b), "2"), of(ledger.EndRecord(g), "1"),
	}}
	var kept []string
	for r := range batch.Final() {
		kept = append(kept, string(r.Kind)+r.Attempt.ID+r.Generation.ID)
	}
	if got, want := strings.Join(kept, " "), "openedb helda settleda settledb endedg"; got != want {
		t.Errorf("kept %s, want %s", got, want)
	}
}

// A process may die while it writes a file that takes the place of another.
func TestWhatWasHalfWrittenIsRemoved(t *testing.T) {
	dir := t.TempDir()
	half := filepath.Join(dir, ".tmp-half")
	if err := os.WriteFile(half, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	j := openJournal(t, dir)
	openAttempt(t, j, "1")
	if _, err := os.Stat(half); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
}
