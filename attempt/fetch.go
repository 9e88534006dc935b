package attempt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"switchyard"
	"switchyard/fetch"
	"switchyard/spool"
)

// A picture that has been made is paid for, and to ask for it once more costs nothing. So it is tried again after these
// pauses, for as long as the attempt may take.
var fetchPauses = [...]time.Duration{300 * time.Millisecond, 2 * time.Second}

// collect fetches the images of a result of which only the addresses are known.
func (x *exchange) collect(ctx context.Context, images []*switchyard.Image) error {
	err := x.fetch(ctx, images)
	for _, pause := range fetchPauses {
		if err == nil || !passing(err) || !switchyard.Sleep(ctx, pause) {
			break
		}
		images = slices.DeleteFunc(images, func(img *switchyard.Image) bool { return img.Blob != nil })
		err = x.fetch(ctx, images)
	}
	return err
}

// passing reports whether what a fetch failed with may be over in a moment. A file may be announced before it is everywhere.
func passing(err error) bool {
	for _, final := range []error{
		fetch.ErrURL, fetch.ErrBlocked, fetch.ErrTooLarge, fetch.ErrRedirect, fetch.ErrEncoded, spool.ErrTooLarge,
	} {
		if errors.Is(err, final) {
			return false
		}
	}
	if status, ok := errors.AsType[*fetch.StatusError](err); ok {
		switch status.Code {
		case http.StatusNotFound, http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
			return true
		}
		return status.Code >= 500
	}
	return !Panicked(err)
}

// fetch spools images of which only the addresses are known, side by side: those that can be had, even if others cannot. The bodies are
// closed with the run. Memory is asked for once, for all of them, when their servers have told how large they are.
func (r *run) fetch(ctx context.Context, images []*switchyard.Image) error {
	if len(images) == 0 {
		return nil
	}
	downloads := make([]download, len(images))
	opened := r.each(len(images), func(i int) (err error) {
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
	claim := r.Pool.Claim(sizes...)
	defer claim.Close()
	read := r.each(len(images), func(i int) (err error) {
		if d := &downloads[i]; d.src != nil {
			d.body, err = claim.Read(d.src, r.MaxImage)
		}
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
	if err := errors.Join(opened, read); err != nil {
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
