package cache

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"switchyard"
)

// ErrMismatch is for a key that was used with another request.
var ErrMismatch = errors.New("key was used with another request")

// Config is where answers are kept.
type Config struct {
	Dir string        // made if it does not exist; nothing else may live there
	TTL time.Duration // of answers under a key; 0: 24 h
	Max int64         // bytes of all answers together; 0: 1 GiB. The oldest go first
	Now func() time.Time
}

// Sum is a digest.
type Sum [32]byte

// Reply is an answer as it was given. Its body can be opened until it is swept.
type Reply struct {
	Status int
	Header http.Header
	Body   switchyard.Blob
	Made   Made
}

// Made is who made an answer's pictures, how many they are, and which of them we host.
type Made struct {
	Target   string `json:"target"`
	Provider string `json:"provider"`
	Model    string `json:"model"`
	Images   int    `json:"images"`
	Fidelity string `json:"fidelity"`

	Hosted []string `json:"hosted,omitempty"` // as in switchyard.Generation
}

// Replies keeps answers. Many goroutines may use it; it has nothing to close.
type Replies struct {
	dir string
	ttl time.Duration
	max int64
	now func() time.Time

	sweeping sync.Mutex
	total    atomic.Int64 // bytes of all files

	mu      sync.Mutex // guards flights, and what is in them
	flights map[Sum]*Flight
}

// New opens the folder, and sweeps it.
func New(c Config) (*Replies, error) {
	r := &Replies{dir: c.Dir, ttl: c.TTL, max: c.Max, now: c.Now, flights: map[Sum]*Flight{}}
	if r.ttl <= 0 {
		r.ttl = 24 * time.Hour
	}
	if r.max <= 0 {
		r.max = 1 << 30
	}
	if r.now == nil {
		r.now = time.Now
	}
	if err := os.MkdirAll(r.dir, 0o700); err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	return r, r.Sweep()
}

// Keyed is the flight under an app's own key, or the answer that an earlier one came to. request is the digest of all
// that the app asked for.
func (r *Replies) Keyed(key, request Sum) (*Flight, *Reply, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f := r.flights[key]; f != nil {
		if f.request != request {
			return nil, nil, ErrMismatch
		}
		f.join()
		return f, nil, nil
	}
	kept, reply, err := r.load(key)
	if err != nil {
		return nil, nil, err
	}
	if reply != nil {
		if kept != request {
			return nil, nil, ErrMismatch
		}
		return nil, reply, nil
	}
	return r.begin(key, request, r.ttl).shared(), nil, nil
}

// Shared is the flight of a request whose answer everybody may have who asks the same within ttl, or that answer. One that
// is found stays longer than others when room is made.
func (r *Replies) Shared(request Sum, ttl time.Duration) (*Flight, *Reply, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f := r.flights[request]; f != nil {
		f.join()
		return f, nil, nil
	}
	_, reply, err := r.load(request)
	if reply != nil {
		_ = os.Chtimes(r.path(request), time.Time{}, r.now())
	}
	if reply != nil || err != nil {
		return nil, reply, err
	}
	return r.begin(request, request, ttl).shared(), nil, nil
}

// Kept is the answer under a key; nil if there is none, or none any more.
func (r *Replies) Kept(key Sum) (*Reply, error) {
	_, reply, err := r.load(key)
	return reply, err
}

// rejoinTTL is how long an answer is kept for an app that has left without it.
const rejoinTTL = time.Minute

// Rejoin is a flight of the same request that its app has left, or the answer it came to; else a new one. gone is closed
// when the caller leaves. Nil, with no answer, is for a request that somebody else still waits for: it is made beside it.
func (r *Replies) Rejoin(request Sum, gone <-chan struct{}) (*Flight, *Reply, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f := r.flights[request]; f != nil {
		if !closed(f.gone) {
			return nil, nil, nil
		}
		f.gone, f.joined = gone, true
		return f, nil, nil
	}
	if reply, err := r.take(request); reply != nil || err != nil {
		return nil, reply, err
	}
	f := r.begin(request, request, rejoinTTL)
	f.gone = gone
	return f, nil, nil
}

// begin starts a flight. Requires mu.
func (r *Replies) begin(key, request Sum, ttl time.Duration) *Flight {
	f := &Flight{replies: r, key: key, request: request, ttl: ttl, fresh: true, ended: make(chan struct{})}
	r.flights[key] = f
	return f
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
