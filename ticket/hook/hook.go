// Package hook tells apps how their tickets fare: it delivers webhooks, at least once, over restarts and failures.
//
// A Notice is a row, written in the transaction that moves its ticket, so that neither exists without the other. Only the rows
// count: they say what is to be sent, how often that was tried, and when it is tried again. For each ticket with open notices
// there is one job of River, which sends them one after another. River wakes that job, and delays it until the next attempt;
// it decides nothing, and no submission ever depends on it.
//
//	Insert ──▶ notice ──▶ attempt ──▶ delivered                       2xx
//	             ▲           ├──────▶ given up, and reported          410, a forbidden address, no attempt left
//	             ╰───────────╯ due later                              all else
//
// A notice waits until all earlier ones of its ticket have ended. Other tickets do not wait for it.
//
// One process works on a database at a time: when Run begins, whatever was under way counts as cut off.
package hook

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/riverqueue/river"
)

// Notice is one thing that an app is to be told.
type Notice struct {
	ID      string // unique, and the same in each attempt, so that a receiver recognizes a repetition
	Ticket  string
	Dialect string
	Tenant  string
	URL     string // may hold secrets: not for logs
	Event   string
	Body    []byte // sent and signed as it is
}

// ErrIncomplete is for a Notice that lacks an ID, a Ticket or a URL.
var ErrIncomplete = errors.New("notice is incomplete")

// Poster sends one request, and follows no redirect. An error means that there was no answer, and holds no secret.
type Poster interface {
	Post(ctx context.Context, address string, header http.Header, body []byte) (status int, retryAfter time.Duration, err error)
}

// Config is what Hooks work with. DB, Post and Sign are needed.
type Config struct {
	// DB is a SQLite database that syncs at each commit and begins transactions as writer, over one connection. It need not be
	// the one whose transactions Insert gets, if the file is the same. The caller closes it, when Run has ended.
	DB   *sql.DB
	Post Poster
	// Sign returns the headers of an attempt at that time. It is called for each attempt, perhaps for several at once.
	Sign      func(n Notice, at time.Time) http.Header
	Policy    func(Notice) Policy // if nil, DefaultPolicy
	Forbidden func(error) bool    // whether an error of Post means that the address will never be allowed; if nil, none means that
	Report    func(Notice, error) // called for each notice that is given up, perhaps for several at once; may be nil
	Now       func() time.Time    // if nil, time.Now
	Log       *slog.Logger        // gets what goes wrong in River, at Warn and above; may be nil
	Workers   int                 // tickets that are served at once, a quarter of them for one receiver; 0: 32
	Poll      time.Duration       // how often River looks for a retry that is due; 0: 5 s
	Grace     time.Duration       // how long attempts under way may go on when Run ends; 0: 5 s
}

// Hooks deliver notices. Many goroutines may use them. They own goroutines only while Run runs.
type Hooks struct {
	conf  Config
	bell  *bell
	river *river.Client[*sql.Tx]

	shares shares // of the workers, by receiver

	attempts, delivered, givenUp atomic.Int64
}

// New makes Hooks. Before they are used, Up must have been called for the database.
func New(c Config) (*Hooks, error) {
	if c.DB == nil || c.Post == nil || c.Sign == nil {
		return nil, errors.New("hooks: DB, Post and Sign are needed")
	}
	h := &Hooks{conf: c.withDefaults(), bell: newBell()}
	h.shares.most = max(h.conf.Workers/4, 1)
	var err error
	if h.river, err = h.client(); err != nil {
		return nil, fmt.Errorf("hooks: %w", err)
	}
	return h, nil
}

func (c Config) withDefaults() Config {
	if c.Policy == nil {
		c.Policy = DefaultPolicy
	}
	if c.Forbidden == nil {
		c.Forbidden = func(error) bool { return false }
	}
	if c.Report == nil {
		c.Report = func(Notice, error) {}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Log = slog.New(quiet(c.Log))
	c.Workers = cmp.Or(c.Workers, 32)
	c.Poll = cmp.Or(c.Poll, 5*time.Second)
	c.Grace = cmp.Or(c.Grace, 5*time.Second)
	return c
}
