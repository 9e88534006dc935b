package cache_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"switchyard/cache"
	"switchyard/durable"
)

type text string

func (s text) Open() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(string(s))), nil }
func (s text) Len() int64                   { return int64(len(s)) }

func reply(body string) *cache.Reply {
	return &cache.Reply{Status: http.StatusOK, Header: http.Header{"X-Id": {"g-1"}}, Body: text(body)}
}

func read(t *testing.T, r *cache.Reply) string {
	t.Helper()
	if r == nil {
		t.Fatal("there is no answer")
	}
	f, err := r.Body.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil || int64(len(b)) != r.Body.Len() {
		t.Errorf("%d of %d bytes, %v", len(b), r.Body.Len(), err)
	}
	return string(b)
}

func replies(t *testing.T, c cache.Config) *cache.Replies {
	t.Helper()
	if c.Dir == "" {
		c.Dir = t.TempDir()
	}
	r, err := cache.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func sum(b byte) cache.Sum { return cache.Sum{b} }

// claim claims what nobody else is at.
func claim(t *testing.T, r *cache.Replies, ask cache.Ask) *cache.Work {
	t.Helper()
	w, err := r.Claim(t.Context(), ask)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func arrives() error { return nil }
func breaks() error  { return io.ErrClosedPipe }

// deliver delivers what the caller has made.
func deliver(t *testing.T, w *cache.Work, body string) {
	t.Helper()
	if w.Reply() != nil {
		t.Fatal("it was made before")
	}
	if lost := w.Deliver(reply(body), arrives); lost != nil {
		t.Fatal(lost)
	}
}

// claiming is a claim that may have to wait, in a bubble of synctest.
type claiming struct {
	done chan struct{}
	w    *cache.Work
	err  error
}

func goClaim(ctx context.Context, r *cache.Replies, ask cache.Ask) *claiming {
	c := &claiming{done: make(chan struct{})}
	go func() {
		defer close(c.done)
		c.w, c.err = r.Claim(ctx, ask)
	}()
	return c
}

func (c *claiming) waits() bool {
	synctest.Wait()
	select {
	case <-c.done:
		return false
	default:
		return true
	}
}

func (c *claiming) work(t *testing.T) *cache.Work {
	t.Helper()
	if c.waits() || c.err != nil {
		t.Fatalf("it waits on, or got %v", c.err)
	}
	return c.w
}

func TestSweep(t *testing.T) {
	now, dir := time.Unix(0, 0), t.TempDir()
	r := replies(t, cache.Config{Dir: dir, TTL: time.Hour, Max: 2500, Now: func() time.Time { return now }})
	for i := range 4 {
		deliver(t, claim(t, r, cache.Keyed(sum(byte(i)), sum(9))), strings.Repeat("x", 1000))
	}
	count := func() int { files, _ := os.ReadDir(dir); return len(files) }
	if err := r.Sweep(); err != nil || count() != 2 {
		t.Errorf("%d are left of what is too much, %v", count(), err)
	}
	now = now.Add(2 * time.Hour)
	if err := r.Sweep(); err != nil || count() != 0 {
		t.Errorf("%d are left of what has expired, %v", count(), err)
	}
}

// TestWhatCannotBeReadIsNotMadeAgain: it may have been paid for.
func TestWhatCannotBeReadIsNotMadeAgain(t *testing.T) {
	for _, ask := range []cache.Ask{cache.Keyed(sum(1), sum(9)), cache.Rejoin(sum(1), gone())} {
		dir := t.TempDir()
		r := replies(t, cache.Config{Dir: dir})
		deliver(t, claim(t, r, ask), "picture")
		files, err := os.ReadDir(dir)
		if err != nil || len(files) != 1 {
			t.Fatal(files, err)
		}
		path := filepath.Join(dir, files[0].Name())
		if err := errors.Join(os.Remove(path), os.Symlink(path, path)); err != nil { // which no user can read
			t.Fatal(err)
		}
		if w, err := r.Claim(t.Context(), ask); err == nil {
			t.Errorf("got %v", w)
		}
		if _, err := r.Kept(sum(1)); err == nil {
			t.Error("it counts as none")
		}
	}
}

// TestHostsMustHaveThePictures that an answer points at, or it is made anew.
func TestHostsMustHaveThePictures(t *testing.T) {
	hosts := map[string]bool{"a": true, "b": true}
	r := replies(t, cache.Config{Hosts: func(name string) bool { return hosts[name] }})
	ask := cache.Keyed(sum(1), sum(9))
	made := reply("picture")
	made.Made.Hosted = []string{"a", "b"}
	if lost := claim(t, r, ask).Deliver(made, arrives); lost != nil {
		t.Fatal(lost)
	}
	read(t, claim(t, r, ask).Reply())
	delete(hosts, "b")
	deliver(t, claim(t, r, ask), "a new one")
}

// TestHalfAFileIsNone: a crash may leave one, if the disk does.
func TestHalfAFileIsNone(t *testing.T) {
	dir := t.TempDir()
	r := replies(t, cache.Config{Dir: dir})
	deliver(t, claim(t, r, cache.Keyed(sum(1), sum(9))), "picture")
	files, _ := os.ReadDir(dir)
	path := dir + "/" + files[0].Name()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 10, bytes.IndexByte(whole, '\n'), len(whole) - 1} {
		if err := os.WriteFile(path, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		w := claim(t, r, cache.Keyed(sum(1), sum(9)))
		if w.Reply() != nil {
			t.Errorf("cut at %d it is found", n)
		}
		w.Release()
	}
}

// TestTooMuchIsSweptAtOnce, not at the next round of the sweeper.
func TestTooMuchIsSweptAtOnce(t *testing.T) {
	dir := t.TempDir()
	r := replies(t, cache.Config{Dir: dir, Max: 5000})
	for i := range 50 {
		deliver(t, claim(t, r, cache.Keyed(sum(byte(i)), sum(9))), strings.Repeat("x", 1000))
	}
	if files, _ := os.ReadDir(dir); len(files) > 5 {
		t.Errorf("%d answers of a kilobyte are kept in 5 kB", len(files))
	}
	for i := range 50 { // of all sizes
		deliver(t, claim(t, r, cache.Keyed(sum(byte(100+i)), sum(9))), strings.Repeat("x", 20*i))
		if n := size(t, dir); n > 5000 {
			t.Fatalf("%d bytes are kept in 5 kB", n)
		}
	}
}

// size is how many bytes the files of a folder have.
func size(t *testing.T, dir string) (n int64) {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			t.Fatal(err)
		}
		n += info.Size()
	}
	return n
}

