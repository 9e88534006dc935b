package hook_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"switchyard/fetch"
	"switchyard/ticket/hook"
)

// open opens a database as the store of tickets has it.
func open(path string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(5000)&_txlock=immediate")
	if err == nil {
		db.SetMaxOpenConns(1)
	}
	return db, err
}

func database(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func fresh(t *testing.T) *sql.DB { return database(t, file(t)) }

// file is a database with all tables, copied: that is quicker than to make them.
func file(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.db")
	if err := os.WriteFile(path, template(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

var template = sync.OnceValue(func() []byte {
	dir, err := os.MkdirTemp("", "hook")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "x.db")
	db, err := open(path)
	if err != nil {
		panic(err)
	}
	if err := hook.Up(context.Background(), db); err != nil {
		panic(err)
	}
	db.Close()
	b, err := os.ReadFile(path)
	if err != nil {
		panic(err)
	}
	return b
})

// quick retries at once, for as long as a test lasts.
func quick(hook.Notice) hook.Policy {
	return hook.Policy{Attempts: 1000, Backoff: func(int) time.Duration { return 10 * time.Millisecond }}
}

// request is what a receiver got.
type request struct {
	header http.Header
	path   string
	body   string
}

func (r request) id() string { return r.header.Get("Webhook-Id") }

// receiver is an app's server.
type receiver struct {
	address string // without a path
	allow   string
	got     chan request // each request, before it is answered
}

// receive starts one. answer writes the answer, and may block.
func receive(t *testing.T, answer func(http.ResponseWriter, request)) *receiver {
	r := &receiver{got: make(chan request, 1000)}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, in *http.Request) {
		b, _ := io.ReadAll(in.Body)
		one := request{in.Header, in.URL.Path, string(b)}
		r.got <- one
		answer(w, one)
	}))
	t.Cleanup(s.Close)
	r.address, r.allow = s.URL, strings.TrimPrefix(s.URL, "http://")
	return r
}

func ok(http.ResponseWriter, request) {}

// next is what is received next.
func (r *receiver) next(t *testing.T) request {
	t.Helper()
	return await(t, r.got)
}

// ids are those of the next requests, in their order.
func (r *receiver) ids(t *testing.T, count int) string {
	t.Helper()
	var list []string
	for range count {
		list = append(list, r.next(t).id())
	}
	return strings.Join(list, " ")
}

func await[T any](t *testing.T, from <-chan T) (one T) {
	t.Helper()
	select {
	case one = <-from:
	case <-time.After(10 * time.Second):
		t.Fatal("nothing came")
	}
	return one
}

// sign is no signature, but tells what one would be made of.
func sign(n hook.Notice, at time.Time) http.Header {
	return http.Header{"Webhook-Id": {n.ID}, "At": {strconv.FormatInt(at.UnixNano(), 10)}, "Signed": {digest(n.Body)}}
}

func digest(body []byte) string { return fmt.Sprintf("%x", sha256.Sum256(body)) }

// hooks deliver to r.
func hooks(t *testing.T, db *sql.DB, r *receiver, change func(*hook.Config)) *hook.Hooks {
	t.Helper()
	client := fetch.New(fetch.Config{Allow: []string{r.allow}})
	t.Cleanup(client.Close)
	c := hook.Config{
		DB: db, Post: client, Sign: sign, Policy: quick, Poll: 20 * time.Millisecond,
		Forbidden: func(err error) bool { return errors.Is(err, fetch.ErrURL) || errors.Is(err, fetch.ErrBlocked) },
		Report:    func(n hook.Notice, err error) { t.Errorf("given up: %s: %v", n.ID, err) },
	}
	if change != nil {
		change(&c)
	}
	if err := hook.Up(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	h, err := hook.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// run runs h, until stop is called or the test ends.
func run(t *testing.T, h *hook.Hooks) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx) }()
	stopped := false
	stop = func() {
		t.Helper()
		if cancel(); stopped {
			return
		}
		stopped = true
		if err := await(t, ended); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return stop
}

// notice is one of a ticket; its ID is the ticket's name and its number.
func (r *receiver) notice(id string) hook.Notice {
	return hook.Notice{
		ID: id, Ticket: id[:1], Dialect: "fal", Tenant: "acme", Event: "completed",
		URL: r.address + "/" + id + "?sig=xyzzy", Body: []byte(`{"id": "` + id + `"}`),
	}
}

func (r *receiver) notices(ids ...string) (list []hook.Notice) {
	for _, id := range ids {
		list = append(list, r.notice(id))
	}
	return list
}

// insert commits notices, all at once.
func insert(t *testing.T, db *sql.DB, h *hook.Hooks, notices ...hook.Notice) {
	t.Helper()
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if err := h.Insert(t.Context(), tx, notices...); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	h.Wake()
}

func stats(t *testing.T, h *hook.Hooks) hook.Stats {
	t.Helper()
	s, err := h.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// running reports whether River counts a job as running.
func running(t *testing.T, db *sql.DB) (yes bool) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), `SELECT EXISTS (SELECT 1 FROM river_job WHERE state = 'running')`).Scan(&yes); err != nil {
		t.Fatal(err)
	}
	return yes
}
