package proxy

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"switchyard"
	"switchyard/asset"
	"switchyard/attempt"
	"switchyard/breaker"
	"switchyard/cache"
	"switchyard/dialect"
	"switchyard/router"
	"switchyard/ticket"
)

// Assets hosts images for apps that expect an address.
type Assets interface {
	Put(ctx context.Context, image switchyard.Blob) (name string, err error)
	Open(name string) (switchyard.Blob, error)
	http.Handler // serves /assets/{name}
}

// Handler is the app's side. Its fields are set before the first request and then left alone, but for the config in
// force, which Use swaps.
type Handler struct {
	Runner *attempt.Runner // what passes through goes by its Transport, Switches, Limiter and Pool, too

	// What is on disk.
	Journal  Journal
	Accounts Accounts       // generations that have been written down
	Replies  *cache.Replies // answers that apps may ask for once more; may be nil
	Shared   *cache.Replies // answers that whoever asks the same may have, where a route says so
	Assets   Assets
	Uploads  *asset.Uploads // files that apps bring; nil if none are taken

	// Tickets, and what their apps are told of them.
	Tickets  *ticket.Store
	Owner    string // names this process in tickets
	Hooks    Hooks
	HookKeys func(tenant string) dialect.HookKeys // what a tenant's notices are signed with; without a tenant, what all share; may be nil

	// What is learned on the way.
	Deaths     *router.Deaths
	Statistics *router.Statistics                // may be nil
	Pace       *router.Pace                      // if nil, nothing is hedged
	Breakers   func(target string) breaker.State // for who asks how providers are; may be nil

	Ready   func() error             // why new requests are not welcome, for everybody to know; nil if they always are
	Observe func(*Record)            // gets every finished request; may be nil
	Late    func(switchyard.Attempt) // gets every attempt that ended after its request; may be nil
	Tracer  Tracer                   // may be nil; Runner has one of its own
	Log     *zap.Logger
	Now     func() time.Time // if nil, time.Now

	snap     atomic.Pointer[Snapshot]
	inFlight admission
	requests crowd
	batches  batches
	arrears  arrears
	waiters  waiters
	work     sync.WaitGroup // that goes on without a request: tickets, batches, losers of hedges, ends that are owed
	extra    http.Handler   // serves extrasPath
	once     sync.Once
	draining context.Context // ends when nothing new is to be begun
	drained  context.CancelFunc
	ending   context.Context // ends when what is left must be cut
	cut      context.CancelFunc
}

// Use puts a config into force, and must have been called before the first request. Requests in flight keep the one they began
// with.
func (h *Handler) Use(s *Snapshot) {
	h.init()
	h.snap.Store(s)
}

// Admit bounds the requests that are served at once, and those that wait for their turn: all others are told to come back. For
// 0 in flight, and before it is called, there is no bound. It may be called at any time.
func (h *Handler) Admit(inFlight, queue int) { h.inFlight.configure(inFlight, queue) }

func (h *Handler) init() {
	h.once.Do(func() {
		h.ending, h.cut = context.WithCancel(context.Background())
		h.draining, h.drained = context.WithCancel(h.ending)
		h.extra = h.extras()
	})
}

// Drain waits for the requests under way, then for the work that goes on without one. When ctx ends, what is left is cut
// and booked as possible. It is called once nobody sends requests any more.
func (h *Handler) Drain(ctx context.Context) {
	h.init()
	h.drained()
	stop := context.AfterFunc(ctx, h.cut)
	defer stop()
	h.requests.wait()
	h.work.Wait()
}

// working is a context for paid work: it does not end with the request it comes from, but after d, and when the process
// must.
func (h *Handler) working(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	ctx, cut := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(h.ending, func() { cut(attempt.ErrShutdown) })
	ctx, cancel := context.WithTimeout(ctx, d)
	return ctx, func() { stop(); cancel(); cut(nil) }
}

func (h *Handler) now() time.Time {
	if h.Now != nil {
		return h.Now()
	}
	return time.Now()
}