// TestSweepSparesWhatIsBeingWritten, as long as somebody may still be at it.
func TestSweepSparesWhatIsBeingWritten(t *testing.T) {
	now, dir := time.Unix(0, 0), t.TempDir()
	r := replies(t, cache.Config{Dir: dir, Now: func() time.Time { return now }})
	path, err := durable.Writer{}.Temp(dir, func(f *os.File) error {
		_, err := f.WriteString("half an ans")
		return errors.Join(err, os.Chtimes(f.Name(), now, now))
	})
	if err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Hour)
	if err := r.Sweep(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("what was begun an hour ago: %v", err)
	}
	now = now.Add(time.Second)
	if err := r.Sweep(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what a crash left: %v", err)
	}
}

// TestWhatIsSweptIsForgotten: whoever comes for one of several answers gets one that is there, and what is remembered of
// them goes with the last.
func TestWhatIsSweptIsForgotten(t *testing.T) {
	now := time.Unix(0, 0)
	r := replies(t, cache.Config{Now: func() time.Time { return now }})
	works := []*cache.Work{claim(t, r, cache.Rejoin(sum(1), stays())), claim(t, r, cache.Rejoin(sum(1), stays()))}
	for i, body := range []string{"one", "two"} {
		if lost := works[i].Deliver(reply(body), breaks); lost != nil {
			t.Fatal(lost)
		}
		now = now.Add(40 * time.Second)
	}
	if err := r.Sweep(); err != nil || cache.Askers(r) != 1 {
		t.Errorf("%d are remembered, %v", cache.Askers(r), err)
	}
	w := claim(t, r, cache.Rejoin(sum(1), stays()))
	if got := read(t, w.Reply()); got != "two" {
		t.Errorf("got %q", got)
	}
	w.Release()
	now = now.Add(time.Hour)
	if err := r.Sweep(); err != nil || cache.Askers(r) != 0 {
		t.Errorf("%d are remembered for nothing, %v", cache.Askers(r), err)
	}
}

