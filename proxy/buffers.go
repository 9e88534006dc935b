package proxy

import "sync"

// buffers is a pool of copy buffers for httputil.
type buffers struct {
	size int
	pool sync.Pool
}

// Get takes a buffer.
func (b *buffers) Get() []byte {
	if p, ok := b.pool.Get().(*[]byte); ok {
		return *p
	}
	return make([]byte, b.size)
}

// Put gives one back.
func (b *buffers) Put(p []byte) { b.pool.Put(&p) }
