package fetch

import (
	"context"
	"fmt"
	"io"
)

// Body reads the bytes of a Response as they arrive. A read past the limit fails with ErrTooLarge, and one after the
// time limit with context.DeadlineExceeded; io.EOF means that the file is whole. Only one goroutine may read it.
type Body struct {
	body   io.ReadCloser
	left   int64
	cancel context.CancelFunc
}

// Read reads the next bytes.
func (b *Body) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, fmt.Errorf("fetch: %w", ErrTooLarge)
	}
	if int64(len(p)) > b.left+1 { // one byte more than allowed: this shows whether the file is larger
		p = p[:b.left+1]
	}
	n, err := b.body.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return n - 1, fmt.Errorf("fetch: %w", ErrTooLarge)
	}
	return n, err
}

// Close ends the fetch, if it has not ended.
func (b *Body) Close() error {
	defer b.cancel()
	return b.body.Close()
}

var _ io.ReadCloser = (*Body)(nil)
