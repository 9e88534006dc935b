package attempt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"switchyard"
	"switchyard/spool"
)

// fetch spools the images of which only the addresses are known, side by side. The spooled bodies are closed with the
// run. Memory is asked for once, for all of them, when the providers have told how large they are.
func (r *run) fetch(ctx context.Context, images []*switchyard.Image) error {
	if len(images) == 0 {
		return nil
	}
	downloads := make([]download, len(images))
	err := r.each(len(images), func(i int) (err error) {
		d := &downloads[i]
		d.src, d.size, err = r.Fetcher.Fetch(ctx, images[i].URL, r.MaxImage)
		return err
	})
	sizes := make([]int64, len(images))
	for i, d := range downloads {
		if d.src != nil {
			defer d.src.Close()
		}
		sizes[i] = d.size
	}
	if err != nil {
		return fmt.Errorf("fetch image: %w", err)
	}
	claim := r.Pool.Claim(sizes...)
	defer claim.Close()
	err = r.each(len(images), func(i int) (err error) {
		d := &downloads[i]
		d.body, err = claim.Read(d.src, r.MaxImage)
		return err
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, d := range downloads {
		if d.body != nil {
			r.fetched = append(r.fetched, d.body)
			images[i].Blob, images[i].URL = d.body, ""
		}
	}
	if err != nil {
		return fmt.Errorf("fetch image: %w", err)
	}
	return nil
}

// download is one file on its way.
type download struct {
	src  io.ReadCloser
	size int64 // negative: not told
	body *spool.Body
}

// each does n things side by side; the last of them without a goroutine of its own.
func (r *run) each(n int, do func(i int) error) error {
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		work := func() {
			defer r.survive(&errs[i])
			errs[i] = do(i)
		}
		if i == n-1 {
			work()
		} else {
			all.Go(work)
		}
	}
	all.Wait()
	return errors.Join(errs...)
}