// request is one request of an app under way, or the work for a ticket.
type request struct {
	*Handler
	snap    *Snapshot
	place   place
	caller  *caller
	w       http.ResponseWriter
	r       *http.Request
	origin  string // under which the app calls us
	release func() // gives back the caller's place within its own limit
	rec     *Record
	trace   Trace     // nil if nobody follows
	kept    cache.Sum // under which the answer is kept, if the app's key names it
	passed  func()    // of one of a batch, which sends it again if a limit of ours refuses it: called when none does any more; else nil

	// Of one that asks for a generation.
	decoded *switchyard.Request         // nil until it is
	match   router.Match                // of what is decoded
	began   time.Time                   // when its pictures were begun to be made
	held    []switchyard.Attempt        // jobs that an earlier process left at a provider
	left    bool                        // a provider has a job that the next process goes on with
	rest    func() []switchyard.Attempt // waits for what the loser of a hedge has under way; nil if there is nothing
	ended   map[string]string           // what the work for a ticket said of itself: see Record.heads; nil if it is not over
	hosted  []string                    // names of the images that it has hosted; not in the record, whose readers must not have them
	gone    <-chan struct{}             // closed when nobody waits for the result any more
}

// ServeHTTP serves one request, and tells of it once.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.serveOwn(w, r) {
		return
	}
	if q := h.arrive(w, r).carry(); q.rec.Status < http.StatusOK { // at most told to wait
		panic(http.ErrAbortHandler) // its app has left; should it listen on, an empty 200 would be a lie
	}
}

// arrive makes a request of one that is for a provider.
func (h *Handler) arrive(w http.ResponseWriter, r *http.Request) *request {
	q := &request{Handler: h, snap: h.snap.Load(), r: r, rec: &Record{Started: h.now(), Method: r.Method}}
	q.w = &counter{ResponseWriter: w, rec: q.rec}
	q.origin = q.snap.Settings.origin(r)
	q.rec.ID = switchyard.NewID(q.rec.Started)
	q.gone = r.Context().Done()
	return q
}

// carry serves the request, and returns it with what it came to.
func (q *request) carry() *request {
	defer q.requests.enter()()
	q.startTrace(Tracer.Request)
	defer q.tell()
	if err := q.serve(); err != nil {
		q.rec.Err, q.kept = err, cache.Sum{} // a failure releases its key
		q.refuse(err)
	}
	return q
}

// Where a load balancer asks how we are.
const (
	healthPath = "/healthz"
	readyPath  = "/readyz"
)

// serveOwn serves what is ours and no provider's.
func (h *Handler) serveOwn(w http.ResponseWriter, r *http.Request) bool {
	switch {
	case r.URL.Path == healthPath || r.URL.Path == readyPath:
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		said := "ok"
		if r.URL.Path == readyPath && h.Ready != nil {
			if err := h.Ready(); err != nil {
				w.WriteHeader(http.StatusServiceUnavailable)
				said = "not ready: " + err.Error()
			}
		}
		_, _ = fmt.Fprintln(w, said)
	case strings.HasPrefix(r.URL.Path, asset.Prefix):
		h.Assets.ServeHTTP(w, r)
	case strings.HasPrefix(r.URL.Path, extrasPath):
		h.extra.ServeHTTP(w, r)
	default:
		return false
	}
	return true
}

// serve is a request's way: whose it is, who calls, and whether there is room for it.
func (q *request) serve() (err error) {
	defer q.survive(&err)
	if q.snap.Settings.preflight(q.w, q.r) {
		return nil
	}
	place, ok := q.snap.locate(q.r)
	if !ok {
		return errNowhere
	}
	q.place = place
	leave, err := q.inFlight.enter(q.r.Context())
	if err != nil {
		return err
	}
	defer leave()
	q.rec.Path = place.path
	q.caller, err = q.identify()
	switch { // some of these are for strangers, too
	case q.place.op == dialect.Page:
		return q.page(err)
	case q.isOpenFile():
		return q.file()
	case err != nil:
		return err
	}
	q.rec.Tenant, q.rec.Key = q.caller.tenant, q.caller.keyName()
	if q.release, err = q.ownLimit(); err != nil {
		return err
	}
	defer func() {
		if q.release != nil { // else a ticket's work has it
			q.release()
		}
	}()
	return q.dispatch()
}

// dispatch does what the request is for.
func (q *request) dispatch() error {
	if q.place.dialect == nil {
		return q.mounted()
	}
	if q.Runner.Switches.Bypassed() {
		return q.bypass()
	}
	switch q.place.op {
	case dialect.Generate:
		return q.generate()
	case dialect.Ticket:
		return q.ticket()
	case dialect.Files:
		return q.file()
	default:
		return q.pass(nil)
	}
}

// errNowhere is a path that is nobody's.
var errNowhere = errors.New("no provider has this path")
