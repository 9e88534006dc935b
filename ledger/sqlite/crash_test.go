package sqlite_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"switchyard"
	"switchyard/ledger"
	"switchyard/ledger/ledgertest"
	"switchyard/ledger/sqlite"
)

// The test binary runs itself: the child appends, tells what was acknowledged, and is killed at some moment.
const childDir = "SWITCHYARD_TEST_CRASH_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		child(dir)
	}
	os.Exit(m.Run())
}

// smallFiles is their size that has some begun and some removed at the moment of death.
const smallFiles = 4000

func parts(dir string, segment int) (*ledger.Journal, *sqlite.Store, error) {
	j, err := ledger.OpenJournal(ledger.JournalConfig{Dir: filepath.Join(dir, "journal"), SegmentSize: segment})
	if err != nil {
		return nil, nil, err
	}
	s, err := sqlite.Open(context.Background(), sqlite.Config{Path: filepath.Join(dir, "x.db")})
	return j, s, err
}

func child(dir string) {
	j, s, err := parts(dir, smallFiles)
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	go func() { panic(ledger.NewApplier(ledger.ApplierConfig{Journal: j, Store: s, Batch: 16}).Run(ctx)) }()
	var out sync.Mutex
	say := func(word, id string) {
		out.Lock()
		defer out.Unlock()
		fmt.Println(word, id)
	}
	for range 8 {
		go func() {
			for i := 0; ; i++ {
				a := ledgertest.Attempt(fmt.Sprintf("%s-%d", j.Epoch(), rand.Uint64()), "g")
				a.Generation = "g-" + a.ID
				g := ledgertest.Generation(a.Generation)
				if err := j.Append(ctx, ledger.BeginRecord(g), ledger.OpenRecord(a)); err != nil {
					panic(err)
				}
				say("opened", a.ID)
				if i%3 == 0 {
					continue // the provider never answers
				}
				if err := j.Append(ctx, ledger.SettleRecord(ledgertest.Done(a)), ledger.EndRecord(ledgertest.Ended(g))); err != nil {
					panic(err)
				}
				say("settled", a.ID)
			}
		}()
	}
	select {}
}

func TestAKilledProcessLosesNothing(t *testing.T) {
	dir, said := t.TempDir(), map[string]string{}
	for range 6 {
		crash(t, dir, said)
	}
	j, s, err := parts(dir, smallFiles)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if len(j.Damages()) > 0 {
		t.Errorf("a kill is no damage: %v", j.Damages()[0])
	}
	a := ledger.NewApplier(ledger.ApplierConfig{Journal: j, Store: s})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	if err := a.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	left, err := s.Unfinished(t.Context(), j.Epoch(), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	for _, acc := range left {
		if err := j.Append(t.Context(), acc.End(switchyard.Lost)...); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	compare(t, s, said)
}

// crash runs a child and kills it after some acknowledgements.
func crash(t *testing.T, dir string, said map[string]string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines, last := bufio.NewScanner(out), 1+rand.IntN(400)
	for n := 0; lines.Scan(); n++ { // what was said before the kill arrives after it, too
		if word, id, ok := strings.Cut(lines.Text(), " "); ok {
			said[id] = word
		}
		if n == last {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait() // killed
	if stderr.Len() > 0 {
		t.Fatalf("the child: %s", stderr.String())
	}
}

// compare holds the ledger against what was acknowledged.
func compare(t *testing.T, s *sqlite.Store, said map[string]string) {
	t.Helper()
	rows, err := s.Rows(t.Context(), ledgertest.Start, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]ledger.Row{}
	for _, r := range rows {
		if _, twice := found[r.ID]; twice {
			t.Errorf("attempt %s is there twice", r.ID)
		}
		found[r.ID] = r
	}
	for id, word := range said {
		r, ok := found[id]
		switch {
		case !ok:
			t.Errorf("attempt %s was acknowledged, and is lost", id)
		case word == "settled" && (r.Outcome != switchyard.OK || r.Cost.Amount != 24_000_000):
			t.Errorf("attempt %s was settled, and is %s at %v", id, r.Outcome, r.Cost)
		case r.Outcome == switchyard.Lost && (r.Cost.Charge != switchyard.ChargePossible || r.Cost.Amount != 25_000_000):
			t.Errorf("attempt %s is lost at %v", id, r.Cost)
		case r.Outcome == "":
			t.Errorf("attempt %s still runs", id)
		}
	}
	ledgertest.SumsAddUp(t, s)
	c, err := s.Check(t.Context())
	if err != nil || len(c.Wrong) > 0 || c.Running > 0 || c.Generations != c.Attempts {
		t.Errorf("the ledger does not add up: %+v, %v", c, err)
	}
	if len(said) < 50 {
		t.Errorf("only %d attempts were acknowledged", len(said))
	}
}
