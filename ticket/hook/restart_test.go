package hook_test

import (
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"switchyard/ticket/hook"
)

func TestANewProcessGoesOnWhereTheLastOneWas(t *testing.T) {
	up := false
	r := receive(t, func(w http.ResponseWriter, _ request) {
		if !up {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	path := file(t)
	db := database(t, path)
	h := hooks(t, db, r, nil)
	stop := run(t, h)
	insert(t, db, h, r.notices("a1", "a2")...)
	r.ids(t, 2)
	stop()
	insert(t, db, h, r.notice("b1")) // nobody runs
	db.Close()
	for len(r.got) > 0 {
		<-r.got
	}
	up = true
	db = database(t, path)
	h = hooks(t, db, r, nil)
	stop = run(t, h)
	if got := r.ids(t, 3); strings.ReplaceAll(strings.ReplaceAll(got, "b1", ""), " ", "") != "a1a2" {
		t.Errorf("got %s", got)
	}
	stop()
	if s := stats(t, h); s.Pending != 0 || s.Delivered != 3 {
		t.Errorf("got %+v", s)
	}
}

func TestAnAttemptThatIsCutOffCountsForNothing(t *testing.T) {
	hang := make(chan struct{})
	r := receive(t, func(http.ResponseWriter, request) { <-hang })
	path := file(t)
	once := func(c *hook.Config) {
		c.Grace = 10 * time.Millisecond
		c.Policy = func(hook.Notice) hook.Policy { return hook.Policy{Attempts: 1} }
	}
	db := database(t, path)
	h := hooks(t, db, r, once)
	stop := run(t, h)
	insert(t, db, h, r.notice("a1"))
	r.next(t)
	stop()
	if s := stats(t, h); s.Pending != 1 || s.Attempts != 0 {
		t.Errorf("got %+v", s)
	}
	db.Close()
	close(hang)
	db = database(t, path)
	h = hooks(t, db, r, once)
	stop = run(t, h)
	r.next(t)
	stop()
	if s := stats(t, h); s.Pending != 0 || s.Delivered != 1 {
		t.Errorf("got %+v", s)
	}
}

func TestAnAttemptUnderWayGetsAMomentToEnd(t *testing.T) {
	began, goOn := make(chan struct{}), make(chan struct{})
	r := receive(t, func(http.ResponseWriter, request) { close(began); <-goOn })
	db := fresh(t)
	h := hooks(t, db, r, nil)
	stop := run(t, h)
	insert(t, db, h, r.notice("a1"))
	await(t, began)
	time.AfterFunc(20*time.Millisecond, func() { close(goOn) }) // while Run is stopping
	stop()
	if s := stats(t, h); s.Pending != 0 || s.Delivered != 1 {
		t.Errorf("got %+v", s)
	}
}

func TestWhatRiverLostIsSentAllTheSame(t *testing.T) {
	r, db := receive(t, ok), fresh(t)
	h := hooks(t, db, r, nil)
	insert(t, db, h, r.notice("a1"))
	if _, err := db.ExecContext(t.Context(), `DELETE FROM river_job`); err != nil {
		t.Fatal(err)
	}
	run(t, h)
	if got := r.next(t).id(); got != "a1" {
		t.Errorf("got %s", got)
	}
}

// crashes is set in the process that is to be killed: the database and the receiver.
const crashes = "SWITCHYARD_TEST_HOOK_CRASH"

func TestAKilledProcessLosesNothing(t *testing.T) {
	if path, address, _ := strings.Cut(os.Getenv(crashes), " "); path != "" {
		r := &receiver{address: address, allow: strings.TrimPrefix(address, "http://")}
		db := database(t, path)
		h := hooks(t, db, r, nil)
		run(t, h)
		insert(t, db, h, r.notices("a1", "a2")...)
		select {} // until we are killed
	}
	hang := make(chan struct{}) // until the first process is dead
	r := receive(t, func(http.ResponseWriter, request) { <-hang })
	path := file(t)
	child := exec.Command(os.Args[0], "-test.run=^TestAKilledProcessLosesNothing$")
	child.Env = append(os.Environ(), crashes+"="+path+" "+r.address)
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	got := r.next(t).id()
	child.Process.Kill()
	child.Wait()
	close(hang)
	db := database(t, path)
	h := hooks(t, db, r, nil)
	stop := run(t, h)
	if got += " " + r.ids(t, 2); got != "a1 a1 a2" {
		t.Errorf("got %s", got)
	}
	stop()
	if s := stats(t, h); s.Pending != 0 {
		t.Errorf("got %+v", s)
	}
}
