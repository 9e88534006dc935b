package cache

import (
	"fmt"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"switchyard"
	"switchyard/durable"
)

// Config is where answers are kept.
type Config struct {
	Dir string           // made if it does not exist; nothing else may live there
	TTL time.Duration    // of answers under a key; 0: 24 h
	Max int64            // bytes of all answers together; 0: 1 GiB. The oldest go first
	Now func() time.Time // nil: time.Now

	// Hosts reports whether an image of ours is still there. An answer that names one which is not counts as gone. nil: they all are.
	Hosts func(name string) bool

	files durable.Writer // for tests
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

// Made says who made an answer's pictures, how many they are, and which of them we host.
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

	hosts func(name string) bool // nil: always true

	files durable.Writer

	sweeping sync.Mutex
	total    atomic.Int64 // bytes of all files

	mu      sync.Mutex // guards what follows, and what is in it
	sharers map[Sum]*sharers
	lines   map[Sum][]*line // of those who ask the same
}

// New opens the folder, and sweeps it.
func New(c Config) (*Replies, error) {
	r := &Replies{dir: c.Dir, ttl: c.TTL, max: c.Max, now: c.Now, hosts: c.Hosts, files: c.files, sharers: map[Sum]*sharers{}, lines: map[Sum][]*line{}}
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

// Kept returns the answer under a key; nil if there is none, or none any more.
func (r *Replies) Kept(key Sum) (*Reply, error) {
	_, reply, err := r.load(key)
	return reply, err
}