// TestASweepDisturbsNobody: who makes an answer, and who waits for it, are remembered though it is in no file yet; or it
// would be told to another, too.
func TestASweepDisturbsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := replies(t, cache.Config{})
		w := claim(t, r, cache.Rejoin(sum(1), gone()))
		joined := goClaim(t.Context(), r, cache.Rejoin(sum(1), stays()))
		synctest.Wait()
		if err := r.Sweep(); err != nil {
			t.Error(err)
		}
		deliver(t, w, "picture")
		if got := read(t, joined.work(t).Reply()); got != "picture" {
			t.Errorf("got %q", got)
		}
		deliver(t, claim(t, r, cache.Rejoin(sum(1), stays())), "beside who waited")
	})
}

// TestSynced: before an answer under a key goes out, its file is on disk, and then the folder that has its name. Where that
// is not to be had, it is told as lost.
func TestSynced(t *testing.T) {
	errDisk := errors.New("the disk is gone")
	for name, c := range map[string]struct {
		ask  cache.Ask
		fail string
		want string
	}{
		"keyed":            {cache.Keyed(sum(1), sum(9)), "", "file folder+1 out"},
		"shared":           {cache.Shared(sum(1), time.Minute), "", "file out"}, // a crash costs it, and nobody counts on it
		"no file":          {cache.Keyed(sum(1), sum(9)), "file", "file out"},
		"no name":          {cache.Keyed(sum(1), sum(9)), "folder+1", "file folder+1 out"},
		"no file, shared":  {cache.Shared(sum(1), time.Minute), "file", "file out"},
		"left to nobody":   {cache.Rejoin(sum(1), stays()), "", "out"},
		"left for another": {cache.Rejoin(sum(1), gone()), "", "file out"},
	} {
		dir := t.TempDir()
		var did []string
		r := replies(t, cache.Config{Dir: dir}.WithSync(func(f *os.File) error {
			what := "file"
			if names, err := f.Readdirnames(-1); err == nil {
				what = fmt.Sprintf("folder+%d", len(names))
			}
			if did = append(did, what); what == c.fail {
				return errDisk
			}
			return f.Sync()
		}))
		lost := claim(t, r, c.ask).Deliver(reply("picture"), func() error { did = append(did, "out"); return nil })
		if got := strings.Join(did, " "); got != c.want || errors.Is(lost, errDisk) != (c.fail != "") {
			t.Errorf("%s: %q, want %q; lost: %v", name, got, c.want, lost)
		}
	}
}

// TestShared: one makes it, whoever asks the same has it until its time is over, and one that is asked for stays when room
// is made.
func TestShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := replies(t, cache.Config{Max: 4600})
		who := cache.Made{Target: "flux", Images: 2, Hosted: []string{"a.png", "b.png"}}
		keep := func(b byte) {
			w := claim(t, r, cache.Shared(sum(b), time.Minute))
			joined := goClaim(t.Context(), r, cache.Shared(sum(b), time.Minute))
			if w.Reply() != nil || !joined.waits() {
				t.Fatalf("%d is there already, or made twice", b)
			}
			made := reply(strings.Repeat("x", 1<<10))
			made.Made = who
			if lost := w.Deliver(made, arrives); lost != nil {
				t.Error(lost)
			}
			if got := joined.work(t); got.Reply() == nil || !got.Shared() {
				t.Errorf("who waited for %d makes it anew", b)
			}
			time.Sleep(time.Second)
		}
		there := func(b byte) bool {
			w := claim(t, r, cache.Shared(sum(b), time.Minute))
			defer w.Release()
			return w.Reply() != nil && reflect.DeepEqual(w.Reply().Made, who)
		}
		keep(1)
		keep(2)
		if !there(1) {
			t.Error("it is not found")
		}
		time.Sleep(time.Second)
		keep(3)
		keep(4) // too much: 2 was asked for longest ago
		if !there(1) || there(2) || !there(3) || !there(4) {
			t.Errorf("after making room: %v %v %v %v", there(1), there(2), there(3), there(4))
		}
		time.Sleep(time.Minute)
		if there(1) {
			t.Error("it is found after its time")
		}
	})
}
