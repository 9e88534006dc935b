package fetch

import (
	"context"
	"fmt"
	"io"
)

// body is a file on its way.
type body struct {
	io.ReadCloser
	left   int64
	cancel context.CancelFunc
}

func (b *body) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, fmt.Errorf("fetch: %w", ErrTooLarge)
	}
	if int64(len(p)) > b.left+1 { // one byte more than allowed: this shows whether the file is larger
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return n - 1, fmt.Errorf("fetch: %w", ErrTooLarge)
	}
	return n, err
}

func (b *body) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}
